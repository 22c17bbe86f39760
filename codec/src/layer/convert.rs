//! Samples of the layer in the depth of the pixels that they go to.

use kiln_container::Depth;

/// A sample of `depth` as the nearest of 8 bits.
pub(super) fn to_eight(sample: u16, depth: Depth) -> u8 {
    match depth {
        Depth::Eight => sample as u8,
        // 65535 = 257 * 255, and a remainder of an odd divisor is never exactly one half.
        Depth::Sixteen => ((u32::from(sample) + 128) / 257) as u8,
    }
}

/// A sample of `depth` in 16 bits. One of 8 bits that is larger than 255 cannot come out of a layer.
pub(super) fn to_sixteen(sample: u16, depth: Depth) -> u16 {
    match depth {
        Depth::Eight => sample.wrapping_mul(257),
        Depth::Sixteen => sample,
    }
}
