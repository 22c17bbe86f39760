//! Which blocks the layer takes from the model: those that cost less there, bits and squared error together.

use kiln_graphics::{Blocks, Source};
use kiln_models::seam::{Latents, Size};
use ndarray::Axis;
use rayon::prelude::*;

use super::BLOCK;
use super::error::unit;
use super::samples::{ColorSamples, hidden_row};
use crate::pixels::Pixels;

/// Up to so many bits a pixel without loss, a block may be drawn rather than photographed. Noise takes far more, and the
/// error that a model leaves there is one that few people miss.
const DRAWN: f64 = 3.0;

/// A block is not worth a look unless leaving all of it but its mean would cost so many times its bits without loss: clear
/// skies pass the first test, and not this one.
const FAR: f64 = 8.0;

/// A picture of more such blocks is a drawing, or has one in it.
const DRAWING: f64 = 0.05;
/// Weight at which they are counted: that of the middle level of `base`.
const WEIGHT_OF_DRAWINGS: f64 = 300.0;

/// A block beside one of the layer joins it for up to so many times what it costs the model...
const FAVOUR: f64 = 3.0;
/// ...and up to so many bits.
const CHEAP: f64 = 256.0;
/// How far that spreads, in blocks.
const CLOSINGS: usize = 2;

/// What is known of the blocks of a picture at a level.
pub(crate) struct Evidence<'a> {
    /// Bits that each takes in the layer.
    pub(crate) costs: &'a [f32],
    /// Bits that each takes in the model's streams.
    pub(crate) bits: &'a [f64],
    /// Squared error that the model leaves in each.
    pub(crate) errors: &'a [f64],
    /// Bits that a unit of squared error is worth.
    pub(crate) weight: f64,
}

/// Blocks for the layer, beside those that it has.
pub(crate) struct Choice {
    /// All blocks of the layer.
    pub(crate) blocks: Blocks,
    /// How many of them are new.
    pub(crate) more: usize,
    /// What the new ones cost the model: bits, and squared error in bits.
    pub(crate) modelled: f64,
}

impl Evidence<'_> {
    /// Adds every block that is worth it to those of `blocks`, and blocks beside those of the layer that cost little there:
    /// between exact blocks the eye sees every fault of a lossy one.
    pub(crate) fn choose(&self, blocks: &Blocks) -> Choice {
        let mut choice = Choice {
            blocks: blocks.clone(),
            more: 0,
            modelled: 0.0,
        };
        self.add(&mut choice, |cost, modelled, _| cost < modelled);
        for _ in 0..CLOSINGS {
            let before = choice.more;
            self.add(&mut choice, |cost, modelled, beside| {
                beside && cost < CHEAP && cost < FAVOUR * modelled
            });
            if choice.more == before {
                break;
            }
        }
        choice
    }

    /// Adds the blocks that a rule says: by their bits in the layer, what they cost the model, and whether one of their
    /// neighbours is in the layer.
    fn add(&self, choice: &mut Choice, rule: impl Fn(f64, f64, bool) -> bool) {
        let known = choice.blocks.clone();
        let columns = known.columns();
        for (i, cost) in self.costs.iter().enumerate() {
            let (column, row) = (i % columns, i / columns);
            if known.get(column, row) {
                continue;
            }
            let beside = (row.saturating_sub(1)..=row + 1)
                .any(|y| (column.saturating_sub(1)..=column + 1).any(|x| known.get(x, y)));
            let modelled = self.bits[i] + self.weight * self.errors[i];
            if rule(f64::from(*cost), modelled, beside) {
                choice.blocks.set(column, row, true);
                choice.more += 1;
                choice.modelled += modelled;
            }
        }
    }
}

/// A quick look at a picture that lets photographs pass: for each block how far its colours are from their mean, and its
/// bits without loss, roughly. It serves every level.
pub(crate) struct Look {
    spreads: Vec<Spread>,
    bits: Vec<f32>,
}

impl Look {
    /// Looks at a picture. `exact`: the same with colours beneath its hidden pixels that cost little, if `hides`; pixels that
    /// nobody sees count nothing then.
    pub(crate) fn new(pixels: Pixels<'_>, exact: Pixels<'_>, hides: bool) -> Self {
        let source = ColorSamples(exact);
        Self {
            spreads: spreads(pixels, hides),
            bits: kiln_graphics::estimate(&source.layout(), &source),
        }
    }

    /// Bits of the whole picture without loss, roughly.
    pub(crate) fn bits(&self) -> f64 {
        self.bits.iter().map(|b| f64::from(*b)).sum()
    }

    /// The part of the blocks that the layer may code better, 0 to 1.
    pub(crate) fn candidates(&self, weight: f64) -> f64 {
        let blocks = self.spreads.iter().zip(&self.bits);
        let found = blocks.filter(|(spread, bits)| {
            // No model needs more for a block than its mean costs, the rest left as an error. Smooth ones need far less.
            let bits = f64::from(**bits);
            FAR * bits < weight * spread.sum && bits < DRAWN * spread.pixels
        });
        found.count() as f64 / self.spreads.len().max(1) as f64
    }

    /// Whether so much of the picture may be better in the layer, at one level or another, that its levels have to be chosen
    /// with the layer in mind.
    pub(crate) fn is_drawn(&self) -> bool {
        self.candidates(WEIGHT_OF_DRAWINGS) > DRAWING
    }
}

/// How far the colours of a block are from their mean.
#[derive(Clone, Copy, Default)]
struct Spread {
    /// Squared deviations, in the units of [`squared_errors`](super::squared_errors).
    sum: f64,
    /// Pixels that can be seen.
    pixels: f64,
}

/// The spread of each block.
fn spreads(pixels: Pixels<'_>, hides: bool) -> Vec<Spread> {
    let columns = (pixels.width() as usize).div_ceil(BLOCK);
    let rows = (pixels.height() as usize).div_ceil(BLOCK);
    let mut spreads = vec![Spread::default(); rows * columns];
    spreads
        .par_chunks_mut(columns)
        .enumerate()
        .for_each(|(i, spreads)| spreads_of_row(pixels, hides, i * BLOCK, spreads));
    spreads
}

/// The spreads of the blocks whose uppermost row is `top`.
fn spreads_of_row(pixels: Pixels<'_>, hides: bool, top: usize, spreads: &mut [Spread]) {
    let width = pixels.width() as usize;
    let source = ColorSamples(pixels);
    let channels = source.layout().channels.count();
    let mut row = vec![0; width * channels];
    let (mut alpha, mut hidden) = (Vec::new(), vec![false; width]);
    // Sum, sum of squares and count of each channel of each block.
    let mut sums = vec![[(0_u64, 0_u64, 0_u64); 3]; spreads.len()];
    for y in top..(top + BLOCK).min(pixels.height() as usize) {
        source.row(y as u32, &mut row);
        if hides {
            hidden_row(pixels, y as u32, &mut alpha, &mut hidden);
        }
        for (x, pixel) in row.chunks_exact(channels).enumerate() {
            if hidden[x] {
                continue;
            }
            for (sample, sum) in pixel.iter().zip(&mut sums[x / BLOCK]) {
                let sample = u64::from(*sample);
                *sum = (sum.0 + sample, sum.1 + sample * sample, sum.2 + 1);
            }
        }
    }
    for (spread, sums) in spreads.iter_mut().zip(sums) {
        let deviation = |&(sum, squares, count): &(u64, u64, u64)| {
            squares as f64 - (sum as f64).powi(2) / count.max(1) as f64
        };
        let all: f64 = sums[..channels].iter().map(deviation).sum();
        *spread = Spread {
            sum: all * unit(pixels),
            pixels: sums[0].2 as f64,
        };
    }
}

/// Bits of each block in the model's streams: all of them, `total`, by how large the latents of each place are, or how far
/// from those beside and above it. Symbols are coded with probabilities that a network picks, so that this is a guess, but
/// the sum is right.
pub(crate) fn share_bits(latents: &Latents, size: Size, cell: usize, total: f64) -> Vec<f64> {
    let (columns, rows) = (size.width.div_ceil(BLOCK), size.height.div_ceil(BLOCK));
    let mut bits = vec![0.0; rows * columns];
    let Latents::Fixed {
        bits: fraction,
        planes,
    } = latents
    else {
        return bits;
    };
    let Some(plane) = planes.first() else {
        return bits;
    };
    let (h, channels, w) = plane.dim();
    let (cell_rows, cell_columns) = size.cells(cell);
    // Pixels between two places of the grid.
    let (down, across) = (cell_rows * cell / h.max(1), cell_columns * cell / w.max(1));
    let one = f64::from(1_u32 << fraction);
    for (i, row) in plane.outer_iter().enumerate() {
        let above = i
            .checked_sub(1)
            .map(|above| plane.index_axis(Axis(0), above));
        for j in 0..w {
            let large: f64 = (0..channels)
                .map(|c| {
                    let value = f64::from(row[(c, j)]);
                    let near = match (&above, j) {
                        (Some(above), 1..) => 0.5 * f64::from(above[(c, j)] + row[(c, j - 1)]),
                        (Some(above), 0) => above[(c, 0)].into(),
                        (None, 1..) => row[(c, j - 1)].into(),
                        (None, 0) => 0.0,
                    };
                    (value.abs().min((value - near).abs()) / one).ln_1p()
                })
                .sum();
            // Where a place covers several blocks, they share it.
            let covered = |at: usize, step: usize, end: usize| {
                let first = (at * step / BLOCK).min(end - 1);
                first..((at + 1) * step).div_ceil(BLOCK).clamp(first + 1, end)
            };
            let (down, across) = (covered(i, down, rows), covered(j, across, columns));
            let each = large / (down.len() * across.len()) as f64;
            for y in down {
                for x in across.clone() {
                    bits[y * columns + x] += each;
                }
            }
        }
    }
    let sum: f64 = bits.iter().sum();
    if sum > 0.0 {
        bits.iter_mut().for_each(|b| *b *= total / sum);
    }
    bits
}

/// Bits that a unit of squared error is worth where the weights do not say it: by the error that they leave in the block in
/// the middle of all. Fitted to the levels of `base`, whose weights say it: lambda = (2.15 / mean squared error)^(5/3).
pub(crate) fn weight_of(errors: &[f64]) -> f64 {
    let mut sorted = errors.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    // At least the error of rounding to 8 bits.
    let mean_square = (middle * 255.0 * 255.0 / (3 * BLOCK * BLOCK) as f64).max(1.0 / 12.0);
    (2.15 / mean_square).powf(5.0 / 3.0) * 255.0 * 255.0 / 3.0
}
