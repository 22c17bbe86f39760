//! A file that comes through a reader, in pieces of bounded size.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};

use crate::error::{ParseError, ReadError};
use crate::source::Source;

/// Most bytes that are asked for, and allocated, at a time: a length in the file reserves no more than this ahead of
/// the bytes that have come.
const PIECE: u64 = 1 << 16;

/// A reader, and how far it has been read.
pub(crate) struct Stream<R> {
    inner: R,
    position: u64,
    /// Length that the file must have at least, as far as its fields have told.
    expected: u64,
}

impl<R> Stream<R> {
    /// Starts at the present position of `inner`, as the first byte of the file.
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            position: 0,
            expected: 0,
        }
    }

    /// The error of a file that ends after `position` bytes, inside a field of which `missing` bytes have not come.
    fn truncated(&self, missing: u64) -> ReadError {
        let need = self.position.saturating_add(missing).max(self.expected);
        ReadError::Parse(ParseError::Truncated {
            have: self.position,
            need,
        })
    }
}

impl<R: Read> Stream<R> {
    /// Reads into `out` until it is full or the input ends; says how many bytes came.
    fn read_up_to(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) => break,
                Ok(read) => {
                    done += read;
                    self.position += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

impl<R: Seek> Stream<R> {
    /// Moves to a place in the file.
    pub(crate) fn seek(&mut self, position: u64) -> io::Result<()> {
        // The file may begin anywhere in what is read, so that only the way from here is known.
        let way = i128::from(position) - i128::from(self.position);
        let way = i64::try_from(way).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.inner.seek_relative(way)?;
        self.position = position;
        self.expected = 0;
        Ok(())
    }

    /// Moves to the last `len` bytes of the file, if it has as many, and returns the position there.
    pub(crate) fn seek_from_end(&mut self, len: u64) -> io::Result<Option<u64>> {
        let start = self.inner.stream_position()?.saturating_sub(self.position);
        let end = self.inner.seek(SeekFrom::End(0))?;
        self.position = end.saturating_sub(start);
        let Some(position) = self.position.checked_sub(len) else {
            return Ok(None);
        };
        self.seek(position)?;
        Ok(Some(position))
    }
}

impl<R: Read> Source<'static> for Stream<R> {
    type Error = ReadError;

    fn position(&self) -> u64 {
        self.position
    }

    fn expect(&mut self, len: u64) -> Result<(), ReadError> {
        self.expected = self.expected.max(self.position.saturating_add(len));
        Ok(())
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), ReadError> {
        let missing = out.len() - self.read_up_to(out)?;
        if missing > 0 {
            return Err(self.truncated(missing as u64));
        }
        Ok(())
    }

    fn take(&mut self, len: u64) -> Result<Cow<'static, [u8]>, ReadError> {
        let mut taken = Vec::new();
        let mut missing = len;
        while missing > 0 {
            let piece = missing.min(PIECE);
            // A piece is far below what a `usize` holds on any machine.
            taken
                .try_reserve(piece as usize)
                .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            let before = taken.len();
            let result = self.inner.by_ref().take(piece).read_to_end(&mut taken);
            // An error does not undo what was read before it.
            let read = (taken.len() - before) as u64;
            self.position += read;
            missing -= read;
            result?;
            if read < piece {
                return Err(self.truncated(missing));
            }
        }
        Ok(Cow::Owned(taken))
    }

    fn at_end(&mut self) -> Result<bool, ReadError> {
        Ok(self.read_up_to(&mut [0])? == 0)
    }
}
