//! Variable-length unsigned integers as they are written: LEB128, shortest form only, at most nine bytes (63 bits).
//! They are read by [`Fields::varint`](crate::fields::Fields::varint).

/// Longest encoding, in bytes. Nine bytes carry 63 bits, as many as the length of a slice can have.
pub(crate) const MAX_BYTES: usize = 9;

/// Appends `value`, seven bits per byte, least significant first; the high bit of a byte says that more follow.
/// Callers store counts and lengths of slices, sides of pictures and offsets in files, all below 2^63.
pub(crate) fn push(out: &mut Vec<u8>, mut value: u64) {
    debug_assert!(value >> 63 == 0, "no length reaches 2^63");
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let encode = |value| {
            let mut out = Vec::new();
            push(&mut out, value);
            out
        };
        assert_eq!(encode(0), [0x00]);
        assert_eq!(encode(127), [0x7F]);
        assert_eq!(encode(128), [0x80, 0x01]);
        assert_eq!(encode(768), [0x80, 0x06]);
        assert_eq!(encode(1 << 30), [0x80, 0x80, 0x80, 0x80, 0x04]);
        assert_eq!(
            encode((1 << 63) - 1),
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
        );
    }
}
