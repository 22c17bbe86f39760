//! Float layers: the transforms, and entropy networks of weights that were made for floats.

use burn::module::{Module, Param};
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Tensor};

use super::arithmetic::{Arithmetic, Input, Kind, Layer, Range, Spec};
use super::differentiable;
use super::exact::{SLOPE, leaky_value};
use crate::nets::host;
use crate::nets::tensors::tensor;
use crate::{ModelError, Weights, WeightsError};

/// The activation function of kiln's own float networks: max(x, x / 8), as in the integer networks.
pub(crate) fn leaky(x: Tensor<4>) -> Tensor<4> {
    if host::is_here(&x) {
        return host::map(x, leaky_value);
    }
    leaky_relu(x, SLOPE)
}

/// A convolution of floats.
#[derive(Module, Debug)]
pub struct FloatConv {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    kind: Kind,
    #[module(skip)]
    range: Range,
}

impl FloatConv {
    /// A layer of these numbers: weights in the order of [`Kind::weight`].
    pub(crate) fn new(
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        spec: Spec,
        device: &Device,
    ) -> Self {
        let (inputs, outputs) = (spec.input.channels, spec.outputs);
        let shape = spec.kind.weight(inputs, outputs);
        Self {
            weight: Param::from_tensor(tensor(weight, shape, device)),
            bias: bias.map(|b| Param::from_tensor(tensor(b, [outputs], device))),
            kind: spec.kind,
            range: spec.range,
        }
    }

    /// The weights, as [`Kind::weight`] shapes them.
    pub(crate) fn weight(&self) -> Tensor<4> {
        self.weight.val()
    }

    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.as_ref().map(|b| b.val()));
        let channels = x.dims()[1];
        match self.kind {
            Kind::Pointwise if x.is_autodiff() => differentiable::pointwise(x, weight, bias),
            Kind::Depthwise if x.is_autodiff() => differentiable::depthwise(x, weight, bias),
            Kind::Pointwise => {
                let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
                conv2d(x, weight, bias, options)
            }
            Kind::Depthwise => {
                let options = ConvOptions::new([1, 1], [1, 1], [1, 1], channels);
                conv2d(x, weight, bias, options)
            }
            Kind::Conv { kernel, stride } => {
                let padding = [kernel / 2; 2];
                let options = ConvOptions::new([stride; 2], padding, [1, 1], 1);
                conv2d(x, weight, bias, options)
            }
            Kind::Deconv { kernel, stride } => {
                // Rows that a whole number of strides leaves out at the end.
                let missing = [stride - 1; 2];
                let padding = [kernel / 2; 2];
                let options = ConvTransposeOptions::new([stride; 2], padding, missing, [1, 1], 1);
                conv_transpose2d(x, weight, bias, options)
            }
        }
    }
}

impl Layer for FloatConv {
    type At = ();

    fn forward(&self, x: Tensor<4>, _: &()) -> Result<Tensor<4>, ModelError> {
        let sums = self.convolve(x);
        Ok(match self.range {
            Range::Leaky => leaky(sums),
            Range::Linear | Range::Mean | Range::Row(_) => sums,
        })
    }

    fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        a + b
    }
}

/// Makes layers of floats.
pub struct Floats<'a, 'w> {
    /// Where the numbers come from.
    pub weights: &'a mut Weights<'w>,
    /// Where the layers run.
    pub device: &'a Device,
    /// Whether what the layers compute picks a probability: each of them then makes the weights not portable.
    pub picks_probability: bool,
}

impl<'a, 'w> Floats<'a, 'w> {
    /// For transforms: no probability depends on them.
    pub fn transform(weights: &'a mut Weights<'w>, device: &'a Device) -> Self {
        Self {
            weights,
            device,
            picks_probability: false,
        }
    }

    /// For networks between decoded symbols and probabilities.
    pub fn entropy(weights: &'a mut Weights<'w>, device: &'a Device) -> Self {
        Self {
            weights,
            device,
            picks_probability: true,
        }
    }
}

impl Arithmetic for Floats<'_, '_> {
    type Layer = FloatConv;

    /// Takes `name.weight` (a matrix for 1x1, nine numbers a channel for 3x3 on each channel, else Burn's shape) and
    /// `name.bias` (outputs).
    fn layer(&mut self, name: &str, spec: Spec) -> Result<FloatConv, WeightsError> {
        let (inputs, outputs) = (spec.input.channels, spec.outputs);
        let shape = spec.kind.weight(inputs, outputs);
        let stored: &[usize] = match spec.kind {
            Kind::Pointwise => &[outputs, inputs],
            Kind::Depthwise => &[outputs, 9],
            Kind::Conv { .. } | Kind::Deconv { .. } => &shape,
        };
        if self.picks_probability {
            self.weights.found_float(name);
        }
        let weight = self.weights.floats(&format!("{name}.weight"), stored)?;
        let bias = match spec.bias {
            true => Some(self.weights.floats(&format!("{name}.bias"), &[outputs])?),
            false => None,
        };
        Ok(FloatConv::new(weight, bias, spec, self.device))
    }

    fn parts(&mut self, name: &str, spec: Spec, _: usize) -> Result<Vec<FloatConv>, WeightsError> {
        Ok(vec![self.layer(name, spec)?])
    }
}

/// Channels that a float layer reads; their magnitudes have no bound.
pub(crate) fn channels(channels: usize) -> Input {
    Input {
        channels,
        max: i32::MAX,
        bits: 0,
    }
}

/// Depth-wise convolution block in the manner of EVC (Wang et al., 2023): x += B dw(leaky(A x)), then x += F2 leaky(F1 x).
#[derive(Module, Debug)]
pub(crate) struct Block<L: Module> {
    a: L,
    d: L,
    b: L,
    f1: L,
    f2: L,
}

/// Cells on each side that an output cell of a [`Block`] reads.
pub(crate) const BLOCK_REACH: usize = 1;

impl<L: Layer<At = ()>> Block<L> {
    pub(crate) fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        name: &str,
        c: usize,
        expansion: usize,
    ) -> Result<Self, WeightsError> {
        let mut layer = |part: &str, kind: Kind, inputs: usize, outputs: usize| {
            let spec = Spec::new(kind, channels(inputs), outputs);
            a.layer(&format!("{name}.{part}"), spec)
        };
        let wide = expansion * c;
        Ok(Self {
            a: layer("a", Kind::Pointwise, c, c)?,
            d: layer("d", Kind::Depthwise, c, c)?,
            b: layer("b", Kind::Pointwise, c, c)?,
            f1: layer("f1", Kind::Pointwise, c, wide)?,
            f2: layer("f2", Kind::Pointwise, wide, c)?,
        })
    }

    pub(crate) fn forward(&self, x: Tensor<4>) -> Result<Tensor<4>, ModelError> {
        let f = leaky(self.a.forward(x.clone(), &())?);
        let x = L::add(x, self.b.forward(self.d.forward(f, &())?, &())?);
        let f = leaky(self.f1.forward(x.clone(), &())?);
        Ok(L::add(x, self.f2.forward(f, &())?))
    }
}
