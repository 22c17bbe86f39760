//! The checksum of a stream's symbols.

use crate::{Checksum, CodeError, Coder, SymbolModel};

/// Codes like the coder inside and keeps the [`Checksum`] over all symbols that pass, in the order of coding.
#[derive(Clone, Debug)]
pub struct Tally<C> {
    inner: C,
    checksum: Checksum,
}

impl<C> Tally<C> {
    /// The checksum of what `inner` will code.
    pub fn new(inner: C) -> Self {
        Self {
            inner,
            checksum: Checksum::new(),
        }
    }

    /// The coder inside, and the checksum of the stream's symbols.
    pub fn into_parts(self) -> (C, u32) {
        (self.inner, self.checksum.finish())
    }
}

impl<C: Coder> Coder for Tally<C> {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        self.inner.code(model, at, symbols)?;
        self.checksum.update_i16(symbols);
        Ok(())
    }

    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        let at = self.inner.code_one(model, at, symbol)?;
        self.checksum.update_i16(&[*symbol as i16]);
        Ok(at)
    }
}
