//! A look at the beginning of a stream.

use crate::coder::check_lengths;
use crate::{CodeError, Coder, SymbolModel};

/// Codes so many symbols with the coder inside. All after them are zeros, which the coder inside does not see and the
/// model does not follow.
#[derive(Clone, Debug)]
pub struct Limited<C> {
    inner: C,
    left: usize,
}

impl<C> Limited<C> {
    /// Leaves the first `budget` symbols to `inner`.
    pub fn new(inner: C, budget: usize) -> Self {
        Self {
            inner,
            left: budget,
        }
    }

    /// The coder inside, and what is left of the budget.
    pub fn into_parts(self) -> (C, usize) {
        (self.inner, self.left)
    }
}

impl<C: Coder> Coder for Limited<C> {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        let count = self.left.min(symbols.len());
        let (first, rest) = symbols.split_at_mut(count);
        rest.fill(0);
        self.left -= count;
        if count == 0 {
            return Ok(());
        }
        self.inner.code(model, &mut at[..count], first)
    }

    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        if self.left == 0 {
            *symbol = 0;
            return Ok(at);
        }
        self.left -= 1;
        self.inner.code_one(model, at, symbol)
    }
}
