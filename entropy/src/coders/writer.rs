//! Symbols to bytes.

use crate::{CodeError, Coder, Slots, SymbolModel};

/// Collects symbols and turns them into a stream of bytes.
///
/// The coder is a stack, last in, first out. The writer therefore keeps what it is given (4 bytes for each step) and
/// codes it backwards in [`Writer::finish`], so that a [`Reader`](crate::Reader) finds it in the order it was
/// written.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    slots: Slots,
}

impl Writer {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of everything written, as short as they can be: none at all if nothing was coded.
    pub fn finish(self) -> Vec<u8> {
        self.slots.finish()
    }
}

/// Symbols are not changed.
impl Coder for Writer {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        model.write_all(at, symbols, &mut self.slots)
    }

    #[inline]
    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        mut at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        model.write(&mut at, *symbol, &mut self.slots)?;
        Ok(at)
    }
}
