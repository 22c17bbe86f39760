//! Variable-length unsigned integers: LEB128, shortest form only, at most nine bytes (63 bits).

use crate::cursor::Cursor;
use crate::error::ParseError;

/// Longest encoding, in bytes. Nine bytes carry 63 bits, as many as the length of a slice can have.
pub(crate) const MAX_VARINT_BYTES: usize = 9;

/// Appends `value`, seven bits per byte, least significant first; the high bit of a byte says that more follow.
/// Callers store lengths of slices and sides of pictures, all below 2^63.
pub(crate) fn push(out: &mut Vec<u8>, mut value: u64) {
    debug_assert!(value >> 63 == 0, "no length reaches 2^63");
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a value and refuses any encoding but the shortest.
pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<u64, ParseError> {
    let offset = cursor.position();
    let mut value = 0;
    for index in 0..MAX_VARINT_BYTES {
        let byte = cursor.u8()?;
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            if byte == 0 && index > 0 {
                return Err(ParseError::Damaged {
                    what: "an integer that is not in its shortest form",
                    offset,
                });
            }
            return Ok(value);
        }
    }
    Err(ParseError::Damaged {
        what: "an integer of more than nine bytes",
        offset,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, value);
        out
    }

    #[test]
    fn known_values() {
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

    #[test]
    fn longer_forms_are_refused() {
        for bytes in [&[0x80, 0x00][..], &[0xFF, 0x00], &[0x80, 0x80, 0x00]] {
            let error = take(&mut Cursor::new(bytes)).unwrap_err();
            assert!(
                matches!(error, ParseError::Damaged { offset: 0, .. }),
                "{bytes:x?}: {error}"
            );
        }
        let error = take(&mut Cursor::new(&[0xFF; 12])).unwrap_err();
        assert!(matches!(
            error,
            ParseError::Damaged {
                what: "an integer of more than nine bytes",
                ..
            }
        ));
        let error = take(&mut Cursor::new(&[0x80])).unwrap_err();
        assert_eq!(error, ParseError::Truncated { have: 1, need: 2 });
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in 0..1_u64 << 63, shift in 0..63_u32) {
            let value = value >> shift;
            let bytes = encode(value);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!(take(&mut cursor), Ok(value));
            prop_assert_eq!(cursor.offset(), bytes.len());
        }

        #[test]
        fn every_accepted_encoding_is_the_one_written(bytes in prop::collection::vec(any::<u8>(), 1..12)) {
            let mut cursor = Cursor::new(&bytes);
            if let Ok(value) = take(&mut cursor) {
                prop_assert_eq!(encode(value), &bytes[..cursor.offset()]);
            }
        }
    }
}
