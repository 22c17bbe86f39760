//! `base`: kiln's own architecture for still pictures, from cells to pixels specified in `models/EXACT.md`.
//!
//! A linear transform of 16x16 blocks with a network beside it, a hyper latent, three steps of context, and a trellis. One
//! set of weights has all quality levels. Whatever picks a probability is computed in integers.

mod code;
pub mod config;
#[doc(hidden)]
pub mod cost;
mod distortion;
mod entropy;
mod memory;
mod refine;
mod stripe;
mod transforms;

use std::sync::OnceLock;

use burn::tensor::{Device, Tensor};
use kiln_entropy::{Coder, Tables};
use ndarray::Array3;

use super::{Description, Entry};
use crate::latents::neighbours::Z_CLASSES;
use crate::latents::steps::{QUARTERS, STEPS, first_column};
use crate::nets::count::{Count, Counted};
use crate::nets::exact::{Exact, ExactConv, MEAN_BITS, RESIDUAL_MAX, SHIFT_MAX, Z_MAX};
use crate::nets::float::{FloatConv, Floats};
use crate::run::{self, tiles::Tiling};
use crate::seam::{
    Analysed, Architecture, Facts, Given, Latents, Level, Macs, Network, PixelSink, PixelSource,
    Place, Places, Reach, Refined, Sample, Search, Size,
};
use crate::search::bits_per_square;
use crate::search::trellis::Costs;
use crate::{ModelError, Weights, WeightsError};

pub(crate) use code::fixed;
pub use config::{CELL, Config, HYPER_CELL};
pub(crate) use entropy::{CONTEXT_HALO, Context, HyperSynthesis, Parameters};
pub(crate) use transforms::{Analysis, HYPER_ANALYSIS_HALO, HyperAnalysis, Synthesis};

/// Its line in the registry. Numbers 1 to 3 were the same name before its context model and quantisation had their present
/// form; no release wrote them.
pub const ENTRY: Entry = Entry {
    id: 4,
    name: "base",
    paper: "kiln's own: models/EXACT.md",
    describe,
    open,
    searches: true,
    trains: true,
};

/// Rows of y that share a stream.
pub const STRIPE_ROWS: usize = 32;

fn describe(weights: &Weights<'_>) -> Result<Description, WeightsError> {
    let config = Config::from_json(weights.config()?)?;
    Ok(Description {
        levels: config.quality_levels()?,
    })
}

fn open(weights: Weights<'_>, places: &Places) -> Result<Box<dyn Architecture>, WeightsError> {
    run::open::<Base>(weights, places)
}

/// The networks and tables of a set of weights.
#[derive(Debug)]
pub(crate) struct Base {
    config: Config,
    facts: Facts,
    place: Place,
    g_a: Analysis<FloatConv>,
    g_s: Synthesis<FloatConv>,
    h_a: HyperAnalysis<FloatConv>,
    h_s: HyperSynthesis<ExactConv>,
    /// Of all steps but step 0.
    context: Vec<Context<ExactConv>>,
    rates: Vec<Rate>,
    y_tables: Tables,
    z_tables: Tables,
    /// Of y's symbols: an encoder's, made when the first one asks for them.
    costs: OnceLock<Costs>,
    /// What the numbers of the weights take in memory.
    weights_bytes: u64,
}

/// What a level changes beside the biases of layers.
#[derive(Debug)]
pub(crate) struct Rate {
    /// Factor of y before quantisation: [M]
    pub(crate) gain: Vec<f32>,
    /// Factor of y_hat before synthesis: [M]
    pub(crate) inverse_gain: Vec<f32>,
    /// Of means and context inputs: [M]
    pub(crate) shift: Vec<i32>,
    /// Row of the bank for z, of the first class of neighbours: [Z]
    pub(crate) z_rows: Vec<u16>,
}

/// Takes what the levels change.
pub(crate) fn rates(
    w: &mut Weights<'_>,
    c: &Config,
    z_tables: &Tables,
) -> Result<Vec<Rate>, WeightsError> {
    let (n, m) = (c.levels, c.latents);
    let z_rows = w.integers("z_rows", &[n, c.hyper])?;
    if let Some(r) = z_rows
        .iter()
        .find(|r| usize::try_from(**r).map_or(true, |r| r + Z_CLASSES > z_tables.len()))
    {
        return Err(WeightsError::Config(format!(
            "z has no {Z_CLASSES} rows from {r} on"
        )));
    }
    let shift = w.integers("shift", &[n, m])?;
    if let Some(s) = shift.iter().find(|s| !(0..=SHIFT_MAX).contains(*s)) {
        return Err(WeightsError::Inexact {
            layer: "shift".into(),
            what: format!("{s} is outside 0..={SHIFT_MAX}"),
        });
    }
    let (gain, inverse_gain) = (
        w.floats("gain", &[n, m])?,
        w.floats("inverse_gain", &[n, m])?,
    );
    let levels = gain
        .chunks_exact(m)
        .zip(inverse_gain.chunks_exact(m))
        .zip(shift.chunks_exact(m))
        .zip(z_rows.chunks_exact(c.hyper));
    Ok(levels
        .map(|(((gain, inverse_gain), shift), z_rows)| Rate {
            gain: gain.to_vec(),
            inverse_gain: inverse_gain.to_vec(),
            shift: shift.to_vec(),
            z_rows: z_rows.iter().map(|&r| r as u16).collect(),
        })
        .collect())
}

/// Rows of the bank for y that a network can name: one for each quantiser stands in it.
pub(crate) fn named_rows(y_tables: &Tables) -> Result<u16, WeightsError> {
    let found = y_tables.len();
    Some(found)
        .filter(|n| (2..=256).contains(n) && n.is_multiple_of(2))
        .map(|n| (n / 2) as u16)
        .ok_or_else(|| {
            WeightsError::Config(format!(
                "{found} rows of y tables, not two for each of 1 to 128"
            ))
        })
}

impl Network for Base {
    fn load(w: &mut Weights<'_>, place: &Place) -> Result<Self, WeightsError> {
        let config = Config::from_json(w.config()?)?;
        let weights_bytes = w.numbers() * size_of::<f32>() as u64;
        let y_tables = w.tables("y", RESIDUAL_MAX)?;
        let z_tables = w.tables("z", Z_MAX)?;
        let rows = named_rows(&y_tables)?;
        let rates = rates(w, &config, &z_tables)?;
        let mut floats = Floats::transform(w, &place.device);
        let (g_a, g_s, h_a) = (
            Analysis::load(&mut floats, &config)?,
            Synthesis::load(&mut floats, &config)?,
            HyperAnalysis::load(&mut floats, &config)?,
        );
        let mut exact = Exact {
            weights: w,
            device: &place.exact,
        };
        let (h_s, context) = (
            HyperSynthesis::load(&mut exact, &config, rows)?,
            Context::load_all(&mut exact, &config, rows)?,
        );
        let facts = Facts {
            id: ENTRY.id,
            name: ENTRY.name,
            decoder_set: w.decoder_set(),
            levels: config.quality_levels()?,
            portability: w.portability(),
            cell: CELL,
            reach: Reach::Cells(g_s.halo()),
            searches: ENTRY.searches,
        };
        Ok(Self {
            config,
            facts,
            place: place.clone(),
            g_a,
            g_s,
            h_a,
            h_s,
            context,
            rates,
            y_tables,
            z_tables,
            costs: OnceLock::new(),
            weights_bytes,
        })
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn macs(&self) -> Macs {
        // The networks have been loaded with these sizes: counting cannot fail where they can run.
        count(&self.config).unwrap_or(Macs {
            encode: f64::NAN,
            decode: f64::NAN,
        })
    }

    fn weight(&self, level: Level) -> Option<f64> {
        // A single level may be for any rate.
        let levels = self.config.levels;
        (levels > 1).then(|| bits_per_square(level.index(), levels))
    }

    fn streams(&self, size: Size) -> usize {
        1 + size.cells(CELL).0.div_ceil(STRIPE_ROWS)
    }

    fn decode_bytes(&self, size: Size) -> u64 {
        self.decoding_bytes(size)
    }

    fn encode_bytes(&self, size: Size) -> u64 {
        self.encoding_bytes(size)
    }

    fn search_bytes(&self, size: Size, search: Search) -> u64 {
        self.searching_bytes(size, search)
    }

    fn analyse(&self, picture: &dyn PixelSource) -> Result<Analysed, ModelError> {
        let (h, w) = picture.size().cells(CELL);
        let m = self.config.latents;
        let keep = Analysed::stays(&self.place.device, h, m, w);
        self.analyse_keeping(picture, keep)
    }

    fn code<C: Coder>(
        &self,
        streams: &mut [C],
        y: Option<&Analysed>,
        given: &Given<'_>,
    ) -> Result<Latents, ModelError> {
        self.code_steps(streams, y, given)
    }

    fn synthesise(
        &self,
        latents: &Latents,
        given: &Given<'_>,
        out: &mut dyn PixelSink,
    ) -> Result<(), ModelError> {
        let (h, w) = given.size.cells(CELL);
        let y_hat = latents.plane((h, self.config.latents, w))?;
        let inverse_gain = &self.rates[given.level.index()].inverse_gain;
        self.tiling(self.g_s.halo()).synthesise(
            (h, w),
            |rows, columns| synthesis_input(y_hat, inverse_gain, rows, columns),
            |y| self.g_s.forward(y),
            out,
        )
    }

    fn refine(
        &self,
        y: &Analysed,
        picture: &dyn PixelSource,
        given: &Given<'_>,
        search: Search,
    ) -> Result<Refined, ModelError> {
        self.search(y, picture, given, search)
    }

    /// The first stripe of y. A step reads the steps before it in the next stripe as well: of every following stripe one
    /// step less is decoded.
    fn sample(&self, size: Size) -> Option<Sample> {
        let (h, w) = size.cells(CELL);
        let m = self.config.latents;
        let stripes = (0..h.div_ceil(STRIPE_ROWS)).take(STEPS).map(|i| {
            let rows = i * STRIPE_ROWS..h.min((i + 1) * STRIPE_ROWS);
            rows.map(|row| latents_of_row(0..STEPS - i, row, m, w))
                .sum()
        });
        Some(Sample {
            budgets: std::iter::once(usize::MAX).chain(stripes).collect(),
            rows: STRIPE_ROWS.min(h),
        })
    }
}

impl Base {
    fn tiling(&self, halo: usize) -> Tiling<'_> {
        Tiling {
            device: &self.place.device,
            cell: CELL,
            core: self.place.tile.cells(CELL),
            halo,
        }
    }

    /// Runs g_a over a picture, with y left on the device as well if `keep`.
    fn analyse_keeping(
        &self,
        picture: &dyn PixelSource,
        keep: bool,
    ) -> Result<Analysed, ModelError> {
        let (h, w) = picture.size().cells(CELL);
        let grid = (h, self.config.latents, w);
        self.tiling(self.g_a.halo())
            .analyse(picture, grid, keep, |x| self.g_a.forward(x))
    }

    /// Side of a tile in cells of z.
    fn hyper_tile(&self) -> usize {
        self.place.tile.cells(CELL * HYPER_CELL)
    }

    fn costs(&self) -> &Costs {
        self.costs.get_or_init(|| Costs::new(&self.y_tables))
    }

    /// The quantiser that a row of the bank of y belongs to: 0 or 1.
    fn quantiser(&self, row: u16) -> u8 {
        u8::from(usize::from(row) >= self.y_tables.len() / 2)
    }

    /// The network of a step after step 0.
    fn context(&self, step: usize) -> &Context<ExactConv> {
        &self.context[step - 1]
    }
}

/// y_hat as g_s reads it, for a part of the grid: [M, rows, columns].
fn synthesis_input(
    y_hat: &Array3<i32>,
    inverse_gain: &[f32],
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) -> Array3<f32> {
    let mut y = Array3::zeros((y_hat.dim().1, rows.len(), columns.len()));
    for (i, row) in rows.enumerate() {
        for (c, gain) in inverse_gain.iter().enumerate() {
            let scale = gain / (1 << MEAN_BITS) as f32;
            let from = y_hat.slice(ndarray::s![row, c, columns.clone()]);
            y.slice_mut(ndarray::s![c, i, ..])
                .zip_mut_with(&from, |o, &y| *o = y as f32 * scale);
        }
    }
    y
}

/// Latents of a row of y that steps code.
fn latents_of_row(steps: std::ops::Range<usize>, row: usize, m: usize, w: usize) -> usize {
    let columns = |first: usize| (w + 1 - first) / 2;
    steps
        .flat_map(|step| (0..QUARTERS).filter_map(move |g| first_column(step, row, g)))
        .map(|first| m / QUARTERS * columns(first))
        .sum()
}

/// Counts the operations of networks of these sizes, by running them on the shapes of a picture of one cell of z.
pub(crate) fn count(config: &Config) -> Result<Macs, ModelError> {
    let side = CELL * HYPER_CELL;
    let zeros = |channels: usize, side: usize| -> Tensor<4> {
        Tensor::zeros([1, channels, side, side], &Device::flex())
    };
    let mut counter = Count::default();
    // One row of tables stands for all: it changes no shape.
    let load = |c: &mut Count| -> Result<_, WeightsError> {
        Ok((
            (
                Analysis::<Counted>::load(c, config)?,
                HyperAnalysis::load(c, config)?,
            ),
            Synthesis::<Counted>::load(c, config)?,
            (
                HyperSynthesis::<Counted>::load(c, config, 1)?,
                Context::load_all(c, config, 1)?,
            ),
        ))
    };
    let ((g_a, h_a), g_s, (h_s, context)) =
        load(&mut counter).map_err(|e| ModelError::Device(e.to_string()))?;
    g_a.forward(zeros(3, side))?;
    h_a.forward(zeros(config.latents, HYPER_CELL))?;
    let analysis = counter.take();
    g_s.forward(zeros(config.latents, HYPER_CELL))?;
    let synthesis = counter.take();
    let features = h_s.features(zeros(config.hyper, 1), &())?;
    h_s.parameters(features.clone(), &())?;
    for network in &context {
        // Without a halo: a picture has few tiles.
        let u = zeros(config.latents, HYPER_CELL);
        network.parameters(u, features.clone(), &())?;
    }
    let entropy = counter.take();
    Ok(Macs::of(analysis, synthesis, entropy, side * side))
}

#[cfg(test)]
mod tests;
