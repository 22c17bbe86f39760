//! Symbols in rows of frozen tables.

use std::marker::PhantomData;

use crate::coder::{BLOCK, check_lengths};
use crate::{CodeError, RawReader, Slots, SymbolModel, Tables};

/// Codes each symbol in a row of a bank. In a row below [`Tables::skip_below`] nothing is coded and the symbol is 0.
///
/// Places are rows by their index: `u8` where a bank has at most 256, else `u16`.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, R = u8> {
    tables: &'a Tables,
    row: PhantomData<fn(R)>,
}

impl<'a, R> Rows<'a, R> {
    /// The rows of a bank.
    pub fn new(tables: &'a Tables) -> Self {
        Self {
            tables,
            row: PhantomData,
        }
    }
}

impl<R: Copy + Send + Sync + Into<u16>> SymbolModel for Rows<'_, R> {
    type At = R;

    /// # Errors
    /// [`CodeError::UnknownRow`], [`CodeError::SymbolBeyondLimit`], [`CodeError::SkippedNotZero`].
    #[inline(always)]
    fn write(&mut self, at: &mut R, symbol: i32, out: &mut Slots) -> Result<(), CodeError> {
        let row = (*at).into();
        if row >= self.tables.skip_below() {
            self.tables.write(row, symbol, out)
        } else if symbol == 0 {
            Ok(())
        } else {
            Err(CodeError::SkippedNotZero { row, symbol })
        }
    }

    /// # Errors
    /// [`CodeError::UnknownRow`], [`CodeError::EscapeBeyondLimit`].
    #[inline(always)]
    fn read(&mut self, at: &mut R, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
        let row = (*at).into();
        if row >= self.tables.skip_below() {
            self.tables.read(row, from)
        } else {
            Ok(0)
        }
    }

    /// # Errors
    /// [`CodeError::UnknownRow`].
    fn follow(&mut self, at: &mut R, _symbol: i32) -> Result<(), CodeError> {
        self.tables.check_row((*at).into())
    }

    /// The row.
    fn place(at: R) -> u64 {
        at.into().into()
    }

    fn bits(&self, at: R, symbol: i32) -> f64 {
        self.tables.cost_bits(at.into(), symbol)
    }

    fn write_all(
        &mut self,
        at: &mut [R],
        symbols: &[i16],
        out: &mut Slots,
    ) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        let tables = self.tables;
        let skip_below = tables.skip_below();
        let mut coded = [0; BLOCK];
        for (at, symbols) in at.chunks(BLOCK).zip(symbols.chunks(BLOCK)) {
            let rows = at.iter().map(|&row| row.into());
            check_skipped(skip_below, rows.clone(), symbols)?;
            let coded = coded_indices(skip_below, rows, &mut coded);
            out.reserve(coded.len());
            for index in coded.iter().copied().map(usize::from) {
                tables.write(at[index].into(), symbols[index].into(), out)?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn read_all(
        &mut self,
        at: &mut [R],
        symbols: &mut [i16],
        from: &mut RawReader<'_>,
    ) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        let mut coded = [0; BLOCK];
        for (at, symbols) in at.chunks(BLOCK).zip(symbols.chunks_mut(BLOCK)) {
            symbols.fill(0);
            let rows = at.iter().map(|&row| row.into());
            for &index in coded_indices(self.tables.skip_below(), rows, &mut coded) {
                let index = usize::from(index);
                // Literals and, by the check of the limit, escapes fit 16 bits.
                symbols[index] = self.tables.read(at[index].into(), from)? as i16;
            }
        }
        Ok(())
    }

    fn follow_all(&mut self, at: &mut [R], symbols: &[i16]) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        // A fold over all of them takes no branch for each.
        match at.iter().map(|&row| row.into()).reduce(u16::max) {
            Some(largest) => self.tables.check_row(largest),
            None => Ok(()),
        }
    }
}

/// Indices of the rows that are coded, of a block of at most [`BLOCK`], in a part of `indices`.
///
/// Which rows are skipped is hard to predict for a processor: sorting them out without a branch, ahead of the steps
/// of the coder, costs less than the branches that it would guess wrong.
#[inline(always)]
pub(crate) fn coded_indices(
    skip_below: u16,
    rows: impl Iterator<Item = u16>,
    indices: &mut [u16; BLOCK],
) -> &[u16] {
    let mut count = 0;
    for (index, row) in rows.enumerate().take(BLOCK) {
        indices[count % BLOCK] = index as u16;
        count += usize::from(row >= skip_below);
    }
    &indices[..count]
}

/// Checks that the symbols of rows that are not coded are 0.
#[inline(always)]
pub(crate) fn check_skipped(
    skip_below: u16,
    rows: impl Iterator<Item = u16> + Clone,
    symbols: &[i16],
) -> Result<(), CodeError> {
    let is_wrong = |(row, symbol): &(u16, i16)| *row < skip_below && *symbol != 0;
    let mut pairs = rows.zip(symbols.iter().copied());
    // Counting them all takes no branch for each symbol, as a search would.
    if pairs.clone().filter(is_wrong).count() > 0
        && let Some((row, symbol)) = pairs.find(is_wrong)
    {
        let symbol = symbol.into();
        return Err(CodeError::SkippedNotZero { row, symbol });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Coder, Reader, RowSpec, Writer};

    fn tables(limit: i32) -> Tables {
        let spec = RowSpec {
            first: -1,
            freqs: &[16_384, 32_768, 8_192, 8_192],
        };
        Tables::new([spec; 3], 1, limit).unwrap()
    }

    fn write(rows: &mut [u8], symbols: &mut [i16]) -> Result<Vec<u8>, CodeError> {
        let mut writer = Writer::new();
        writer.code(&mut Rows::new(&tables(20)), rows, symbols)?;
        Ok(writer.finish())
    }

    #[test]
    fn each_error_of_writing() {
        let tables = tables(20);
        let one = |row: u16, symbol: i32| {
            let (mut rows, mut symbol) = (Rows::new(&tables), symbol);
            Writer::new().code_one(&mut rows, row, &mut symbol)
        };
        assert_eq!(one(3, 0), Err(CodeError::UnknownRow { row: 3, rows: 3 }));
        let skipped = |symbol| CodeError::SkippedNotZero { row: 0, symbol };
        assert_eq!(one(0, 1), Err(skipped(1)));
        for symbol in [21, -21, i32::MAX, i32::MIN] {
            let limit = 20;
            assert_eq!(
                one(1, symbol),
                Err(CodeError::SymbolBeyondLimit { symbol, limit })
            );
        }
        assert_eq!(one(1, -20), Ok(1));

        let lengths = CodeError::Lengths {
            places: 2,
            symbols: 1,
        };
        assert_eq!(write(&mut [1, 1], &mut [0]), Err(lengths));
        assert_eq!(write(&mut [1, 0], &mut [0, 7]), Err(skipped(7)));
        assert_eq!(
            write(&mut [1, 200], &mut [0, 0]),
            Err(CodeError::UnknownRow { row: 200, rows: 3 })
        );
    }

    #[test]
    fn each_error_of_reading() {
        let (tables, mut symbols) = (tables(9), [0]);
        let read = |rows: &mut [u8], symbols: &mut [i16]| {
            let mut reader = Reader::new(&[])?;
            reader.code(&mut Rows::new(&tables), rows, symbols)
        };
        let unknown = |row| Err(CodeError::UnknownRow { row, rows: 3 });
        assert_eq!(read(&mut [200], &mut symbols), unknown(200));
        assert_eq!(read(&mut [3], &mut symbols), unknown(3));
        let lengths = CodeError::Lengths {
            places: 0,
            symbols: 1,
        };
        assert_eq!(read(&mut [], &mut symbols), Err(lengths));
        let mut reader = Reader::new(&[]).unwrap();
        let one = reader.code_one(&mut Rows::new(&tables), 3u16, &mut 0);
        assert_eq!(one.map(drop), unknown(3));
    }

    #[test]
    fn following_checks_rows_and_no_symbols() {
        let tables = tables(9);
        let mut rows = Rows::new(&tables);
        assert_eq!(rows.follow_all(&mut [0u8, 1, 2], &[1000; 3]), Ok(()));
        assert_eq!(rows.follow_all(&mut [], &[]), Ok(()));
        let unknown = Err(CodeError::UnknownRow { row: 3, rows: 3 });
        assert_eq!(rows.follow_all(&mut [1, 3, 2], &[0; 3]), unknown);
        assert_eq!(rows.follow(&mut 3, 0), unknown);
    }

    #[test]
    fn escapes_beyond_the_limit_are_an_error() {
        for symbol in [-20, 20] {
            let bytes = write(&mut [1; 2], &mut [0, symbol]).unwrap();
            let read = |limit, symbols: &mut [i16]| {
                let tables = tables(limit);
                Reader::new(&bytes)?.code(&mut Rows::new(&tables), &mut [1u8; 2], symbols)
            };
            let mut symbols = [0; 2];
            read(20, &mut symbols).unwrap();
            assert_eq!(symbols, [0, symbol]);
            let (symbol, limit) = (symbol.into(), 19);
            assert_eq!(
                read(limit, &mut symbols),
                Err(CodeError::EscapeBeyondLimit { symbol, limit })
            );
        }
    }

    #[test]
    fn skipped_rows_take_no_bytes_and_are_zero() {
        assert_eq!(write(&mut [0; 100], &mut [0; 100]), Ok(vec![]));
        let tables = tables(9);
        let mut reader = Reader::new(&[]).unwrap();
        let (mut symbols, mut symbol) = ([7; 3], 7);
        let mut rows = Rows::new(&tables);
        reader.code(&mut rows, &mut [0u8; 3], &mut symbols).unwrap();
        reader.code_one(&mut rows, 0, &mut symbol).unwrap();
        assert_eq!((symbols, symbol), ([0; 3], 0));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn writing_does_not_change_symbols() {
        let mut symbols = [0, -1, 20, -20];
        write(&mut [1; 4], &mut symbols).unwrap();
        assert_eq!(symbols, [0, -1, 20, -20]);
    }
}
