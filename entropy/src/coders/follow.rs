//! Known symbols, which need no coding.

use crate::{CodeError, Coder, SymbolModel};

/// Codes nothing: takes the symbols as they are and lets the model follow them.
///
/// Within a [`Replay`](crate::Replay) it drives networks over known symbols.
#[derive(Clone, Copy, Debug, Default)]
pub struct Follow;

impl Coder for Follow {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        model.follow_all(at, symbols)
    }

    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        mut at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        model.follow(&mut at, *symbol)?;
        Ok(at)
    }
}
