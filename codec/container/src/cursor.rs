//! A reader over the input that never reads past its end.

use crate::error::ParseError;

/// A position in the input. Every method either advances over whole fields or fails and says what is missing.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Bytes read so far, as errors report it.
    pub(crate) fn position(&self) -> u64 {
        self.at as u64
    }

    /// Fails unless `len` bytes are left, without reading them.
    pub(crate) fn require(&self, len: u64) -> Result<(), ParseError> {
        let have = self.bytes.len() as u64;
        let need = self.position().saturating_add(len);
        if need > have {
            return Err(ParseError::Truncated { have, need });
        }
        Ok(())
    }

    /// Takes the next `len` bytes.
    pub(crate) fn take(&mut self, len: u64) -> Result<&'a [u8], ParseError> {
        self.require(len)?;
        // `require` has shown that `at + len` is at most the length of a slice, so it fits in a `usize`.
        let end = self.at + len as usize;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Takes the next `N` bytes by value.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64)?);
        Ok(out)
    }

    /// Takes one byte.
    pub(crate) fn u8(&mut self) -> Result<u8, ParseError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Takes four bytes, least significant first.
    pub(crate) fn u32(&mut self) -> Result<u32, ParseError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_fields_in_order() {
        let mut cursor = Cursor::new(&[1, 2, 0, 0, 0, 9]);
        assert_eq!(cursor.u8(), Ok(1));
        assert_eq!(cursor.u32(), Ok(2));
        assert_eq!(cursor.offset(), 5);
        assert_eq!(cursor.take(1), Ok(&[9][..]));
        assert_eq!(cursor.offset(), 6);
    }

    #[test]
    fn end_of_input_reports_what_is_missing_and_moves_nothing() {
        let mut cursor = Cursor::new(&[1, 2, 3]);
        let missing = ParseError::Truncated { have: 3, need: 4 };
        assert_eq!(cursor.u32(), Err(missing));
        assert_eq!(cursor.offset(), 0);
        let overflow = ParseError::Truncated {
            have: 3,
            need: u64::MAX,
        };
        assert_eq!(cursor.take(u64::MAX), Err(overflow));
    }
}
