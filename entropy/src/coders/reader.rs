//! Bytes to symbols.

use crate::{CodeError, Coder, RawReader, SymbolModel};

/// Reads symbols from a stream of bytes, in the order in which they were written.
///
/// Any bytes are safe to read: they give symbols that the model can code, or an error. That all symbols were read
/// without an error and [`Reader::finish`] agrees makes damage improbable; only the [`Checksum`](crate::Checksum) of
/// the symbols rules it out.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    raw: RawReader<'a>,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a stream, which is all of `bytes`.
    ///
    /// # Errors
    /// [`CodeError::Start`] if no writer makes a stream of this length that starts like this.
    pub fn new(bytes: &'a [u8]) -> Result<Self, CodeError> {
        Ok(Self {
            raw: RawReader::new(bytes)?,
        })
    }

    /// Checks that exactly what was written has been read.
    ///
    /// # Errors
    /// [`CodeError::NotAtEnd`] if bytes are left over or the coder is not in the state in which every writer starts.
    pub fn finish(self) -> Result<(), CodeError> {
        self.raw.finish()
    }
}

/// Symbols are filled in. [`CodeError::Exhausted`] if the stream holds fewer.
impl Coder for Reader<'_> {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        // A copy on the stack, so that its state can stay in a register through the loop.
        let mut raw = self.raw.clone();
        model.read_all(at, symbols, &mut raw)?;
        raw.check_not_exhausted()?;
        self.raw = raw;
        Ok(())
    }

    #[inline]
    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        mut at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        *symbol = model.read(&mut at, &mut self.raw)?;
        self.raw.check_not_exhausted()?;
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Alphabet, Uniform, Writer};

    /// Places of raw bits.
    const BITS: [Alphabet; 51] = [Alphabet::bits(5).unwrap(); 51];

    fn stream() -> Vec<u8> {
        let mut writer = Writer::new();
        writer
            .code(&mut Uniform, &mut BITS[..50].to_vec(), &mut [9; 50])
            .unwrap();
        writer.finish()
    }

    fn read(reader: &mut Reader<'_>, count: usize) -> Result<(), CodeError> {
        reader.code(
            &mut Uniform,
            &mut BITS[..count].to_vec(),
            &mut vec![0; count],
        )
    }

    #[test]
    fn reading_on_past_the_end_is_an_error() {
        let bytes = stream();
        let mut reader = Reader::new(&bytes).unwrap();
        read(&mut reader, 50).unwrap();
        assert_eq!(reader.clone().finish(), Ok(()));
        let one = reader.code_one(&mut Uniform, BITS[0], &mut 0);
        assert_eq!(one, Err(CodeError::Exhausted));
        let mut reader = Reader::new(&bytes).unwrap();
        assert_eq!(read(&mut reader, 51), Err(CodeError::Exhausted));
    }

    #[test]
    fn stopping_early_is_an_error() {
        let bytes = stream();
        let mut reader = Reader::new(&bytes).unwrap();
        read(&mut reader, 49).unwrap();
        assert_eq!(reader.finish(), Err(CodeError::NotAtEnd));
    }
}
