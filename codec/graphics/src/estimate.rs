//! A quick guess of what blocks would take.

use rayon::prelude::*;

use crate::colour::Transform;
use crate::encode::Source;
use crate::layout::{BLOCK, Channels, Layout};

/// Bits that a pixel takes which is equal to the one above or on its left.
const EQUAL: f32 = 0.15;
/// Bits that a value takes at least, and for each doubling of its distance from its prediction.
const VALUE: (f32, f32) = (1.6, 1.0);
/// Bits that a pixel takes at most: in drawings colours come again.
const MOST: f32 = 16.0;

/// Bits that each block would take, row by row, guessed without adaptive coding. Ranks blocks as
/// [`costs`](crate::costs) does, by and large, in a small part of its time.
pub fn estimate(layout: &Layout, source: &dyn Source) -> Vec<f32> {
    match layout.channels {
        Channels::One => estimate_channels::<1>(layout, source),
        Channels::Three => estimate_channels::<3>(layout, source),
    }
}

fn estimate_channels<const C: usize>(layout: &Layout, source: &dyn Source) -> Vec<f32> {
    let rows: Vec<Vec<f32>> = (0..layout.block_rows())
        .into_par_iter()
        .map(|block_row| {
            let start = block_row as u32 * BLOCK;
            let end = start.saturating_add(BLOCK).min(layout.height);
            let mut up = vec![0; layout.width as usize * C];
            let mut row = up.clone();
            source.row(start.saturating_sub(1), &mut up);
            let mut bits = vec![0.0; layout.columns()];
            for y in start..end {
                source.row(y, &mut row);
                row_bits::<C>(&row, &up, &mut bits);
                std::mem::swap(&mut row, &mut up);
            }
            bits
        })
        .collect();
    rows.concat()
}

/// Adds the bits of a row to those of its blocks.
fn row_bits<const C: usize>(row: &[u16], up: &[u16], bits: &mut [f32]) {
    let ((row, _), (up, _)) = (row.as_chunks::<C>(), up.as_chunks::<C>());
    let Some((&(mut w), &(mut nw))) = up.first().zip(up.first()) else {
        return;
    };
    let blocks = row.chunks(BLOCK as usize).zip(up.chunks(BLOCK as usize));
    for (bits, (row, up)) in bits.iter_mut().zip(blocks) {
        for (&px, &n) in row.iter().zip(up) {
            *bits += pixel_bits(px, w, n, nw);
            (w, nw) = (px, n);
        }
    }
}

#[inline(always)]
fn pixel_bits<const C: usize>(px: [u16; C], w: [u16; C], n: [u16; C], nw: [u16; C]) -> f32 {
    if px == w || px == n {
        return EQUAL;
    }
    let [px, w, n, nw] = [px, w, n, nw].map(|samples| Transform::Green.forward(samples));
    let mut logs = 0;
    for c in 0..C {
        let predicted = (w[c] + n[c] - nw[c]).clamp(w[c].min(n[c]), w[c].max(n[c]));
        logs += log(px[c].abs_diff(predicted) + 1);
    }
    (C as f32 * VALUE.0 + logs as f32 * (VALUE.1 / 256.0)).min(MOST)
}

/// The binary logarithm in 256ths, straight between powers of two.
#[inline(always)]
pub(crate) fn log(value: u32) -> u32 {
    let whole = value.ilog2();
    (whole << 8) + ((value << 8 >> whole) - 256)
}
