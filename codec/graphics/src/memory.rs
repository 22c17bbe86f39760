//! Estimates of memory, on the high side.

use crate::layout::Layout;

/// Bytes of the models of a strip.
const MODELS: u64 = 8 << 20;
/// Bytes that three rows of a strip take for each pixel of a row and each of its samples.
const ROWS: u64 = 3 * 40;
/// Decisions that a sample of 8 bits takes at most, on average; a sample of 16 bits takes twice as many.
const DECISIONS: u64 = 15;

/// Bytes that [`encode`](crate::encode) holds at most beside the picture, for photographs that are hard to code.
pub fn encode_bytes(layout: &Layout) -> u64 {
    // Four bytes for each decision, and twice that while the list of decisions grows.
    let decisions = DECISIONS * if layout.depth.largest() > 255 { 2 } else { 1 };
    held(layout, 8 * decisions)
}

/// Bytes that [`decode`](crate::decode) holds at most beside the picture and the bytes that it decodes.
pub fn decode_bytes(layout: &Layout) -> u64 {
    held(layout, 0)
}

/// Bytes of as many strips as are worked on at a time, with `extra` bytes for each sample.
fn held(layout: &Layout, extra: u64) -> u64 {
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
    let strips = layout.strips().min(rayon::current_num_threads()) as u64;
    strips
        .saturating_mul(strip)
        .saturating_add(layout.columns() as u64 * layout.block_rows() as u64 * 6)
}
