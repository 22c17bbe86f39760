//! From latents to symbols and back: one body of code drives both directions. An encoder hands it the analysed picture and
//! coders that write, a decoder coders that read.
//!
//! Latents lie in memory as [row, channel, column], so that a stripe of rows is one block.

use kiln_entropy::{Chained, ChainedRow, Coder, Rows};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, Axis, s};
use rayon::prelude::*;

use super::stripe::{Edges, HostParameters, Known, Tile};
use super::{Base, CELL, HYPER_ANALYSIS_HALO, HYPER_CELL, STRIPE_ROWS};
use crate::ModelError;
use crate::latents::neighbours;
use crate::latents::steps::{self, STEPS, first_column, quarter};
use crate::nets::exact::{MEAN_BITS, Z_MAX};
use crate::nets::tensors::{download, tensor, upload};
use crate::run::tiles::{Span, tiles};
use crate::seam::{Analysed, Given, Latents, Meter};
use crate::search::trellis::{BITS_PER_ERROR, Chosen, Link, Noise, Trellis, value};

struct Stripe<'a, C> {
    coder: &'a mut C,
    rows: std::ops::Range<usize>,
    y_hat: ArrayViewMut3<'a, i32>,
    residual: ArrayViewMut3<'a, i16>,
    tiles: Vec<Tile>,
}

impl Base {
    /// Codes z and all context steps of all stripes that there are coders for.
    pub(super) fn code_steps<C: Coder>(
        &self,
        streams: &mut [C],
        y: Option<&Analysed>,
        given: &Given<'_>,
    ) -> Result<Latents, ModelError> {
        let level = given.level.index();
        let (h, w) = given.size.cells(CELL);
        let m = self.config.latents;
        let meter = Meter::new(given.watch, coding_units(h, w));
        let [first, streams @ ..] = streams else {
            return Ok(Latents::fixed(MEAN_BITS, Array3::zeros((h, m, w))));
        };
        let mut z = match y {
            Some(y) => self.hyper_analyse(y, level)?,
            None => {
                let (zh, zw) = given.size.cells(CELL * HYPER_CELL);
                Array3::zeros((zh, self.config.hyper, zw))
            }
        };
        self.code_hyper(first, &mut z, level)?;
        meter.add((h * w) as u64)?;

        let source = y.map(|y| y.y().view());
        let mut y_hat = Array3::<i32>::zeros((h, m, w));
        let mut residual = Array3::<i16>::zeros((h, m, w));
        let mut stripes: Vec<Stripe<C>> = streams
            .iter_mut()
            .zip(y_hat.axis_chunks_iter_mut(Axis(0), STRIPE_ROWS))
            .zip(residual.axis_chunks_iter_mut(Axis(0), STRIPE_ROWS))
            .enumerate()
            .map(|(i, ((coder, y_hat), residual))| Stripe {
                coder,
                rows: i * STRIPE_ROWS..i * STRIPE_ROWS + y_hat.dim().0,
                y_hat,
                residual,
                tiles: Vec::new(),
            })
            .collect();

        stripes
            .par_iter_mut()
            .try_for_each(|stripe| -> Result<(), ModelError> {
                stripe.tiles = self.features(&z, stripe.rows.clone(), (h, w), level)?;
                let parameters =
                    self.host_parameters(stripe.rows.clone(), w, &stripe.tiles, |t| {
                        self.h_s.parameters(t.features.clone(), &level)
                    })?;
                self.step(0, stripe, &parameters, source.as_ref(), level)?;
                meter.add((stripe.rows.len() * w) as u64)
            })?;

        for step in 1..STEPS {
            // A step reads the ones before it one row across the borders of stripes: every stripe must have ended them.
            let edges: Vec<Edges> = (0..stripes.len())
                .map(|i| Edges {
                    above: i
                        .checked_sub(1)
                        .map(|j| stripes[j].y_hat.slice(s![-1.., .., ..]).to_owned()),
                    below: stripes
                        .get(i + 1)
                        .map(|s| s.y_hat.slice(s![..1, .., ..]).to_owned()),
                })
                .collect();
            stripes.par_iter_mut().zip(edges).try_for_each(
                |(stripe, edges)| -> Result<(), ModelError> {
                    let known = Known {
                        rows: stripe.rows.clone(),
                        y_hat: stripe.y_hat.view(),
                        edges,
                        shift: &self.rates[level].shift,
                    };
                    let parameters =
                        self.host_parameters(stripe.rows.clone(), w, &stripe.tiles, |t| {
                            let u = upload(known.context(t, w), &self.place.exact);
                            self.context(step).parameters(u, t.features.clone(), &level)
                        })?;
                    self.step(step, stripe, &parameters, source.as_ref(), level)?;
                    meter.add((stripe.rows.len() * w) as u64)
                },
            )?;
        }
        drop(stripes);
        Ok(Latents::fixed(MEAN_BITS, y_hat))
    }

    /// z of an analysed picture, rounded: [zh, Z, zw].
    pub(super) fn hyper_analyse(
        &self,
        y: &Analysed,
        level: usize,
    ) -> Result<Array3<i32>, ModelError> {
        let (h, m, w) = y.y().dim();
        let (zh, zw) = (h.div_ceil(HYPER_CELL), w.div_ceil(HYPER_CELL));
        let mut z = Array3::zeros((zh, self.config.hyper, zw));
        let (gain, device) = (&self.rates[level].gain, &self.place.device);
        for (v, u) in tiles(zh, zw, self.hyper_tile(), HYPER_ANALYSIS_HALO) {
            let cells = |s: &Span| s.read.start * HYPER_CELL..s.read.end * HYPER_CELL;
            let (rows, columns) = (cells(&v), cells(&u));
            let t = match y.on_device(device, rows.clone(), columns.clone()) {
                Some(y) => y * tensor(gain.clone(), [1, m, 1, 1], device),
                None => upload(with_gain(y.y(), gain, rows, columns), device),
            };
            let out = download(self.h_a.forward(t)?)?;
            let core = out.slice(s![.., v.inner(1), u.inner(1)]);
            let max = Z_MAX as f32;
            z.slice_mut(s![v.core, .., u.core])
                .zip_mut_with(&core.permuted_axes([1, 0, 2]), |o, x| {
                    *o = (x + 0.5).floor().clamp(-max, max) as i32
                });
        }
        Ok(z)
    }

    /// Codes z in the order of memory, each symbol with the table of its level, channel and neighbours.
    fn code_hyper(
        &self,
        coder: &mut impl Coder,
        z: &mut Array3<i32>,
        level: usize,
    ) -> Result<(), ModelError> {
        let (zh, _, zw) = z.dim();
        let mut tables = Rows::<u16>::new(&self.z_tables);
        for i in 0..zh {
            for (c, &first) in self.rates[level].z_rows.iter().enumerate() {
                for j in 0..zw {
                    let row = first + neighbours::class(z, i, c, j);
                    coder.code_one(&mut tables, row, &mut z[(i, c, j)])?;
                }
            }
        }
        Ok(())
    }

    /// Codes the symbols of one step of a stripe, row by row, channel by channel. Each channel is a chain.
    fn step<C: Coder>(
        &self,
        step: usize,
        stripe: &mut Stripe<C>,
        p: &HostParameters,
        source: Option<&ArrayView3<f32>>,
        level: usize,
    ) -> Result<(), ModelError> {
        let (n, m, w) = stripe.y_hat.dim();
        let shift = &self.rates[level].shift;
        if let Some(source) = source {
            self.quantise(step, stripe, p, source, level);
        }
        // No step codes more of a row than every other column of half of the channels.
        let most = m / 2 * w.div_ceil(2);
        let mut at: Vec<ChainedRow> = Vec::with_capacity(most);
        let mut symbols = Vec::with_capacity(most);
        let mut chained = Chained::new(&self.y_tables, m);
        for i in 0..n {
            let row = stripe.rows.start + i;
            let coded = |c: usize| first_column(step, row, quarter(c, m)).map(|j| (c, j));
            at.clear();
            symbols.clear();
            for (c, start) in (0..m).filter_map(coded) {
                let chain = c as u16;
                at.extend(
                    p.row
                        .slice(s![i, c, start..;2])
                        .iter()
                        .map(|&row| ChainedRow {
                            row: row.into(),
                            chain,
                        }),
                );
                symbols.extend(stripe.residual.slice(s![i, c, start..;2]));
            }
            stripe.coder.code(&mut chained, &mut at, &mut symbols)?;
            let mut rest = symbols.iter().zip(&at);
            for (c, start) in (0..m).filter_map(coded) {
                let (mean, shift) = (p.mean.slice(s![i, c, start..;2]), shift[c]);
                let mut residual = stripe.residual.slice_mut(s![i, c, start..;2]);
                let mut y_hat = stripe.y_hat.slice_mut(s![i, c, start..;2]);
                for (((r, y), &mean), (&symbol, at)) in
                    residual.iter_mut().zip(&mut y_hat).zip(mean).zip(&mut rest)
                {
                    *r = symbol;
                    *y = value(symbol, self.quantiser(at.row)) + (i32::from(mean) << shift);
                }
            }
        }
        Ok(())
    }

    /// Chooses the symbols of one step of a stripe, by rate and distortion together, and puts them into its residual.
    fn quantise<C>(
        &self,
        step: usize,
        stripe: &mut Stripe<C>,
        p: &HostParameters,
        source: &ArrayView3<f32>,
        level: usize,
    ) {
        let (_, m, w) = stripe.y_hat.dim();
        let (gain, rows) = (&self.rates[level].gain, stripe.rows.clone());
        let chosen = self.choose_chains(
            step,
            rows.clone(),
            p,
            level,
            |_| (BITS_PER_ERROR as f32, None),
            |(i, c, j)| source[(i, c, j)] * gain[c],
        );
        for (c, chosen) in chosen.into_iter().enumerate() {
            let places = steps::chain(step, rows.clone(), quarter(c, m), w);
            for ((i, j), chosen) in places.zip(chosen) {
                stripe.residual[(i - rows.start, c, j)] = chosen.symbol;
            }
        }
    }

    /// The best symbols of one step of a stripe: those of every channel, a chain each. `weigh` gives the weight of a squared
    /// unit of error in a channel, in bits, and the noise of its search; `wanted` what y times its gain should be at [row,
    /// channel, column] of the whole grid.
    pub(super) fn choose_chains(
        &self,
        step: usize,
        rows: std::ops::Range<usize>,
        p: &HostParameters,
        level: usize,
        weigh: impl Fn(usize) -> (f32, Option<Noise>) + Sync,
        wanted: impl Fn((usize, usize, usize)) -> f32 + Sync,
    ) -> Vec<Vec<Chosen>> {
        let (_, m, w) = p.mean.dim();
        let shift = &self.rates[level].shift;
        (0..m)
            .into_par_iter()
            .map_init(
                || Trellis::new(self.costs()),
                |trellis, c| {
                    let links: Vec<Link> = steps::chain(step, rows.clone(), quarter(c, m), w)
                        .map(|(i, j)| {
                            let here = (i - rows.start, c, j);
                            let mean = fixed(i32::from(p.mean[here]) << shift[c]);
                            Link {
                                target: wanted((i, c, j)) - mean,
                                row: p.row[here],
                            }
                        })
                        .collect();
                    let (weight, mut noise) = weigh(c);
                    let mut out = Vec::with_capacity(links.len());
                    trellis.run(&links, weight, noise.as_mut(), &mut out);
                    out
                },
            )
            .collect()
    }
}

/// What coding a grid of y reports in all: its cells once for z and once for each step.
pub(super) fn coding_units(h: usize, w: usize) -> u64 {
    ((STEPS + 1) * h * w) as u64
}

/// A part of y [h, M, w] times the gains of a level, with zeros beyond the grid: [M, rows, columns].
fn with_gain(
    y: &Array3<f32>,
    gain: &[f32],
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) -> Array3<f32> {
    let (h, m, w) = y.dim();
    let mut out = Array3::zeros((m, rows.len(), columns.len()));
    let inside = columns.start..columns.end.min(w);
    for (i, row) in (rows.start..rows.end.min(h)).enumerate() {
        for (c, g) in gain.iter().enumerate() {
            out.slice_mut(s![c, i, ..inside.len()])
                .zip_mut_with(&y.slice(s![row, c, inside.clone()]), |o, &x| *o = x * g);
        }
    }
    out
}

/// A fixed-point value as a float.
pub(crate) fn fixed(v: i32) -> f32 {
    v as f32 / (1 << MEAN_BITS) as f32
}
