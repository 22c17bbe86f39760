//! The entropy networks of `base`, written once for every arithmetic: hyper synthesis h_s and the context model of the
//! later steps.

use burn::module::Module;
use burn::tensor::{Tensor, s};

use super::config::Config;
use crate::latents::steps::{QUARTERS, STEPS, quarters};
use crate::nets::arithmetic::{Arithmetic, Input, Kind, Layer, Range, Spec};
use crate::nets::exact::{ACT_MAX, MEAN_BITS, Z_MAX};
use crate::nets::tensors::pixel_shuffle;
use crate::{ModelError, WeightsError};

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
        bits: MEAN_BITS,
    }
}

fn pointwise(inputs: usize, outputs: usize) -> Spec {
    Spec::new(Kind::Pointwise, act(inputs), outputs)
}

fn depthwise(channels: usize) -> Spec {
    Spec::new(Kind::Depthwise, act(channels), channels)
}

/// The last layers of a step. Where the arithmetic cuts them into parts, there is one for each quarter of the channels: a
/// step codes a quarter or a half of the channels of a cell, and nothing else is computed.
#[derive(Module, Debug)]
pub(crate) struct Heads<L: Module> {
    mean: Vec<L>,
    row: Vec<L>,
}

impl<L: Layer> Heads<L> {
    /// `rows`: of the bank of tables of y, for each quantiser.
    fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        name: &str,
        c: &Config,
        rows: u16,
    ) -> Result<Self, WeightsError> {
        let spec = pointwise(c.features, c.latents);
        let (mean, row) = (
            spec.range(Range::Mean),
            spec.levels(c.levels).range(Range::Row(rows)),
        );
        Ok(Self {
            mean: a.parts(&format!("{name}.mean"), mean, QUARTERS)?,
            row: a.parts(&format!("{name}.row"), row, QUARTERS)?,
        })
    }

    /// What a step codes, for layers that are cut into quarters. `f`: [1, P, h, w], a tile that begins in an even row and
    /// column.
    fn of_step(
        &self,
        f: Tensor<4>,
        at: &L::At,
        step: usize,
    ) -> Result<Vec<Parameters>, ModelError> {
        let [_, p, h, w] = f.dims();
        let mut out = Vec::new();
        for coset in 0..QUARTERS {
            let (i, j) = (coset / 2, coset % 2);
            if i >= h || j >= w {
                continue;
            }
            let cells = f.clone().slice(s![0..1, 0..p, i..;2, j..;2]);
            for quarter in quarters(step, coset) {
                out.push(Parameters {
                    quarter,
                    coset,
                    mean: self.mean[quarter].forward(cells.clone(), at)?,
                    row: self.row[quarter].forward(cells.clone(), at)?,
                });
            }
        }
        Ok(out)
    }

    #[cfg(feature = "train")]
    fn layers(&self) -> impl Iterator<Item = &L> {
        self.mean.iter().chain(&self.row)
    }

    /// Means and rows of all channels everywhere, for layers that are whole: [B, M, h, w] each.
    #[cfg(feature = "train")]
    fn everywhere(&self, f: Tensor<4>, at: &L::At) -> Result<(Tensor<4>, Tensor<4>), ModelError> {
        let whole = |parts: &[L]| match parts {
            [layer] => layer.forward(f.clone(), at),
            parts => parts
                .iter()
                .map(|l| l.forward(f.clone(), at))
                .collect::<Result<_, _>>()
                .map(|all| Tensor::cat(all, 1)),
        };
        Ok((whole(&self.mean)?, whole(&self.row)?))
    }
}

/// h_s: z_hat [1, Z, h, w] -> features [1, P, 4h, 4w], and from them the parameters of step 0.
#[derive(Module, Debug)]
pub(crate) struct HyperSynthesis<L: Module> {
    up1: L,
    d1: L,
    up2: L,
    d2: L,
    mix: L,
    heads: Heads<L>,
}

/// Cells of z around a tile that its features depend on: one cell at 1/32 and one at 1/16 lie within one of 1/64.
pub(crate) const HYPER_SYNTHESIS_HALO: usize = 1;

impl<L: Layer> HyperSynthesis<L> {
    pub(crate) fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        c: &Config,
        rows: u16,
    ) -> Result<Self, WeightsError> {
        let (f, h) = (c.features, c.hyper_mid);
        let z = Input {
            channels: c.hyper,
            max: Z_MAX,
            bits: 0,
        };
        let leaky = |spec: Spec| spec.range(Range::Leaky);
        let up1 = leaky(Spec::new(Kind::Pointwise, z, 4 * h)).levels(c.levels);
        let up2 = leaky(pointwise(h, 4 * f)).levels(c.levels);
        Ok(Self {
            up1: a.layer("h_s.up1", up1)?,
            d1: a.layer("h_s.d1", depthwise(h))?,
            up2: a.layer("h_s.up2", up2)?,
            d2: a.layer("h_s.d2", depthwise(f))?,
            mix: a.layer("h_s.mix", leaky(pointwise(f, f)))?,
            heads: Heads::load(a, "h_s", c, rows)?,
        })
    }

    pub(crate) fn features(&self, z: Tensor<4>, at: &L::At) -> Result<Tensor<4>, ModelError> {
        let f = pixel_shuffle(self.up1.forward(z, at)?, 2);
        let f = self.up2.forward(self.d1.forward(f, at)?, at)?;
        let f = pixel_shuffle(f, 2);
        let mixed = self.mix.forward(self.d2.forward(f.clone(), at)?, at)?;
        Ok(L::add(mixed, f))
    }

    /// Parameters of step 0. `features`: [1, P, h, w].
    pub(crate) fn parameters(
        &self,
        features: Tensor<4>,
        at: &L::At,
    ) -> Result<Vec<Parameters>, ModelError> {
        self.heads.of_step(features, at, 0)
    }

    /// All layers.
    #[cfg(feature = "train")]
    pub(crate) fn layers(&self) -> impl Iterator<Item = &L> {
        [&self.up1, &self.d1, &self.up2, &self.d2, &self.mix]
            .into_iter()
            .chain(self.heads.layers())
    }

    /// Means and rows of step 0 everywhere.
    #[cfg(feature = "train")]
    pub(crate) fn everywhere(
        &self,
        features: Tensor<4>,
        at: &L::At,
    ) -> Result<(Tensor<4>, Tensor<4>), ModelError> {
        self.heads.everywhere(features, at)
    }
}

/// A later step: what is already decoded of y_hat and the features of h_s -> parameters of the rest.
#[derive(Module, Debug)]
pub(crate) struct Context<L: Module> {
    #[module(skip)]
    step: usize,
    spatial: L,
    energy: L,
    mix1: L,
    mix2: L,
    heads: Heads<L>,
}

/// Cells of y_hat around a tile that the parameters of a [`Context`] depend on.
pub(crate) const CONTEXT_HALO: usize = 1;

impl<L: Layer> Context<L> {
    /// The networks of all steps but step 0.
    pub(crate) fn load_all<A: Arithmetic<Layer = L>>(
        a: &mut A,
        c: &Config,
        rows: u16,
    ) -> Result<Vec<Self>, WeightsError> {
        (1..STEPS)
            .map(|step| Self::load(a, step, c, rows))
            .collect()
    }

    fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        step: usize,
        c: &Config,
        rows: u16,
    ) -> Result<Self, WeightsError> {
        let (m, f) = (c.latents, c.features);
        let name = &format!("context.{}", step - 1);
        let mix1 = pointwise(2 * m + f, f).levels(c.levels);
        let mut layer = |part: &str, spec: Spec| a.layer(&format!("{name}.{part}"), spec);
        Ok(Self {
            step,
            spatial: layer("spatial", depthwise(m))?,
            energy: layer("energy", depthwise(m))?,
            mix1: layer("mix1", mix1.range(Range::Leaky))?,
            mix2: layer("mix2", pointwise(f, f).range(Range::Leaky))?,
            heads: Heads::load(a, name, c, rows)?,
        })
    }

    /// What the heads read, [B, P, h, w], of what is known of y_hat (shifted and clamped, zero elsewhere), [B, M, ..] with
    /// any number of cells around the grid of the features of h_s, [B, P, h, w].
    fn mixed(
        &self,
        u: Tensor<4>,
        features: Tensor<4>,
        at: &L::At,
    ) -> Result<Tensor<4>, ModelError> {
        let [b, m, rows, _] = u.dims();
        let [_, _, h, w] = features.dims();
        let halo = (rows - h) / 2;
        let inner = |t: Tensor<4>| match halo {
            0 => t,
            halo => t.slice([0..b, 0..m, halo..halo + h, halo..halo + w]),
        };
        // Magnitudes have an input of their own: signs of neighbours are nearly random and would cancel them.
        let e = inner(self.energy.forward(u.clone().abs(), at)?);
        let s = inner(self.spatial.forward(u, at)?);
        let f = Tensor::cat(vec![s, e, features], 1);
        let f = self.mix1.forward(f, at)?;
        Ok(L::add(self.mix2.forward(f.clone(), at)?, f))
    }

    /// Parameters of the step. `u`: what is known of y_hat, for a tile with [`CONTEXT_HALO`] cells around it.
    pub(crate) fn parameters(
        &self,
        u: Tensor<4>,
        features: Tensor<4>,
        at: &L::At,
    ) -> Result<Vec<Parameters>, ModelError> {
        let f = self.mixed(u, features, at)?;
        self.heads.of_step(f, at, self.step)
    }

    /// All layers.
    #[cfg(feature = "train")]
    pub(crate) fn layers(&self) -> impl Iterator<Item = &L> {
        [&self.spatial, &self.energy, &self.mix1, &self.mix2]
            .into_iter()
            .chain(self.heads.layers())
    }

    /// Means and rows everywhere, for whole grids: `u` comes without a halo.
    #[cfg(feature = "train")]
    pub(crate) fn everywhere(
        &self,
        u: Tensor<4>,
        features: Tensor<4>,
        at: &L::At,
    ) -> Result<(Tensor<4>, Tensor<4>), ModelError> {
        let f = self.mixed(u, features, at)?;
        self.heads.everywhere(f, at)
    }
}
