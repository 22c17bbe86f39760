//! Estimates of memory, on the high side.

use crate::encode::STRIPS_AT_ONCE;
use crate::layout::Layout;

/// Bytes of the models of a strip.
const MODELS: u64 = 8 << 20;
/// Bytes that three rows of a strip take for each pixel of a row and each of its samples.
const ROWS: u64 = 3 * 40;
/// Decisions that a sample of 8 bits takes at most, on average; a sample of 16 bits takes twice as many.
const DECISIONS: u64 = 15;

/// Bytes of a sample that nothing compresses, coded, while the stream is put together.
const BYTES: u64 = 32;

/// Bytes that [`encode`](crate::encode) holds at most beside the picture, for photographs that are hard to code.
pub fn encode_bytes(layout: &Layout) -> u64 {
    // Four bytes for each decision, and twice as many more while the list of decisions moves to where there is room.
    let decisions = DECISIONS * if layout.depth.largest() > 255 { 2 } else { 1 };
    held(layout, 12 * decisions + BYTES, STRIPS_AT_ONCE)
}

/// Bytes that [`decode`](crate::decode) holds at most beside the picture and the bytes that it decodes.
pub fn decode_bytes(layout: &Layout) -> u64 {
    held(layout, 0, usize::MAX)
}

/// Bytes of as many strips as are worked on at a time, `at_once` at most, with `extra` bytes for each sample.
fn held(layout: &Layout, extra: u64, at_once: usize) -> u64 {
    let rows = (0..layout.strips())
        .map(|number| layout.strip_rows(number).len() as u64)
        .max();
    let row = u64::from(layout.width) * layout.channels.count() as u64;
    // Samples, and once more while they are mapped.
    let samples = row
        .saturating_mul(rows.unwrap_or(0))
        .saturating_mul(4 + extra);
    let strip = samples
        .saturating_add(row.saturating_mul(ROWS))
        .saturating_add(MODELS);
    let threads = rayon::current_num_threads();
    let strips = layout.strips().min(threads).min(at_once) as u64;
    strips
        .saturating_mul(strip)
        .saturating_add(layout.columns() as u64 * layout.block_rows() as u64 * 6)
}
