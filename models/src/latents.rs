//! From latents to bytes and back. One body of code drives both directions: an encoder hands it the analysed picture and
//! a [`Writer`], a decoder a [`Reader`].
//!
//! Latents lie in memory as [row, channel, column], so that a stripe of rows is one block and the order of symbols in a
//! stream is the order in memory.

use std::ops::Range;

use burn::tensor::Tensor;
use kiln_entropy::{Chains, Checksum, Reader, Symbols, Writer};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, Axis, s};
use rayon::prelude::*;

use crate::config::{CELL, HYPER_CELL};
use crate::exact::{ACT_MAX, MEAN_BITS, Z_MAX};
use crate::hyper::{Context, Parameters};
use crate::hyper_rows;
use crate::model::Model;
use crate::quantise::{BITS_PER_ERROR, Chosen, Link, Noise, Search, value};
use crate::steps::{self, QUARTERS, STEPS, first_column, quarter};
use crate::tensors::{download, download_parameters, tensor, unpack_parameters, upload};
use crate::tiles::{Span, spans};
use crate::{Analysed, ModelError};

/// Rows of y that share one chunk of the stream.
pub const STRIPE_ROWS: usize = 32;

/// Cells of y (height, width) of a picture of the given size.
pub fn grid(height: usize, width: usize) -> (usize, usize) {
    (height.div_ceil(CELL), width.div_ceil(CELL))
}

/// Number of chunks of y.
pub fn stripes(height: usize) -> usize {
    height.div_ceil(CELL).div_ceil(STRIPE_ROWS)
}

/// The coded symbols of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodedLatents {
    /// Chunk 0 is the hyper latent, then one chunk per stripe of y.
    pub chunks: Vec<Vec<u8>>,
    /// CRC-32C of the symbols.
    pub checksum: u32,
}

/// What both directions know when they are done.
pub(crate) struct Latents {
    /// y_hat in fixed point with [`MEAN_BITS`] fractional bits: [h, M, w].
    pub(crate) y_hat: Array3<i32>,
    pub(crate) checksum: u32,
}

/// Means and rows of what a step codes of a stripe, on the host: [rows, M, w].
pub(crate) struct HostParameters {
    pub(crate) mean: Array3<i16>,
    pub(crate) row: Array3<u8>,
}

/// A tile of a stripe: its place, in cells of the whole grid, and its features [1, P, rows, columns]. It begins at a cell of
/// z, so that the parities of its rows and columns are those of the grid.
pub(crate) struct Tile {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
    pub(crate) features: Tensor<4>,
}

struct Stripe<'a, S> {
    coder: S,
    rows: Range<usize>,
    y_hat: ArrayViewMut3<'a, i32>,
    residual: ArrayViewMut3<'a, i16>,
    tiles: Vec<Tile>,
}

impl Model {
    /// Quantises and codes an analysed picture at a level.
    ///
    /// # Errors
    /// The level does not exist, or the device fails.
    pub fn encode_latents(&self, y: &Analysed, level: u8) -> Result<CodedLatents, ModelError> {
        Ok(self.encode_keeping(y, level)?.0)
    }

    /// The same, with the y_hat that the encoder has at its end: [h, M, w] in fixed point. A decoder must get the same.
    pub(crate) fn encode_keeping(
        &self,
        y: &Analysed,
        level: u8,
    ) -> Result<(CodedLatents, Array3<i32>), ModelError> {
        let level = self.check_level(level)?;
        let mut z = self.hyper_analyse(y, level)?;
        let mut first = Writer::new();
        self.code_hyper(&mut first, &mut z, level)?;
        let (h, _, w) = y.y().dim();
        let coders = (0..h.div_ceil(STRIPE_ROWS))
            .map(|_| Writer::new())
            .collect();
        let (latents, coders) = self.code(coders, &z, (h, w), level, Some(y.y().view()))?;
        let chunks = std::iter::once(first)
            .chain(coders)
            .map(Writer::finish)
            .collect();
        let coded = CodedLatents {
            chunks,
            checksum: latents.checksum,
        };
        Ok((coded, latents.y_hat))
    }

    /// Decodes the latents of a picture of `height` x `width` pixels: y_hat [h, M, w] in fixed point.
    ///
    /// # Errors
    /// The chunks do not fit the size, hold symbols that no encoder writes, or do not match the checksum.
    pub fn decode_latents(
        &self,
        chunks: &[&[u8]],
        checksum: u32,
        height: usize,
        width: usize,
        level: u8,
    ) -> Result<Array3<i32>, ModelError> {
        let level = self.check_level(level)?;
        let needed = 1 + stripes(height);
        if chunks.len() != needed {
            return Err(ModelError::Chunks {
                found: chunks.len(),
                needed,
            });
        }
        let (h, w) = grid(height, width);
        let z = self.read_hyper(chunks[0], (h, w), level)?;
        let coders = chunks[1..]
            .iter()
            .map(|c| Reader::new(c))
            .collect::<Result<Vec<_>, _>>()?;
        let (latents, coders) = self.code(coders, &z, (h, w), level, None)?;
        coders.into_iter().try_for_each(Reader::finish)?;
        if latents.checksum != checksum {
            return Err(ModelError::Checksum {
                found: latents.checksum,
                needed: checksum,
            });
        }
        Ok(latents.y_hat)
    }

    /// Runs all context steps over given coders, for tests that record or replay symbols: y_hat for z [zh, Z, zw] and
    /// the grid of y.
    #[doc(hidden)]
    pub fn code_with<S: Symbols + Send>(
        &self,
        coders: Vec<S>,
        z: &Array3<i32>,
        grid: (usize, usize),
        level: u8,
    ) -> Result<(Array3<i32>, Vec<S>), ModelError> {
        let (latents, coders) = self.code(coders, z, grid, self.check_level(level)?, None)?;
        Ok((latents.y_hat, coders))
    }

    /// z of an analysed picture, rounded: [zh, Z, zw].
    pub(crate) fn hyper_analyse(
        &self,
        y: &Analysed,
        level: usize,
    ) -> Result<Array3<i32>, ModelError> {
        let (h, m, w) = y.y().dim();
        let (zh, zw) = (h.div_ceil(HYPER_CELL), w.div_ceil(HYPER_CELL));
        let mut z = Array3::zeros((zh, self.config().hyper, zw));
        let gain = self.gain(level);
        for (v, u) in crate::tiles::tiles(
            zh,
            zw,
            self.tile().hyper_cells(),
            crate::transforms::HyperAnalysis::HALO,
        ) {
            let cells = |s: &Span| s.read.start * HYPER_CELL..s.read.end * HYPER_CELL;
            let (rows, columns) = (cells(&v), cells(&u));
            let t = match y.on_device(self.device(), rows.clone(), columns.clone()) {
                Some(y) => y * tensor(gain.to_vec(), [1, m, 1, 1], self.device()),
                None => upload(with_gain(y.y(), gain, rows, columns), self.device()),
            };
            let out = download(self.h_a().forward(t))?;
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
    pub(crate) fn code_hyper(
        &self,
        coder: &mut impl Symbols,
        z: &mut Array3<i32>,
        level: usize,
    ) -> Result<(), ModelError> {
        let (zh, _, zw) = z.dim();
        for i in 0..zh {
            for (c, &first) in self.z_rows(level).iter().enumerate() {
                for j in 0..zw {
                    let row = first + hyper_rows::class(z, i, c, j);
                    coder.code(self.z_tables(), row, &mut z[(i, c, j)])?;
                }
            }
        }
        Ok(())
    }

    /// All context steps of all stripes. With `source` (y before its gain) the symbols are made from it, else they come
    /// out of the coders.
    pub(crate) fn code<S: Symbols + Send>(
        &self,
        coders: Vec<S>,
        z: &Array3<i32>,
        (h, w): (usize, usize),
        level: usize,
        source: Option<ArrayView3<f32>>,
    ) -> Result<(Latents, Vec<S>), ModelError> {
        let m = self.config().latents;
        let mut y_hat = Array3::<i32>::zeros((h, m, w));
        let mut residual = Array3::<i16>::zeros((h, m, w));
        let mut stripes: Vec<Stripe<S>> = coders
            .into_iter()
            .zip(y_hat.axis_chunks_iter_mut(Axis(0), STRIPE_ROWS))
            .zip(residual.axis_chunks_iter_mut(Axis(0), STRIPE_ROWS))
            .enumerate()
            .map(|(i, ((coder, y_hat), residual))| {
                let rows = i * STRIPE_ROWS..i * STRIPE_ROWS + y_hat.dim().0;
                Stripe {
                    coder,
                    rows,
                    y_hat,
                    residual,
                    tiles: Vec::new(),
                }
            })
            .collect();

        stripes
            .par_iter_mut()
            .try_for_each(|stripe| -> Result<(), ModelError> {
                stripe.tiles = self.features(z, stripe.rows.clone(), (h, w), level)?;
                let parameters =
                    self.host_parameters(stripe.rows.clone(), w, &stripe.tiles, |t| {
                        Ok(self.h_s().parameters(t.features.clone(), level))
                    })?;
                self.step(0, stripe, &parameters, source.as_ref(), level)
            })?;

        for step in 1..STEPS {
            // A step reads the ones before it one row across the borders of stripes: every stripe must have ended them.
            let edges: Vec<[Option<Array3<i32>>; 2]> = (0..stripes.len())
                .map(|i| {
                    let above = i
                        .checked_sub(1)
                        .map(|j| stripes[j].y_hat.slice(s![-1.., .., ..]).to_owned());
                    let below = stripes
                        .get(i + 1)
                        .map(|s| s.y_hat.slice(s![..1, .., ..]).to_owned());
                    [above, below]
                })
                .collect();
            stripes.par_iter_mut().zip(edges).try_for_each(
                |(stripe, [above, below])| -> Result<(), ModelError> {
                    let parameters = {
                        let known = Known {
                            rows: stripe.rows.clone(),
                            y_hat: stripe.y_hat.view(),
                            above,
                            below,
                            shift: self.shift(level),
                        };
                        self.host_parameters(stripe.rows.clone(), w, &stripe.tiles, |t| {
                            let u = upload(known.context(t, w), self.exact_device());
                            let features = t.features.clone();
                            Ok(self.context(step).parameters(u, features, level))
                        })?
                    };
                    self.step(step, stripe, &parameters, source.as_ref(), level)
                },
            )?;
        }

        let coders = stripes.into_iter().map(|s| s.coder).collect();
        let mut checksum = Checksum::new();
        z.as_slice()
            .into_iter()
            .for_each(|z| checksum.update_i32(z));
        residual
            .as_slice()
            .into_iter()
            .for_each(|r| checksum.update_i16(r));
        Ok((
            Latents {
                y_hat,
                checksum: checksum.finish(),
            },
            coders,
        ))
    }

    /// Features of h_s for a stripe, tile by tile.
    pub(crate) fn features(
        &self,
        z: &Array3<i32>,
        rows: Range<usize>,
        (h, w): (usize, usize),
        level: usize,
    ) -> Result<Vec<Tile>, ModelError> {
        let (zh, channels, zw) = z.dim();
        let core = self.tile().hyper_cells();
        let halo = crate::hyper::HyperSynthesis::HALO;
        let z_rows = rows.start / HYPER_CELL..rows.end.div_ceil(HYPER_CELL);
        let mut out = Vec::new();
        for v in spans(z_rows, zh, core, halo) {
            for u in spans(0..zw, zw, core, halo) {
                let mut t = Array3::<f32>::zeros((channels, v.read.len(), u.read.len()));
                let from = z.slice(s![v.read.clone(), .., u.read.clone()]);
                t.zip_mut_with(&from.permuted_axes([1, 0, 2]), |o, &x| *o = x as f32);
                let f = self.h_s().features(upload(t, self.exact_device()), level);
                // z covers whole cells; the grid of y may end within one.
                let cut = |s: &Span, len: usize| {
                    let cells = s.core.start * HYPER_CELL..(s.core.end * HYPER_CELL).min(len);
                    let start = s.inner(HYPER_CELL).start;
                    (start..start + cells.len(), cells)
                };
                let ((vi, rows), (ui, columns)) = (cut(&v, h), cut(&u, w));
                let p = f.dims()[1];
                out.push(Tile {
                    rows,
                    columns,
                    features: f.slice([0..1, 0..p, vi, ui]),
                });
            }
        }
        Ok(out)
    }

    /// Codes the symbols of one step of a stripe, row by row, channel by channel. Each channel is a chain.
    fn step<S: Symbols>(
        &self,
        step: usize,
        stripe: &mut Stripe<S>,
        p: &HostParameters,
        source: Option<&ArrayView3<f32>>,
        level: usize,
    ) -> Result<(), ModelError> {
        let (n, m, w) = stripe.y_hat.dim();
        let (shift, tables) = (self.shift(level), self.y_tables());
        if let Some(source) = source {
            self.quantise(step, stripe, p, source, level);
        }
        // No step codes more of a row than every other column of half of the channels.
        let most = m / 2 * w.div_ceil(2);
        let (mut rows, mut chain) = (Vec::with_capacity(most), Vec::with_capacity(most));
        let mut symbols = Vec::with_capacity(most);
        let mut chains = Chains::new(m);
        for i in 0..n {
            let row = stripe.rows.start + i;
            let coded = |c: usize| first_column(step, row, quarter(c, m)).map(|j| (c, j));
            rows.clear();
            chain.clear();
            symbols.clear();
            for (c, start) in (0..m).filter_map(coded) {
                rows.extend(p.row.slice(s![i, c, start..;2]));
                chain.resize(rows.len(), c as u16);
                symbols.extend(stripe.residual.slice(s![i, c, start..;2]));
            }
            let coder = &mut stripe.coder;
            coder.code_chained(tables, &mut rows, &chain, &mut chains, &mut symbols)?;
            let mut rest = symbols.iter().zip(&rows);
            for (c, start) in (0..m).filter_map(coded) {
                let (mean, shift) = (p.mean.slice(s![i, c, start..;2]), shift[c]);
                let mut residual = stripe.residual.slice_mut(s![i, c, start..;2]);
                let mut y_hat = stripe.y_hat.slice_mut(s![i, c, start..;2]);
                for (((r, y), &mean), (&symbol, &row)) in
                    residual.iter_mut().zip(&mut y_hat).zip(mean).zip(&mut rest)
                {
                    *r = symbol;
                    *y = value(symbol, self.quantiser(row)) + (i32::from(mean) << shift);
                }
            }
        }
        Ok(())
    }

    /// Chooses the symbols of one step of a stripe, by rate and distortion together, and puts them into its residual.
    fn quantise<S>(
        &self,
        step: usize,
        stripe: &mut Stripe<S>,
        p: &HostParameters,
        source: &ArrayView3<f32>,
        level: usize,
    ) {
        let (_, m, w) = stripe.y_hat.dim();
        let (gain, rows) = (self.gain(level), stripe.rows.clone());
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
    pub(crate) fn choose_chains(
        &self,
        step: usize,
        rows: Range<usize>,
        p: &HostParameters,
        level: usize,
        weigh: impl Fn(usize) -> (f32, Option<Noise>) + Sync,
        wanted: impl Fn((usize, usize, usize)) -> f32 + Sync,
    ) -> Vec<Vec<Chosen>> {
        let (_, m, w) = p.mean.dim();
        let shift = self.shift(level);
        (0..m)
            .into_par_iter()
            .map_init(
                || Search::new(self.costs()),
                |search, c| {
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
                    search.run(&links, weight, noise.as_mut(), &mut out);
                    out
                },
            )
            .collect()
    }

    /// Runs the parameters of every tile and lays out those of a step's cells as the stripe: [rows, M, w]. What the step
    /// does not code is 0.
    pub(crate) fn host_parameters(
        &self,
        rows: Range<usize>,
        w: usize,
        tiles: &[Tile],
        mut run: impl FnMut(&Tile) -> Result<Vec<Parameters>, ModelError>,
    ) -> Result<HostParameters, ModelError> {
        let m = self.config().latents;
        let mut out = HostParameters {
            mean: Array3::zeros((rows.len(), m, w)),
            row: Array3::zeros((rows.len(), m, w)),
        };
        for t in tiles {
            let found = run(t)?;
            let places: Vec<_> = found.iter().map(|p| (p.quarter, p.coset)).collect();
            let pairs = found.into_iter().map(|p| (p.mean, p.row)).collect();
            for (packed, (quarter, coset)) in download_parameters(pairs)?.iter().zip(places) {
                let channels = quarter * m / QUARTERS..(quarter + 1) * m / QUARTERS;
                let (first, last) = (t.rows.start - rows.start, t.rows.end - rows.start);
                let place = s![
                    first + coset / 2..last;2,
                    channels,
                    t.columns.start + coset % 2..t.columns.end;2
                ];
                ndarray::Zip::from(out.mean.slice_mut(place))
                    .and(out.row.slice_mut(place))
                    .and(packed.view().permuted_axes([1, 0, 2]))
                    .for_each(|m, r, &packed| (*m, *r) = unpack_parameters(packed));
            }
        }
        Ok(out)
    }
}

/// What a step may read: the steps before it of a stripe and of one row of its neighbours.
pub(crate) struct Known<'a> {
    pub(crate) rows: Range<usize>,
    pub(crate) y_hat: ArrayView3<'a, i32>,
    pub(crate) above: Option<Array3<i32>>,
    pub(crate) below: Option<Array3<i32>>,
    pub(crate) shift: &'a [i32],
}

impl Known<'_> {
    /// The context net's input for a tile and its halo: shifted, clamped, zero beyond the grid. What no step has coded yet
    /// is zero in y_hat.
    pub(crate) fn context(&self, t: &Tile, w: usize) -> Array3<f32> {
        let halo = Context::HALO;
        let m = self.y_hat.dim().1;
        let mut u = Array3::<f32>::zeros((m, t.rows.len() + 2 * halo, t.columns.len() + 2 * halo));
        for i in 0..u.dim().1 {
            // Row 0 of the tile reads one row above the tile, which may lie in the stripe above.
            let Some(row) = (t.rows.start + i).checked_sub(halo) else {
                continue;
            };
            let line = if row < self.rows.start {
                self.above.as_ref().map(|a| a.index_axis(Axis(0), 0))
            } else if row < self.rows.end {
                Some(self.y_hat.index_axis(Axis(0), row - self.rows.start))
            } else {
                self.below.as_ref().map(|b| b.index_axis(Axis(0), 0))
            };
            let Some(line) = line else { continue };
            let columns = t.columns.start.saturating_sub(halo)..(t.columns.end + halo).min(w);
            let offset = columns.start + halo - t.columns.start;
            for (c, &shift) in self.shift.iter().enumerate() {
                let from = line.slice(s![c, columns.clone()]);
                let mut to = u.slice_mut(s![c, i, offset..]);
                for (o, &y) in to.iter_mut().zip(from) {
                    *o = (y >> shift).clamp(-ACT_MAX, ACT_MAX) as f32;
                }
            }
        }
        u
    }
}

/// A part of y [h, M, w] times the gains of a level, with zeros beyond the grid: [M, rows, columns].
fn with_gain(
    y: &Array3<f32>,
    gain: &[f32],
    rows: Range<usize>,
    columns: Range<usize>,
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
