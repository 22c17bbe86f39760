//! A quick guess of what blocks would take.

use rayon::prelude::*;

use crate::colour::Transform;
use crate::encode::Source;
use crate::layout::{BLOCK, Channels, Layout};

/// Bits of a pixel that is equal to the one above or on its left, in a block where most are.
const FLAT: f32 = 0.1;
/// The same where most are not.
const ROUGH: f32 = 3.0;
/// Bits of a value at least; each doubling of its distance from its prediction adds one.
const VALUE: f32 = 1.9;
/// Bits of another pixel on average at most, where most are equal to a neighbour: there colours come again.
const DRAWN: f32 = 7.0;

/// What is seen of a block.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Pixels that are equal to the one above or on the left.
    equal: u32,
    /// All others.
    other: u32,
    /// What those take by their distances from predictions, in 256ths of a bit.
    logs: u64,
}

impl Seen {
    fn bits(self, channels: usize) -> f32 {
        let (equal, other) = (self.equal as f32, self.other as f32);
        let smooth = other * channels as f32 * VALUE + self.logs as f32 / 256.0;
        match self.equal >= self.other {
            true => equal * FLAT + smooth.min(other * DRAWN),
            false => equal * ROUGH + smooth,
        }
    }
}

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
            let mut seen = vec![Seen::default(); layout.columns()];
            for y in start..end {
                source.row(y, &mut row);
                look::<C>(&row, &up, &mut seen);
                std::mem::swap(&mut row, &mut up);
            }
            seen.iter().map(|seen| seen.bits(C)).collect()
        })
        .collect();
    rows.concat()
}

/// Adds what is seen of a row to its blocks.
fn look<const C: usize>(row: &[u16], up: &[u16], seen: &mut [Seen]) {
    let ((row, _), (up, _)) = (row.as_chunks::<C>(), up.as_chunks::<C>());
    let Some(&(mut w)) = up.first() else {
        return;
    };
    let mut nw = w;
    let blocks = row.chunks(BLOCK as usize).zip(up.chunks(BLOCK as usize));
    for (seen, (row, up)) in seen.iter_mut().zip(blocks) {
        for (&px, &n) in row.iter().zip(up) {
            if px == w || px == n {
                seen.equal += 1;
            } else {
                let values = [px, w, n, nw].map(|samples| Transform::Green.forward(samples));
                seen.other += 1;
                seen.logs += median_error(values)
                    .iter()
                    .map(|&error| u64::from(log(error + 1)))
                    .sum::<u64>();
            }
            (w, nw) = (px, n);
        }
    }
}

/// How far the median of W, N and W + N - NW is from each value: of the pixel, W, N and NW.
#[inline(always)]
pub(crate) fn median_error<const C: usize>([px, w, n, nw]: [[i32; C]; 4]) -> [u32; C] {
    std::array::from_fn(|c| {
        let plane = w[c] + n[c] - nw[c];
        px[c].abs_diff(plane.clamp(w[c].min(n[c]), w[c].max(n[c])))
    })
}

/// The binary logarithm of a number that is not 0 in 256ths, straight between powers of two.
#[inline(always)]
pub(crate) fn log(value: u32) -> u32 {
    let whole = value.ilog2();
    (whole << 8) + (u64::from(value) << 8 >> whole) as u32 - 256
}
