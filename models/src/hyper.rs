//! The exact networks of the base model: hyper synthesis h_s and the context model of the later steps.

use burn::tensor::{Device, Tensor, s};

use crate::config::Config;
use crate::exact::{ACT_MAX, ExactConv, Input, Range, Spec, Z_MAX, add_activations};
use crate::steps::{QUARTERS, STEPS, quarters};
use crate::tensors::pixel_shuffle;
use crate::{Weights, WeightsError};

/// Means and table rows of what a step codes of a tile: for one quarter of the channels, on the cells of one coset. Both
/// integer-valued, [1, M / 4, rows, columns], where row 0 and column 0 are the first of the coset in the tile.
pub(crate) struct Parameters {
    pub(crate) quarter: usize,
    /// Twice the parity of the row plus that of the column, counted from the tile's first cell.
    pub(crate) coset: usize,
    pub(crate) mean: Tensor<4>,
    pub(crate) row: Tensor<4>,
}

/// Activations of so many channels.
fn act(channels: usize) -> Input {
    Input {
        channels,
        max: ACT_MAX,
    }
}

fn pointwise(input: Input, outputs: usize, levels: usize, range: Range) -> Spec {
    Spec {
        input,
        outputs,
        depthwise: false,
        levels,
        range,
    }
}

fn depthwise(channels: usize) -> Spec {
    Spec {
        input: act(channels),
        outputs: channels,
        depthwise: true,
        levels: 0,
        range: Range::Linear,
    }
}

/// The last layers of a step, a part for each quarter of the channels: a step codes a quarter or a half of the channels of
/// a cell, and nothing else is computed.
#[derive(Clone, Debug)]
struct Heads {
    mean: Vec<ExactConv>,
    row: Vec<ExactConv>,
}

impl Heads {
    fn load(
        w: &mut Weights,
        name: &str,
        c: &Config,
        rows: u16,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let input = act(c.features);
        let mut layer = |name: String, levels: usize, range: Range| {
            let spec = pointwise(input, c.latents, levels, range);
            ExactConv::load(w, &name, spec, device).map(|l| l.split(QUARTERS))
        };
        Ok(Self {
            mean: layer(format!("{name}.mean"), 0, Range::Mean)?,
            row: layer(format!("{name}.row"), c.levels, Range::Row(rows))?,
        })
    }

    /// `f`: [1, P, h, w], a tile that begins in an even row and column.
    fn forward(&self, f: Tensor<4>, level: usize, step: usize) -> Vec<Parameters> {
        let [_, p, h, w] = f.dims();
        let mut out = Vec::new();
        for coset in 0..QUARTERS {
            let (i, j) = (coset / 2, coset % 2);
            if i >= h || j >= w {
                continue;
            }
            let cells = f.clone().slice(s![0..1, 0..p, i..;2, j..;2]);
            out.extend(quarters(step, coset).map(|quarter| Parameters {
                quarter,
                coset,
                mean: self.mean[quarter].forward(cells.clone(), level),
                row: self.row[quarter].forward(cells.clone(), level),
            }));
        }
        out
    }
}

/// h_s: z_hat [1, Z, h, w] -> features [1, P, 4h, 4w], and from them the parameters of step 0.
#[derive(Clone, Debug)]
pub(crate) struct HyperSynthesis {
    up1: ExactConv,
    d1: ExactConv,
    up2: ExactConv,
    d2: ExactConv,
    mix: ExactConv,
    heads: Heads,
}

impl HyperSynthesis {
    /// Cells of z around a tile that its features depend on: one cell at 1/32 and one at 1/16 lie within one of 1/64.
    pub(crate) const HALO: usize = 1;

    pub(crate) fn load(
        w: &mut Weights,
        c: &Config,
        rows: u16,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let (f, h) = (c.features, c.hyper_mid);
        let z = Input {
            channels: c.hyper,
            max: Z_MAX,
        };
        Ok(Self {
            up1: ExactConv::load(
                w,
                "h_s.up1",
                pointwise(z, 4 * h, c.levels, Range::Leaky),
                device,
            )?,
            d1: ExactConv::load(w, "h_s.d1", depthwise(h), device)?,
            up2: ExactConv::load(
                w,
                "h_s.up2",
                pointwise(act(h), 4 * f, c.levels, Range::Leaky),
                device,
            )?,
            d2: ExactConv::load(w, "h_s.d2", depthwise(f), device)?,
            mix: ExactConv::load(w, "h_s.mix", pointwise(act(f), f, 0, Range::Leaky), device)?,
            heads: Heads::load(w, "h_s", c, rows, device)?,
        })
    }

    pub(crate) fn features(&self, z: Tensor<4>, level: usize) -> Tensor<4> {
        let f = self
            .d1
            .forward(pixel_shuffle(self.up1.forward(z, level), 2), level);
        let f = pixel_shuffle(self.up2.forward(f, level), 2);
        add_activations(
            self.mix.forward(self.d2.forward(f.clone(), level), level),
            f,
        )
    }

    /// Parameters of step 0. `features`: [1, P, h, w].
    pub(crate) fn parameters(&self, features: Tensor<4>, level: usize) -> Vec<Parameters> {
        self.heads.forward(features, level, 0)
    }
}

/// A later step: what is already decoded of y_hat and the features of h_s -> parameters of the rest.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    step: usize,
    spatial: ExactConv,
    energy: ExactConv,
    mix1: ExactConv,
    mix2: ExactConv,
    heads: Heads,
}

impl Context {
    /// Cells of y_hat around a tile that its parameters depend on.
    pub(crate) const HALO: usize = 1;

    /// The networks of all steps but step 0.
    pub(crate) fn load_all(
        w: &mut Weights,
        c: &Config,
        rows: u16,
        device: &Device,
    ) -> Result<Vec<Self>, WeightsError> {
        (1..STEPS)
            .map(|step| Self::load(w, step, c, rows, device))
            .collect()
    }

    fn load(
        w: &mut Weights,
        step: usize,
        c: &Config,
        rows: u16,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let (m, f) = (c.latents, c.features);
        let name = &format!("context.{}", step - 1);
        Ok(Self {
            step,
            spatial: ExactConv::load(w, &format!("{name}.spatial"), depthwise(m), device)?,
            energy: ExactConv::load(w, &format!("{name}.energy"), depthwise(m), device)?,
            mix1: ExactConv::load(
                w,
                &format!("{name}.mix1"),
                pointwise(act(2 * m + f), f, c.levels, Range::Leaky),
                device,
            )?,
            mix2: ExactConv::load(
                w,
                &format!("{name}.mix2"),
                pointwise(act(f), f, 0, Range::Leaky),
                device,
            )?,
            heads: Heads::load(w, name, c, rows, device)?,
        })
    }

    /// `u`: what is known of y_hat, shifted and clamped, with its halo, zero elsewhere: [1, M, h + 2, w + 2].
    /// `features`: [1, P, h, w].
    pub(crate) fn parameters(
        &self,
        u: Tensor<4>,
        features: Tensor<4>,
        level: usize,
    ) -> Vec<Parameters> {
        let [_, _, h, w] = features.dims();
        let m = u.dims()[1];
        let inner = |t: Tensor<4>| {
            t.slice([
                0..1,
                0..m,
                Self::HALO..Self::HALO + h,
                Self::HALO..Self::HALO + w,
            ])
        };
        // Magnitudes have an input of their own: signs of neighbours are nearly random and would cancel them.
        let e = inner(self.energy.forward(u.clone().abs(), level));
        let s = inner(self.spatial.forward(u, level));
        let f = self
            .mix1
            .forward(Tensor::cat(vec![s, e, features], 1), level);
        let f = add_activations(self.mix2.forward(f.clone(), level), f);
        self.heads.forward(f, level, self.step)
    }
}
