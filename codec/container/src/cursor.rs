//! A file in memory, read without copying.

use std::borrow::Cow;

use crate::error::ParseError;
use crate::source::Source;

/// A position in a slice.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// Starts at `offset`, which must not be beyond the end.
    pub(crate) fn at(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, at: offset }
    }

    /// Bytes taken so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The next `len` bytes.
    fn slice(&mut self, len: u64) -> Result<&'a [u8], ParseError> {
        self.expect(len)?;
        // `expect` has shown that `at + len` is at most the length of a slice, so it fits in a `usize`.
        let end = self.at + len as usize;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }
}

impl<'a> Source<'a> for Cursor<'a> {
    type Error = ParseError;

    fn position(&self) -> u64 {
        self.at as u64
    }

    fn expect(&mut self, len: u64) -> Result<(), ParseError> {
        let have = self.bytes.len() as u64;
        let need = self.position().saturating_add(len);
        if need > have {
            return Err(ParseError::Truncated { have, need });
        }
        Ok(())
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), ParseError> {
        out.copy_from_slice(self.slice(out.len() as u64)?);
        Ok(())
    }

    fn take(&mut self, len: u64) -> Result<Cow<'a, [u8]>, ParseError> {
        self.slice(len).map(Cow::Borrowed)
    }

    fn at_end(&mut self) -> Result<bool, ParseError> {
        Ok(self.at == self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_input_reports_what_is_missing_and_moves_nothing() {
        let mut cursor = Cursor::new(&[1, 2, 3]);
        let missing = ParseError::Truncated { have: 3, need: 4 };
        assert_eq!(cursor.take(4), Err(missing));
        assert_eq!(cursor.position(), 0);
        let overflow = ParseError::Truncated {
            have: 3,
            need: u64::MAX,
        };
        assert_eq!(cursor.take(2), Ok(Cow::Borrowed(&[1, 2][..])));
        assert_eq!(cursor.expect(u64::MAX), Err(overflow));
        assert_eq!(cursor.at_end(), Ok(false));
        assert_eq!(cursor.take(1), Ok(Cow::Borrowed(&[3][..])));
        assert_eq!(cursor.at_end(), Ok(true));
    }
}
