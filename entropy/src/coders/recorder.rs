//! A record of what was coded, and where.

use crate::{CodeError, Coder, Places, SymbolModel};

/// Symbols and their places, in the order of coding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The place of each symbol that was really used: [`SymbolModel::place`].
    pub places: Places,
    /// The symbols.
    pub symbols: Vec<i16>,
}

/// Codes like the coder inside and keeps what passes: 3 bytes for each symbol in a row below 128, see [`Places`].
#[derive(Clone, Debug)]
pub struct Recorder<C> {
    inner: C,
    record: Record,
}

impl<C> Recorder<C> {
    /// An empty record of what `inner` will code.
    pub fn new(inner: C) -> Self {
        Self {
            inner,
            record: Record::default(),
        }
    }

    /// The coder inside, and the record.
    pub fn into_parts(self) -> (C, Record) {
        (self.inner, self.record)
    }
}

impl<C: Coder> Coder for Recorder<C> {
    fn code<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: &mut [M::At],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        self.inner.code(model, at, symbols)?;
        self.record.places.extend(at.iter().map(|&at| M::place(at)));
        self.record.symbols.extend_from_slice(symbols);
        Ok(())
    }

    fn code_one<M: SymbolModel>(
        &mut self,
        model: &mut M,
        at: M::At,
        symbol: &mut i32,
    ) -> Result<M::At, CodeError> {
        let at = self.inner.code_one(model, at, symbol)?;
        self.record.places.push(M::place(at));
        self.record.symbols.push(*symbol as i16);
        Ok(at)
    }
}
