//! Where the bytes of a file come from: what the one walk over its fields asks of a slice, a stream or a resealer.

use std::borrow::Cow;

use crate::error::ParseError;

/// A file that is read from front to back. Every method either advances over a whole field or fails.
pub(crate) trait Source<'a> {
    /// What reading can fail with; a stream adds errors of input and output.
    type Error: From<ParseError>;

    /// Bytes taken so far.
    fn position(&self) -> u64;

    /// Says that the file goes on for at least `len` bytes. A source that knows its length may fail at once; others
    /// name the bytes in the error, should the file end before them.
    fn expect(&mut self, len: u64) -> Result<(), Self::Error>;

    /// Takes as many bytes as `out` has, for fields of a few bytes.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Self::Error>;

    /// Takes `len` bytes, without allocating for bytes that are not there.
    fn take(&mut self, len: u64) -> Result<Cow<'a, [u8]>, Self::Error>;

    /// Whether the file ends here. Nothing can be taken after this call.
    fn at_end(&mut self) -> Result<bool, Self::Error>;

    /// Takes a stored checksum and says whether it is `computed`.
    fn verify(&mut self, computed: u32) -> Result<bool, Self::Error> {
        let mut stored = [0; 4];
        self.fill(&mut stored)?;
        Ok(u32::from_le_bytes(stored) == computed)
    }
}
