//! Checksums made right again after deliberate damage, so that tests reach what lies behind them.

use crc32c::crc32c;

use crate::layout::{CRC_BYTES, Layout};
use crate::limits::Limits;

/// Recomputes the container checksums in place, as far as the structure can be followed, whatever the limits.
///
/// Returns whether all of them are right now, which takes a head that can be walked and a body that is all there
/// and nothing more. A head that can be walked gets its own checksum in any case. The checksum of decoded symbols
/// is left as it is.
pub fn reseal(bytes: &mut [u8]) -> bool {
    let Ok(layout) = Layout::take(bytes, &Limits::NONE) else {
        return false;
    };
    let body = layout.body_offset();
    let split = usize::try_from(layout.box_bytes)
        .ok()
        .and_then(|len| body.checked_add(len));
    let boxes = split.and_then(|split| bytes.get(body..split)).map(crc32c);
    let payload = split.and_then(|split| bytes.get(split..)).map(crc32c);

    let complete = layout.file_bytes() == bytes.len() as u64;
    if let (Some(stored), Some(crc)) = (layout.boxes_crc, boxes) {
        put(bytes, stored.offset, crc);
    }
    if let (Some(crc), true) = (payload, complete) {
        put(bytes, layout.payload_crc.offset, crc);
    }
    let head = crc32c(&bytes[..layout.head_crc.offset]);
    put(bytes, layout.head_crc.offset, head);
    complete
}

/// Stores a checksum where the layout has just read one.
fn put(bytes: &mut [u8], offset: usize, crc: u32) {
    bytes[offset..offset + CRC_BYTES].copy_from_slice(&crc.to_le_bytes());
}
