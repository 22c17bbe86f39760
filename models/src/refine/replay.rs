//! Coding of symbols that were chosen before.

use kiln_entropy::{Chains, CodeError, Symbols, Tables, Writer};

/// A [`Writer`] that takes its symbols from a list, in the order of coding.
pub(crate) struct Replay {
    writer: Writer,
    symbols: std::vec::IntoIter<i16>,
}

impl Replay {
    pub(crate) fn new(symbols: Vec<i16>) -> Self {
        Self {
            writer: Writer::new(),
            symbols: symbols.into_iter(),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.writer.finish()
    }
}

impl Symbols for Replay {
    fn code(&mut self, tables: &Tables, row: u16, symbol: &mut i32) -> Result<(), CodeError> {
        // A list that is too short is filled with zeros, which every row can code.
        *symbol = self.symbols.next().unwrap_or(0).into();
        self.writer.code(tables, row, symbol)
    }

    fn code_all(
        &mut self,
        tables: &Tables,
        rows: &[u8],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        symbols
            .iter_mut()
            .for_each(|s| *s = self.symbols.next().unwrap_or(0));
        self.writer.code_all(tables, rows, symbols)
    }

    fn code_chained(
        &mut self,
        tables: &Tables,
        rows: &mut [u8],
        chain: &[u16],
        chains: &mut Chains,
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        symbols
            .iter_mut()
            .for_each(|s| *s = self.symbols.next().unwrap_or(0));
        self.writer
            .code_chained(tables, rows, chain, chains, symbols)
    }
}
