//! What symbols would cost.

use crate::{CodeError, Coder, SymbolModel};

/// Codes nothing, but adds up what the symbols that it is given would cost.
///
/// The sum is one of floats, and may differ between machines in its last digits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Ideal cost so far, in bits. A [`Writer`](crate::Writer) comes to at most 0.1 % more and 3 bytes for the
    /// stream.
    pub bits: f64,
    /// Symbols so far, those that are not coded included.
    pub symbols: u64,
}

impl Estimate {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Coder for Estimate {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        model.follow_all(at, symbols)?;
        for (&at, &symbol) in at.iter().zip(&*symbols) {
            self.bits += model.bits(at, symbol.into());
        }
        self.symbols += symbols.len() as u64;
        Ok(())
    }

    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        mut at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        model.follow(&mut at, *symbol)?;
        self.bits += model.bits(at, *symbol);
        self.symbols += 1;
        Ok(at)
    }
}
