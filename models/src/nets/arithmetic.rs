//! A network is written once, generic over its layers; what a layer computes with is chosen when weights load.
//!
//! | arithmetic | layer | use |
//! |---|---|---|
//! | [`Exact`](super::exact::Exact) | integers carried in f32 | coding: the same on every machine |
//! | [`Floats`](super::float::Floats) | f32 | transforms, and entropy networks of imported weights |
//! | `Quantised` (feature `train`) | f32 with the rounding of integers in the loop | training |
//! | [`Count`](super::count::Count) | shapes | multiply-accumulates |

use std::fmt::Debug;

use burn::module::Module;
use burn::tensor::Tensor;

use crate::{ModelError, WeightsError};

/// What a layer does with the grid that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1x1: a matrix for each cell.
    Pointwise,
    /// 3x3 on each channel on its own, zeros around the grid.
    Depthwise,
    /// `kernel` x `kernel` over all channels, zeros around the grid, a result for every `stride`-th cell.
    Conv {
        /// Side of the kernel, odd.
        kernel: usize,
        /// Cells from one result to the next.
        stride: usize,
    },
    /// The transpose of a convolution: `stride` results along each side for each cell.
    Deconv {
        /// Side of the kernel, odd.
        kernel: usize,
        /// Results for each cell.
        stride: usize,
    },
}

impl Kind {
    /// Shape of the weights as Burn has them.
    pub fn weight(self, inputs: usize, outputs: usize) -> [usize; 4] {
        match self {
            Self::Pointwise => [outputs, inputs, 1, 1],
            Self::Depthwise => [outputs, 1, 3, 3],
            Self::Conv { kernel, .. } => [outputs, inputs, kernel, kernel],
            Self::Deconv { kernel, .. } => [inputs, outputs, kernel, kernel],
        }
    }

    /// Cells of the result for a side of so many cells.
    pub fn side(self, cells: usize) -> usize {
        match self {
            Self::Pointwise | Self::Depthwise => cells,
            Self::Conv { stride, .. } => cells.div_ceil(stride),
            Self::Deconv { stride, .. } => cells * stride,
        }
    }

    /// Multiply-accumulates for a grid of `h` x `w` cells.
    pub fn macs(self, inputs: usize, outputs: usize, h: usize, w: usize) -> u64 {
        let weights: usize = self.weight(inputs, outputs).iter().product();
        let cells = match self {
            // Each cell that is read is multiplied with the whole kernel.
            Self::Deconv { .. } => h * w,
            _ => self.side(h) * self.side(w),
        };
        (weights * cells) as u64
    }
}

/// What becomes of the sums of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// An activation, through the leaky activation function.
    Leaky,
    /// An activation, as it is.
    Linear,
    /// A mean of latents.
    Mean,
    /// The row of a bank of so many probability tables.
    Row(u16),
}

/// What a layer reads: channels and, in integers, the largest magnitude of their values.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Number of channels.
    pub channels: usize,
    /// Largest magnitude.
    pub max: i32,
    /// Fractional bits of the values, where integers stand for them.
    pub bits: u32,
}

/// What a layer is: its sizes, its kind and its range. This is the one place where a network's shape is written.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// What it does with the grid.
    pub kind: Kind,
    /// What it reads.
    pub input: Input,
    /// Channels that it makes.
    pub outputs: usize,
    /// Whether it adds a bias.
    pub bias: bool,
    /// Rows of biases, one per level; 0 for a single row that serves all.
    pub levels: usize,
    /// What becomes of its sums.
    pub range: Range,
}

impl Spec {
    /// A layer with a bias that serves all levels, and results as they are.
    pub fn new(kind: Kind, input: Input, outputs: usize) -> Self {
        Self {
            kind,
            input,
            outputs,
            bias: true,
            levels: 0,
            range: Range::Linear,
        }
    }

    /// The same with a bias for each of so many levels.
    #[must_use]
    pub fn levels(self, levels: usize) -> Self {
        Self { levels, ..self }
    }

    /// The same with another range.
    #[must_use]
    pub fn range(self, range: Range) -> Self {
        Self { range, ..self }
    }

    /// The same without a bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self {
            bias: false,
            ..self
        }
    }
}

/// A layer of a network. Tensors are [batch, channels, rows, columns].
pub trait Layer: Module + Debug + Send + Sync {
    /// What is known of the batch beside its values: the level, where the arithmetic has biases for each.
    type At: ?Sized;

    /// The results of the layer.
    ///
    /// # Errors
    /// The device fails.
    fn forward(&self, x: Tensor<4>, at: &Self::At) -> Result<Tensor<4>, ModelError>;

    /// The sum of two activations of one shape, brought back into the range of one.
    fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4>;
}

/// A kind of arithmetic: makes layers out of weights.
pub trait Arithmetic {
    /// The layers that it makes.
    type Layer: Layer;

    /// The layer of that name.
    ///
    /// # Errors
    /// A tensor is missing, misshapen or breaks a bound of the arithmetic.
    fn layer(&mut self, name: &str, spec: Spec) -> Result<Self::Layer, WeightsError>;

    /// The layer of that name, cut along its outputs into `parts` layers, for networks that compute each part on cells of
    /// its own. One layer where the arithmetic computes all parts everywhere.
    ///
    /// # Errors
    /// As [`layer`](Self::layer).
    fn parts(
        &mut self,
        name: &str,
        spec: Spec,
        parts: usize,
    ) -> Result<Vec<Self::Layer>, WeightsError>;
}
