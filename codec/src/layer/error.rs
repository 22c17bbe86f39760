//! How far a picture is from another, block by block.

use kiln_graphics::Source;
use rayon::prelude::*;

use super::BLOCK;
use super::samples::{ColorSamples, hidden_row};
use crate::pixels::Pixels;

/// What a squared step of a sample counts: three channels with samples in a range of 1; grey counts as three equal channels,
/// as the networks see it.
pub(super) fn unit(pixels: Pixels<'_>) -> f64 {
    let layout = ColorSamples(pixels).layout();
    let scale = f64::from(layout.depth.largest());
    1.0 / (scale * scale) * (3 / layout.channels.count()) as f64
}

/// Squared errors of the blocks of `found` against `source`, in [units](unit) summed over the block. Pixels that
/// nobody sees count nothing, unless `keep_hidden`. Both pictures are of one size, colour and depth.
pub(crate) fn squared_errors(source: Pixels<'_>, found: Pixels<'_>, keep_hidden: bool) -> Vec<f64> {
    let columns = (source.width() as usize).div_ceil(BLOCK);
    let rows = (source.height() as usize).div_ceil(BLOCK);
    let channels = ColorSamples(source).layout().channels.count();
    let unit = unit(source);
    let mut sums = vec![0.0; rows * columns];
    sums.par_chunks_mut(columns)
        .enumerate()
        .for_each(|(i, sums)| {
            let width = source.width() as usize;
            let (mut a, mut b) = (vec![0; width * channels], vec![0; width * channels]);
            let (mut alpha, mut hidden) = (Vec::new(), vec![false; width]);
            let top = i * BLOCK;
            for y in top..(top + BLOCK).min(source.height() as usize) {
                let y = y as u32;
                ColorSamples(source).row(y, &mut a);
                ColorSamples(found).row(y, &mut b);
                if !keep_hidden {
                    hidden_row(source, y, &mut alpha, &mut hidden);
                }
                let pairs = a.chunks_exact(channels).zip(b.chunks_exact(channels));
                for ((x, (a, b)), hidden) in pairs.enumerate().zip(&hidden) {
                    if !hidden {
                        let squares = a
                            .iter()
                            .zip(b)
                            .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2));
                        sums[x / BLOCK] += squares.sum::<u64>() as f64 * unit;
                    }
                }
            }
        });
    sums
}
