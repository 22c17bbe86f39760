//! Symbols to bytes.

use constriction::stream::Encode;
use constriction::stream::stack::AnsCoder;

use crate::escape::Escape;
use crate::model::Slot;
use crate::symbols::{BLOCK, check_lengths, coded_indices};
use crate::{Chains, CodeError, START, Symbols, Tables};

/// Collects symbols and turns them into a stream of bytes.
///
/// The coder is a stack, last in, first out. The writer therefore keeps what it is given (4 bytes
/// for each symbol) and codes it backwards in [`Writer::finish`], so that a
/// [`Reader`](crate::Reader) finds it in the order it was written.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    slots: Vec<Slot>,
}

impl Writer {
    /// An empty stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of everything written, as short as they can be: none at all if nothing was coded.
    pub fn finish(self) -> Vec<u8> {
        let mut coder: AnsCoder<u32, u64> = AnsCoder::from_raw_parts(Vec::new(), START);
        for &slot in self.slots.iter().rev() {
            let coded = coder.encode_symbol((), slot);
            debug_assert!(
                coded.is_ok(),
                "a slot has a probability and a vector takes every word"
            );
        }
        let (words, state) = coder.into_raw_parts();

        let mut bytes = Vec::with_capacity(8 + 4 * words.len());
        if state != START {
            // A state with words below it is at least 2^32, which makes this at least 5 bytes: see
            // CODING.md.
            let used = 8 - state.leading_zeros() as usize / 8;
            bytes.extend_from_slice(&state.to_le_bytes()[..used]);
        }
        bytes.extend(words.iter().rev().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    /// Writes a symbol in a row that is coded.
    #[inline(always)]
    fn push(&mut self, tables: &Tables, row: u16, symbol: i32) -> Result<(), CodeError> {
        let view = tables.row(row).ok_or_else(|| tables.unknown(row))?;
        let bin = view.bin(symbol);
        self.slots.push(view.search.slots[bin]);
        if bin == view.escape {
            if tables.is_beyond_limit(symbol) {
                let limit = tables.limit();
                return Err(CodeError::SymbolBeyondLimit { symbol, limit });
            }
            let escape = Escape::of(symbol, view.first, view.last());
            self.slots.extend(escape.slots());
        }
        Ok(())
    }
}

impl Symbols for Writer {
    fn code(&mut self, tables: &Tables, row: u16, symbol: &mut i32) -> Result<(), CodeError> {
        let symbol = *symbol;
        if row >= tables.skip_below() {
            self.push(tables, row, symbol)
        } else if symbol == 0 {
            Ok(())
        } else {
            Err(CodeError::SkippedNotZero { row, symbol })
        }
    }

    fn code_all(
        &mut self,
        tables: &Tables,
        rows: &[u8],
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        check_lengths(rows, symbols)?;
        let mut coded = [0; BLOCK];
        for (rows, symbols) in rows.chunks(BLOCK).zip(symbols.chunks(BLOCK)) {
            let is_wrong = |(row, symbol): &(u16, i16)| *row < tables.skip_below() && *symbol != 0;
            let mut pairs = rows
                .iter()
                .map(|&row| row.into())
                .zip(symbols.iter().copied());
            // Counting them all takes no branch for each symbol, as a search would.
            if pairs.clone().filter(is_wrong).count() > 0
                && let Some((row, symbol)) = pairs.find(is_wrong)
            {
                let symbol = symbol.into();
                return Err(CodeError::SkippedNotZero { row, symbol });
            }
            let coded = coded_indices(tables, rows, &mut coded);
            self.slots.reserve(coded.len());
            for index in coded.iter().copied().map(usize::from) {
                self.push(tables, rows[index].into(), symbols[index].into())?;
            }
        }
        Ok(())
    }

    fn code_chained(
        &mut self,
        tables: &Tables,
        rows: &mut [u8],
        chain: &[u16],
        chains: &mut Chains,
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        chains.resolve(tables, rows, chain, symbols)?;
        self.code_all(tables, rows, symbols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowSpec;

    fn tables() -> Tables {
        let spec = RowSpec {
            first: -1,
            freqs: &[16_384, 32_768, 8_192, 8_192],
        };
        Tables::new([spec; 3], 1, 20).unwrap()
    }

    #[test]
    fn each_error() {
        let code = |row, mut symbol| Writer::new().code(&tables(), row, &mut symbol);
        assert_eq!(code(3, 0), Err(CodeError::UnknownRow { row: 3, rows: 3 }));
        assert_eq!(
            code(0, 1),
            Err(CodeError::SkippedNotZero { row: 0, symbol: 1 })
        );
        for symbol in [21, -21, i32::MAX, i32::MIN] {
            assert_eq!(
                code(1, symbol),
                Err(CodeError::SymbolBeyondLimit { symbol, limit: 20 })
            );
        }
        assert_eq!(code(1, -20), Ok(()));
        assert_eq!(
            Writer::new().code_all(&tables(), &[1, 1], &mut [0]),
            Err(CodeError::Lengths {
                rows: 2,
                symbols: 1
            })
        );
        assert_eq!(
            Writer::new().code_all(&tables(), &[1, 0], &mut [0, 7]),
            Err(CodeError::SkippedNotZero { row: 0, symbol: 7 })
        );
        assert_eq!(
            Writer::new().code_all(&tables(), &[1, 200], &mut [0, 0]),
            Err(CodeError::UnknownRow { row: 200, rows: 3 })
        );
    }

    #[test]
    fn skipped_rows_take_no_bytes() {
        let mut writer = Writer::new();
        writer
            .code_all(&tables(), &[0; 100], &mut [0; 100])
            .unwrap();
        assert_eq!(writer.finish(), []);
    }

    #[test]
    fn symbols_are_not_changed() {
        let mut symbols = [0, -1, 20, -20];
        Writer::new()
            .code_all(&tables(), &[1; 4], &mut symbols)
            .unwrap();
        assert_eq!(symbols, [0, -1, 20, -20]);
    }
}
