//! Which blocks the layer takes from the model: those that cost less there, bits and squared error together.

use kiln_graphics::{Blocks, Source};
use kiln_models::seam::{Latents, Size};
use ndarray::Axis;
use rayon::prelude::*;

use super::BLOCK;
use super::samples::ColorSamples;
use crate::pixels::{Depth, Pixels};

/// Pixels of a block.
const PIXELS: f64 = (BLOCK * BLOCK) as f64;

/// Up to so many bits a pixel without loss, a block may be drawn rather than photographed...
const DRAWN: f64 = 3.0;
/// ...and from so many on it may be noise that no transform gathers. Photographs are between: for them nothing is tried.
const NOISY: f64 = 18.0;

/// A picture of more such blocks is a drawing, or has one in it.
const DRAWING: f64 = 0.05;
/// Weight at which they are counted: that of the middle level of `base`.
const WEIGHT_OF_DRAWINGS: f64 = 300.0;

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
    /// Adds every block that is worth it to those of `blocks`.
    pub(crate) fn choose(&self, blocks: &Blocks) -> Choice {
        let mut all = blocks.clone();
        let columns = blocks.columns();
        let (mut more, mut given) = (0, 0.0);
        for (i, cost) in self.costs.iter().enumerate() {
            let (column, row) = (i % columns, i / columns);
            let modelled = self.bits[i] + self.weight * self.errors[i];
            if !blocks.get(column, row) && f64::from(*cost) < modelled {
                all.set(column, row, true);
                more += 1;
                given += modelled;
            }
        }
        Choice {
            blocks: all,
            more,
            modelled: given,
        }
    }
}

/// The part of the blocks that the layer may code better, 0 to 1: a quick look that lets photographs pass. `estimate`: bits
/// of each block without loss, roughly.
pub(crate) fn candidates(pixels: Pixels<'_>, estimate: &[f32], weight: f64) -> f64 {
    // No model needs more for a block than its mean costs, the rest left as an error.
    let spreads = spreads(pixels);
    let found = spreads.par_iter().zip(estimate).filter(|(spread, bits)| {
        let (bits, each) = (f64::from(**bits), f64::from(**bits) / PIXELS);
        bits < weight * **spread && !(DRAWN..NOISY).contains(&each)
    });
    found.count() as f64 / spreads.len().max(1) as f64
}

/// Whether so much of a picture may be better in the layer, at one level or another, that its levels have to be chosen with
/// the layer in mind.
pub(crate) fn is_drawn(pixels: Pixels<'_>, estimate: &[f32]) -> bool {
    candidates(pixels, estimate, WEIGHT_OF_DRAWINGS) > DRAWING
}

/// Squared deviation of each block from its mean colour, in the units of [`squared_errors`](super::squared_errors).
fn spreads(pixels: Pixels<'_>) -> Vec<f64> {
    let columns = (pixels.width() as usize).div_ceil(BLOCK);
    let rows = (pixels.height() as usize).div_ceil(BLOCK);
    let source = ColorSamples(pixels);
    let channels = source.layout().channels.count();
    let scale = match pixels.depth() {
        Depth::Eight => 255.0,
        Depth::Sixteen => 65_535.0,
    };
    let mut spreads = vec![0.0; rows * columns];
    spreads
        .par_chunks_mut(columns)
        .enumerate()
        .for_each(|(i, spreads)| {
            let mut row = vec![0; pixels.width() as usize * channels];
            // Sum, sum of squares and count of each channel of each block.
            let mut sums = vec![[(0_u64, 0_u64, 0_u64); 3]; columns];
            let top = i * BLOCK;
            for y in top..(top + BLOCK).min(pixels.height() as usize) {
                source.row(y as u32, &mut row);
                for (block, sums) in row.chunks(BLOCK * channels).zip(&mut sums) {
                    for pixel in block.chunks_exact(channels) {
                        for (sample, sum) in pixel.iter().zip(sums.iter_mut()) {
                            let sample = u64::from(*sample);
                            *sum = (sum.0 + sample, sum.1 + sample * sample, sum.2 + 1);
                        }
                    }
                }
            }
            for (spread, sums) in spreads.iter_mut().zip(sums) {
                let deviation = |&(sum, squares, count): &(u64, u64, u64)| {
                    squares as f64 - (sum as f64).powi(2) / count.max(1) as f64
                };
                let all: f64 = sums[..channels].iter().map(deviation).sum();
                *spread = all * (3 / channels) as f64 / (scale * scale);
            }
        });
    spreads
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
    let mean_square = (middle * 255.0 * 255.0 / (3.0 * PIXELS)).max(1.0 / 12.0);
    (2.15 / mean_square).powf(5.0 / 3.0) * 255.0 * 255.0 / 3.0
}
