//! Checksums made right again after deliberate damage, so that tests reach what lies behind them.

use std::borrow::Cow;

use crate::cursor::Cursor;
use crate::error::ParseError;
use crate::limits::Limits;
use crate::source::Source;
use crate::walk::Walk;

/// Recomputes the container checksums in place, as far as the file can be read, whatever the limits. The checksum of
/// decoded symbols is left as it is.
///
/// Returns whether the whole file could be read: no checksum is wrong then, and nothing but a limit keeps it from being
/// parsed. Where it returns `false`, parsing fails at the same place, with an error that is no wrong checksum.
pub fn reseal(bytes: &mut [u8]) -> bool {
    let Ok((mut walk, _)) = Walk::begin(Resealer { bytes, at: 0 }, &Limits::NONE) else {
        return false;
    };
    loop {
        match walk.next_frame() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// A file in memory whose checksums become what they should be as they are read.
struct Resealer<'b> {
    bytes: &'b mut [u8],
    at: usize,
}

impl Resealer<'_> {
    /// Does something with a cursor at the present position.
    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Cursor<'_>) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        let mut cursor = Cursor::at(self.bytes, self.at);
        let value = read(&mut cursor)?;
        self.at = cursor.offset();
        Ok(value)
    }
}

impl Source<'static> for Resealer<'_> {
    type Error = ParseError;

    fn position(&self) -> u64 {
        self.at as u64
    }

    fn expect(&mut self, len: u64) -> Result<(), ParseError> {
        self.read(|cursor| cursor.expect(len))
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), ParseError> {
        self.read(|cursor| cursor.fill(out))
    }

    fn take(&mut self, len: u64) -> Result<Cow<'static, [u8]>, ParseError> {
        self.read(|cursor| Ok(Cow::Owned(cursor.take(len)?.into_owned())))
    }

    fn at_end(&mut self) -> Result<bool, ParseError> {
        self.read(|cursor| cursor.at_end())
    }

    fn verify(&mut self, computed: u32) -> Result<bool, ParseError> {
        let start = self.at;
        self.fill(&mut [0; 4])?;
        self.bytes[start..self.at].copy_from_slice(&computed.to_le_bytes());
        Ok(true)
    }
}
