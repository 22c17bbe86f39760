//! The types of fields, read from any source, with the checksum of what has been read.

use std::borrow::Cow;

use crc32c::crc32c_append;

use crate::error::{ParseError, damaged};
use crate::source::Source;
use crate::varint;

/// Bytes of a stored checksum.
pub(crate) const CRC_BYTES: u64 = 4;

/// A source, and the checksum over its bytes since the start of the present part: the head or a record.
pub(crate) struct Fields<S> {
    source: S,
    crc: u32,
}

impl<'a, S: Source<'a>> Fields<S> {
    /// Starts at the first byte of the source.
    pub(crate) fn new(source: S) -> Self {
        Self { source, crc: 0 }
    }

    /// The source, to be moved; [`restart`](Self::restart) follows.
    pub(crate) fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// Starts a part at the present position.
    pub(crate) fn restart(&mut self) {
        self.crc = 0;
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.source.position()
    }

    /// Whether the file ends here. Nothing can be read after this call.
    pub(crate) fn at_end(&mut self) -> Result<bool, S::Error> {
        self.source.at_end()
    }

    /// Says that `len` bytes must follow, and a checksum after them.
    pub(crate) fn expect(&mut self, len: u64) -> Result<(), S::Error> {
        self.source.expect(len.saturating_add(CRC_BYTES))
    }

    /// Reads the checksum that ends a part, and starts the next one.
    pub(crate) fn end_part(&mut self, what: &'static str) -> Result<(), S::Error> {
        let offset = self.position();
        let computed = std::mem::take(&mut self.crc);
        if self.source.verify(computed)? {
            return Ok(());
        }
        damaged(what, offset)
    }

    /// Reads `len` bytes.
    pub(crate) fn bytes(&mut self, len: u64) -> Result<Cow<'a, [u8]>, S::Error> {
        let bytes = self.source.take(len)?;
        self.crc = crc32c_append(self.crc, &bytes);
        Ok(bytes)
    }

    /// Reads `N` bytes by value.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], S::Error> {
        let mut out = [0; N];
        self.source.fill(&mut out)?;
        self.crc = crc32c_append(self.crc, &out);
        Ok(out)
    }

    /// Reads one byte.
    pub(crate) fn u8(&mut self) -> Result<u8, S::Error> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Reads four bytes, least significant first.
    pub(crate) fn u32(&mut self) -> Result<u32, S::Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Reads eight bytes, least significant first.
    pub(crate) fn u64(&mut self) -> Result<u64, S::Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Reads a variable-length integer and refuses any encoding but the shortest.
    pub(crate) fn varint(&mut self) -> Result<u64, S::Error> {
        let offset = self.position();
        let mut value = 0;
        for index in 0..varint::MAX_BYTES {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7F) << (7 * index);
            if byte < 0x80 {
                if byte == 0 && index > 0 {
                    return damaged("an integer that is not in its shortest form", offset);
                }
                return Ok(value);
            }
        }
        damaged("an integer of more than nine bytes", offset)
    }

    /// Reads a variable-length integer that must lie in `range`; `what` names one that does not.
    pub(crate) fn varint_in(
        &mut self,
        range: std::ops::RangeInclusive<u32>,
        what: &'static str,
    ) -> Result<u32, S::Error> {
        let offset = self.position();
        match u32::try_from(self.varint()?) {
            Ok(value) if range.contains(&value) => Ok(value),
            _ => Err(ParseError::Damaged { what, offset }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cursor::Cursor;

    fn fields(bytes: &[u8]) -> Fields<Cursor<'_>> {
        Fields::new(Cursor::new(bytes))
    }

    #[test]
    fn fields_come_in_order_and_under_a_checksum() {
        let mut bytes = vec![1, 2, 0, 0, 0, 9, 8, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes.extend([7, 0, 0, 0, 0]);
        let mut fields = fields(&bytes);
        assert_eq!(fields.u8(), Ok(1));
        assert_eq!(fields.u32(), Ok(2));
        assert_eq!(fields.bytes(1), Ok(Cow::Borrowed(&[9][..])));
        assert_eq!(fields.u64(), Ok(8));
        assert_eq!(fields.end_part("a checksum"), Ok(()));
        assert_eq!(fields.u8(), Ok(7));
        let wrong = ParseError::Damaged {
            what: "a checksum",
            offset: 19,
        };
        assert_eq!(fields.end_part("a checksum"), Err(wrong));
        assert_eq!(fields.at_end(), Ok(true));
    }

    #[test]
    fn longer_integers_are_refused() {
        for bytes in [&[0x80, 0x00][..], &[0xFF, 0x00], &[0x80, 0x80, 0x00]] {
            let refused = ParseError::Damaged {
                what: "an integer that is not in its shortest form",
                offset: 0,
            };
            assert_eq!(fields(bytes).varint(), Err(refused), "{bytes:x?}");
        }
        let refused = ParseError::Damaged {
            what: "an integer of more than nine bytes",
            offset: 0,
        };
        assert_eq!(fields(&[0xFF; 12]).varint(), Err(refused));
        let short = ParseError::Truncated { have: 1, need: 2 };
        assert_eq!(fields(&[0x80]).varint(), Err(short));
    }

    #[test]
    fn integers_outside_their_range_are_damage() {
        let refused = ParseError::Damaged {
            what: "a number",
            offset: 0,
        };
        assert_eq!(fields(&[5]).varint_in(5..=5, "a number"), Ok(5));
        for value in [4, 6, 1 << 32, (1 << 32) + 5] {
            let mut bytes = Vec::new();
            varint::push(&mut bytes, value);
            let read = fields(&bytes).varint_in(5..=5, "a number");
            assert_eq!(read, Err(refused.clone()), "{value}");
        }
    }

    proptest! {
        #[test]
        fn every_integer_comes_back(value in 0..1_u64 << 63, shift in 0..63_u32) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            varint::push(&mut bytes, value);
            let mut fields = fields(&bytes);
            prop_assert_eq!(fields.varint(), Ok(value));
            prop_assert_eq!(fields.position(), bytes.len() as u64);
        }

        #[test]
        fn every_accepted_integer_is_the_one_written(bytes in prop::collection::vec(any::<u8>(), 1..12)) {
            let mut fields = fields(&bytes);
            if let Ok(value) = fields.varint() {
                let mut written = Vec::new();
                varint::push(&mut written, value);
                prop_assert_eq!(written, &bytes[..fields.position() as usize]);
            }
        }
    }
}
