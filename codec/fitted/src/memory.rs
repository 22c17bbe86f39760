//! Estimates of memory, on the high side.

use crate::parameters::BAND_MIN;
use crate::shape::{Grid, Shape, Size};

/// Bytes for each row of a grid while it is decoded.
const LANE: u64 = 96;
/// Bytes for each column of a grid while a row of its features is made.
const ROW: u64 = 64;
/// Bytes of the networks, and what lists take.
const NETWORKS: u64 = 1 << 20;
/// Bytes that [`decode`](crate::decode) and then [`synthesise`](crate::synthesise) hold at most beside the streams.
pub fn decode_bytes(shape: &Shape, size: Size) -> u64 {
    let grids = shape.grids(size.height, size.width);
    let pixels = |grid: &Grid| grid.height as u64 * grid.width as u64;
    let latents: u64 = grids.iter().map(pixels).sum();
    let rows: u64 = grids
        .iter()
        .map(|grid| grid.height as u64)
        .max()
        .unwrap_or(0);
    let width = size.width as u64;
    let coarse = |level: usize| {
        let (height, width) = (
            size.height.div_ceil(1 << level),
            size.width.div_ceil(1 << level),
        );
        height as u64 * width as u64
    };
    let threads = rayon::current_num_threads() as u64;
    // Features of the finest grid, the ends of bands of the fewest rows, lanes of all threads.
    let borders = 3 * width * rows.div_ceil(BAND_MIN as u64);
    let features = 16 * coarse(1) + borders + threads * (LANE * rows + ROW * width);
    // Or planes of two levels.
    let levels = shape.levels as u64;
    let planes = 2 * levels * (coarse(1) + coarse(2));
    let channels = shape.channels as u64;
    // Planes of a block of rows and of those beside it, colours with 32 bits and with 16, and what filters need.
    let blocks = threads * width * (80 * levels + 272 * channels + 256);
    latents + features.max(planes + blocks) + NETWORKS
}
