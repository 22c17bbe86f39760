//! The float transforms of the base model: g_a, h_a and g_s. None of them picks a probability.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::config::Config;
use crate::host;
use crate::layers::{Block, Depthwise, Pointwise, leaky};
use crate::tensors::{download, pixel_shuffle, pixel_unshuffle};
use crate::{ModelError, Weights, WeightsError};

/// Cells at 1/16 that a chain of `blocks` at 1/8 followed or preceded by one block at 1/16 reads beyond its own.
fn reach(blocks: usize) -> usize {
    Block::REACH + (blocks * Block::REACH).div_ceil(2)
}

/// g_a: a linear transform of 16x16 blocks plus a network, [1, 3, 16h, 16w] in -1/2..=1/2 -> y [1, M, h, w].
#[derive(Module, Debug)]
pub(crate) struct Analysis {
    linear: Pointwise,
    inp: Pointwise,
    blocks: Vec<Block>,
    down: Pointwise,
    low: Block,
    out: Pointwise,
}

impl Analysis {
    pub(crate) fn load(w: &mut Weights, c: &Config, device: &Device) -> Result<Self, WeightsError> {
        let (m, width) = (c.latents, c.width);
        Ok(Self {
            linear: Pointwise::load(w, "g_a.linear", 768, m, false, device)?,
            inp: Pointwise::load(w, "g_a.inp", 192, width, true, device)?,
            blocks: (0..c.analysis_blocks)
                .map(|i| Block::load(w, &format!("g_a.blocks.{i}"), width, c.expansion, device))
                .collect::<Result<_, _>>()?,
            down: Pointwise::load(w, "g_a.down", 4 * width, m, true, device)?,
            low: Block::load(w, "g_a.low", m, 1, device)?,
            out: Pointwise::load(w, "g_a.out", m, m, true, device)?,
        })
    }

    /// Cells of y around a tile that its result depends on.
    pub(crate) fn halo(&self) -> usize {
        reach(self.blocks.len())
    }

    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut f = self.inp.forward(pixel_unshuffle(x.clone(), 8));
        for b in &self.blocks {
            f = b.forward(f);
        }
        let f = self.low.forward(self.down.forward(pixel_unshuffle(f, 2)));
        self.linear.forward(pixel_unshuffle(x, 16)) + self.out.forward(f)
    }
}

/// g_s: y_hat with its gain undone [1, M, h, w] -> picture - 1/2 [1, 3, 16h, 16w].
#[derive(Module, Debug)]
pub(crate) struct Synthesis {
    linear: Pointwise,
    low: Block,
    up: Pointwise,
    blocks: Vec<Block>,
    out: Pointwise,
}

impl Synthesis {
    pub(crate) fn load(w: &mut Weights, c: &Config, device: &Device) -> Result<Self, WeightsError> {
        let (m, width) = (c.latents, c.width);
        Ok(Self {
            linear: Pointwise::load(w, "g_s.linear", m, 768, false, device)?,
            low: Block::load(w, "g_s.low", m, 1, device)?,
            up: Pointwise::load(w, "g_s.up", m, 4 * width, true, device)?,
            blocks: (0..c.synthesis_blocks)
                .map(|i| Block::load(w, &format!("g_s.blocks.{i}"), width, c.expansion, device))
                .collect::<Result<_, _>>()?,
            out: Pointwise::load(w, "g_s.out", width, 192, true, device)?,
        })
    }

    /// Cells of y around a tile that its result depends on.
    pub(crate) fn halo(&self) -> usize {
        reach(self.blocks.len())
    }

    /// Sum of squares of what each latent adds to the picture through the linear part: [M].
    pub(crate) fn linear_energies(&self) -> Result<Vec<f32>, ModelError> {
        let columns = download(self.linear.weight().permute([2, 1, 0, 3]))?;
        Ok(columns
            .outer_iter()
            .map(|c| c.iter().map(|w| w * w).sum())
            .collect())
    }

    pub(crate) fn forward(&self, y: Tensor<4>) -> Tensor<4> {
        let mut f = pixel_shuffle(self.up.forward(self.low.forward(y.clone())), 2);
        for b in &self.blocks {
            f = b.forward(f);
        }
        pixel_shuffle(self.linear.forward(y), 16) + pixel_shuffle(self.out.forward(f), 8)
    }
}

/// h_a: y times the encoder's gain [1, M, 4h, 4w] -> z before rounding [1, Z, h, w].
#[derive(Module, Debug)]
pub(crate) struct HyperAnalysis {
    inp: Pointwise,
    d: Depthwise,
    down1: Pointwise,
    d2: Depthwise,
    down2: Pointwise,
}

impl HyperAnalysis {
    /// Cells of z around a tile that its result depends on: one cell at 1/16 and one at 1/32 lie within one of 1/64.
    pub(crate) const HALO: usize = 1;

    pub(crate) fn load(w: &mut Weights, c: &Config, device: &Device) -> Result<Self, WeightsError> {
        let f = c.features;
        Ok(Self {
            inp: Pointwise::load(w, "h_a.inp", c.latents, f, true, device)?,
            d: Depthwise::load(w, "h_a.d", f, device)?,
            down1: Pointwise::load(w, "h_a.down1", 4 * f, f, true, device)?,
            d2: Depthwise::load(w, "h_a.d2", f, device)?,
            down2: Pointwise::load(w, "h_a.down2", 4 * f, c.hyper, true, device)?,
        })
    }

    pub(crate) fn forward(&self, y: Tensor<4>) -> Tensor<4> {
        let t = signed_logarithm(y);
        let f = leaky(self.d.forward(leaky(self.inp.forward(t))));
        let f = leaky(
            self.d2
                .forward(leaky(self.down1.forward(pixel_unshuffle(f, 2)))),
        );
        self.down2.forward(pixel_unshuffle(f, 2))
    }
}

/// sign(y) log(1 + |y|), so that coefficients of all sizes weigh alike.
fn signed_logarithm(y: Tensor<4>) -> Tensor<4> {
    if host::is_here(&y) {
        return host::map(y, |y| y.abs().ln_1p().copysign(y));
    }
    y.clone().sign() * y.abs().log1p()
}
