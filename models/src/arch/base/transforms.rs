//! The float transforms of `base`: g_a, h_a and g_s. None of them picks a probability.

use burn::module::Module;
use burn::tensor::Tensor;

use super::config::Config;
use crate::nets::arithmetic::{Arithmetic, Kind, Layer, Spec};
use crate::nets::float::{BLOCK_REACH, Block, FloatConv, channels, leaky};
use crate::nets::host;
use crate::nets::tensors::{download, pixel_shuffle, pixel_unshuffle};
use crate::{ModelError, WeightsError};

/// Cells at 1/16 that a chain of `blocks` at 1/8 followed or preceded by one block at 1/16 reads beyond its own.
fn reach(blocks: usize) -> usize {
    BLOCK_REACH + (blocks * BLOCK_REACH).div_ceil(2)
}

fn pointwise(inputs: usize, outputs: usize) -> Spec {
    Spec::new(Kind::Pointwise, channels(inputs), outputs)
}

fn depthwise(c: usize) -> Spec {
    Spec::new(Kind::Depthwise, channels(c), c)
}

fn blocks<A: Arithmetic<Layer: Layer<At = ()>>>(
    a: &mut A,
    name: &str,
    count: usize,
    c: &Config,
) -> Result<Vec<Block<A::Layer>>, WeightsError> {
    (0..count)
        .map(|i| Block::load(a, &format!("{name}.{i}"), c.width, c.expansion))
        .collect()
}

/// g_a: a linear transform of 16x16 blocks plus a network, [1, 3, 16h, 16w] in -1/2..=1/2 -> y [1, M, h, w].
#[derive(Module, Debug)]
pub(crate) struct Analysis<L: Module> {
    linear: L,
    inp: L,
    blocks: Vec<Block<L>>,
    down: L,
    low: Block<L>,
    out: L,
}

impl<L: Layer<At = ()>> Analysis<L> {
    pub(crate) fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        c: &Config,
    ) -> Result<Self, WeightsError> {
        let (m, width) = (c.latents, c.width);
        Ok(Self {
            linear: a.layer("g_a.linear", pointwise(768, m).without_bias())?,
            inp: a.layer("g_a.inp", pointwise(192, width))?,
            blocks: blocks(a, "g_a.blocks", c.analysis_blocks, c)?,
            down: a.layer("g_a.down", pointwise(4 * width, m))?,
            low: Block::load(a, "g_a.low", m, 1)?,
            out: a.layer("g_a.out", pointwise(m, m))?,
        })
    }

    /// Cells of y around a tile that its result depends on.
    pub(crate) fn halo(&self) -> usize {
        reach(self.blocks.len())
    }

    pub(crate) fn forward(&self, x: Tensor<4>) -> Result<Tensor<4>, ModelError> {
        let mut f = self.inp.forward(pixel_unshuffle(x.clone(), 8), &())?;
        for b in &self.blocks {
            f = b.forward(f)?;
        }
        let f = self.down.forward(pixel_unshuffle(f, 2), &())?;
        let f = self.out.forward(self.low.forward(f)?, &())?;
        let linear = self.linear.forward(pixel_unshuffle(x, 16), &())?;
        Ok(L::add(linear, f))
    }
}

/// g_s: y_hat with its gain undone [1, M, h, w] -> picture - 1/2 [1, 3, 16h, 16w].
#[derive(Module, Debug)]
pub(crate) struct Synthesis<L: Module> {
    linear: L,
    low: Block<L>,
    up: L,
    blocks: Vec<Block<L>>,
    out: L,
}

impl<L: Layer<At = ()>> Synthesis<L> {
    pub(crate) fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        c: &Config,
    ) -> Result<Self, WeightsError> {
        let (m, width) = (c.latents, c.width);
        Ok(Self {
            linear: a.layer("g_s.linear", pointwise(m, 768).without_bias())?,
            low: Block::load(a, "g_s.low", m, 1)?,
            up: a.layer("g_s.up", pointwise(m, 4 * width))?,
            blocks: blocks(a, "g_s.blocks", c.synthesis_blocks, c)?,
            out: a.layer("g_s.out", pointwise(width, 192))?,
        })
    }

    /// Cells of y around a tile that its result depends on.
    pub(crate) fn halo(&self) -> usize {
        reach(self.blocks.len())
    }

    pub(crate) fn forward(&self, y: Tensor<4>) -> Result<Tensor<4>, ModelError> {
        let f = self.up.forward(self.low.forward(y.clone())?, &())?;
        let mut f = pixel_shuffle(f, 2);
        for b in &self.blocks {
            f = b.forward(f)?;
        }
        let linear = pixel_shuffle(self.linear.forward(y, &())?, 16);
        Ok(L::add(linear, pixel_shuffle(self.out.forward(f, &())?, 8)))
    }
}

impl Synthesis<FloatConv> {
    /// Sum of squares of what each latent adds to the picture through the linear part: [M].
    pub(crate) fn linear_energies(&self) -> Result<Vec<f32>, ModelError> {
        let columns = download(self.linear.weight().permute([2, 1, 0, 3]))?;
        Ok(columns
            .outer_iter()
            .map(|c| c.iter().map(|w| w * w).sum())
            .collect())
    }
}

/// h_a: y times the encoder's gain [1, M, 4h, 4w] -> z before rounding [1, Z, h, w].
#[derive(Module, Debug)]
pub(crate) struct HyperAnalysis<L: Module> {
    inp: L,
    d: L,
    down1: L,
    d2: L,
    down2: L,
}

/// Cells of z around a tile that the result of [`HyperAnalysis`] depends on: one cell at 1/16 and one at 1/32 lie within
/// one of 1/64.
pub(crate) const HYPER_ANALYSIS_HALO: usize = 1;

impl<L: Layer<At = ()>> HyperAnalysis<L> {
    pub(crate) fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        c: &Config,
    ) -> Result<Self, WeightsError> {
        let f = c.features;
        Ok(Self {
            inp: a.layer("h_a.inp", pointwise(c.latents, f))?,
            d: a.layer("h_a.d", depthwise(f))?,
            down1: a.layer("h_a.down1", pointwise(4 * f, f))?,
            d2: a.layer("h_a.d2", depthwise(f))?,
            down2: a.layer("h_a.down2", pointwise(4 * f, c.hyper))?,
        })
    }

    pub(crate) fn forward(&self, y: Tensor<4>) -> Result<Tensor<4>, ModelError> {
        let f = leaky(self.inp.forward(signed_logarithm(y), &())?);
        let f = pixel_unshuffle(leaky(self.d.forward(f, &())?), 2);
        let f = leaky(self.down1.forward(f, &())?);
        let f = pixel_unshuffle(leaky(self.d2.forward(f, &())?), 2);
        self.down2.forward(f, &())
    }
}

/// sign(y) log(1 + |y|), so that coefficients of all sizes weigh alike.
fn signed_logarithm(y: Tensor<4>) -> Tensor<4> {
    if host::is_here(&y) {
        return host::map(y, |y| y.abs().ln_1p().copysign(y));
    }
    y.clone().sign() * y.abs().log1p()
}
