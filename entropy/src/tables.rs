//! Validated rows of frozen probabilities.

use std::num::NonZeroU16;

use constriction::stream::model::{DecoderModel, EntropyModel};

use crate::escape::{self, Escape};
use crate::rans::PRECISION;
use crate::{CodeError, RawReader, Slot, Slots, TableError};

/// Largest magnitude a symbol can have in any bank: all symbols fit `i16`, and all escapes a 16-bit
/// excess.
pub(crate) const MAX_LIMIT: i32 = i16::MAX as i32;
/// Rows that a `u16` can name.
pub(crate) const MAX_ROWS: usize = 1 << 16;
/// Bins of all rows together: 64 MiB, far beyond any bank in use, so that a hostile one cannot
/// exhaust memory.
pub(crate) const MAX_BINS: usize = 1 << 24;

/// One row, as it is stored: `freqs[i]` out of 65536 is the probability of the symbol `first + i`,
/// except for the last bin, which is the escape that stands for all other symbols.
#[derive(Clone, Copy, Debug)]
pub struct RowSpec<'a> {
    /// The first literal symbol.
    pub first: i32,
    /// Frequencies, each at least 1, sum 65536: one or more literals, then the escape.
    pub freqs: &'a [u16],
}

/// A bank of frozen probability tables ("rows"), checked once so that coding need not check again.
///
/// Encoder and decoder must use equal banks.
#[derive(Clone, Debug)]
pub struct Tables {
    rows: Vec<Row>,
    slots: Vec<Slot>,
    hints: Vec<u16>,
    skip_below: u16,
    limit: i32,
}

/// Where a row lies in the flat arrays, and its alphabet.
#[derive(Clone, Copy, Debug)]
struct Row {
    slots: u32,
    hints: u32,
    first: i16,
    escape: u16,
    shift: u8,
}

/// A row of a bank, ready for coding.
#[derive(Clone, Copy, Debug)]
struct RowView<'a> {
    first: i32,
    /// Index of the escape bin, which is also the number of literals.
    escape: usize,
    search: Search<'a>,
}

impl RowView<'_> {
    /// The last literal.
    #[inline(always)]
    fn last(&self) -> i32 {
        self.first + self.escape as i32 - 1
    }

    /// The bin that stands for a symbol: its own or the escape.
    #[inline(always)]
    fn bin(&self, symbol: i32) -> usize {
        // Symbols left of the first literal become large numbers.
        (symbol.wrapping_sub(self.first) as u32).min(self.escape as u32) as usize
    }
}

/// Decoder's view of a row: finds the bin that holds a quantile. The symbol is the index of the bin.
#[derive(Clone, Copy, Debug)]
struct Search<'a> {
    /// Slots of the row, which together hold the whole range.
    slots: &'a [Slot],
    /// For each equal part of the range, the bin that holds its first quantile.
    hints: &'a [u16],
    /// A quantile's part of the range is `quantile >> shift`.
    shift: u32,
}

impl EntropyModel<PRECISION> for Search<'_> {
    type Symbol = usize;
    type Probability = u16;
}

impl DecoderModel<PRECISION> for Search<'_> {
    #[inline(always)]
    fn quantile_function(&self, quantile: u16) -> (usize, u16, NonZeroU16) {
        let mut bin = usize::from(self.hints[usize::from(quantile >> self.shift)]);
        let mut slot = self.slots[bin];
        // Ends at the last bin at the latest, because a row holds the whole range.
        while !slot.reaches(quantile) {
            bin += 1;
            slot = self.slots[bin];
        }
        (bin, slot.left, slot.freq)
    }
}

impl Tables {
    /// Checks rows and builds the bank.
    ///
    /// Rows with an index below `skip_below` are not coded: the symbol is 0 on both sides. `limit`
    /// is the largest magnitude of a symbol, 1 to 32767: neither side accepts one beyond it.
    ///
    /// # Errors
    /// [`TableError`] names the first row that breaks a rule: 2 to 65536 bins, each frequency at
    /// least 1, sum 65536, every literal within `±limit`; or says that `limit`, `skip_below` or the
    /// size of the bank is out of range.
    pub fn new<'a>(
        rows: impl IntoIterator<Item = RowSpec<'a>>,
        skip_below: u16,
        limit: i32,
    ) -> Result<Self, TableError> {
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(TableError::Limit(limit));
        }
        let mut tables = Tables {
            rows: Vec::new(),
            slots: Vec::new(),
            hints: Vec::new(),
            skip_below,
            limit,
        };
        for spec in rows {
            tables.push(spec)?;
        }
        if usize::from(skip_below) > tables.rows.len() {
            return Err(TableError::SkipBelow {
                skip_below,
                rows: tables.rows.len(),
            });
        }
        Ok(tables)
    }

    /// The same rows with all of them coded: for estimates of what a row that is not coded would cost.
    #[must_use]
    pub fn all_coded(self) -> Self {
        Self {
            skip_below: 0,
            ..self
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Index of the first row that is coded.
    pub fn skip_below(&self) -> u16 {
        self.skip_below
    }

    /// The largest magnitude of a symbol.
    pub fn limit(&self) -> i32 {
        self.limit
    }

    /// Ideal cost of a symbol in a row, in bits, those of an escape included. For estimates; coding
    /// does not use it.
    ///
    /// Infinite where a [`Writer`](crate::Writer) would refuse the symbol or the row.
    pub fn cost_bits(&self, row: u16, symbol: i32) -> f64 {
        let Some(view) = self.row(row) else {
            return f64::INFINITY;
        };
        if row < self.skip_below {
            return if symbol == 0 { 0.0 } else { f64::INFINITY };
        }
        if self.is_beyond_limit(symbol) {
            return f64::INFINITY;
        }
        let bin = view.bin(symbol);
        let bits = view.search.slots[bin].bits();
        if bin == view.escape {
            bits + f64::from(Escape::of(symbol, view.first, view.last()).bits())
        } else {
            bits
        }
    }

    /// Writes a symbol in a row that is coded.
    #[inline(always)]
    pub(crate) fn write(&self, row: u16, symbol: i32, out: &mut Slots) -> Result<(), CodeError> {
        let view = self.row(row).ok_or_else(|| self.unknown(row))?;
        let bin = view.bin(symbol);
        out.push(view.search.slots[bin]);
        if bin == view.escape {
            return self.write_escape(symbol, view.first, view.last(), out);
        }
        Ok(())
    }

    // Rare, and large once inlined: kept out of the loop over symbols.
    #[cold]
    #[inline(never)]
    fn write_escape(
        &self,
        symbol: i32,
        first: i32,
        last: i32,
        out: &mut Slots,
    ) -> Result<(), CodeError> {
        if self.is_beyond_limit(symbol) {
            let limit = self.limit;
            return Err(CodeError::SymbolBeyondLimit { symbol, limit });
        }
        out.extend(Escape::of(symbol, first, last).slots());
        Ok(())
    }

    /// Reads a symbol of a row that is coded.
    #[inline(always)]
    pub(crate) fn read(&self, row: u16, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
        let view = self.row(row).ok_or_else(|| self.unknown(row))?;
        let bin = from.decode(view.search);
        if bin != view.escape {
            return Ok(view.first + bin as i32);
        }
        let symbol = escape::read(from, view.first, view.last());
        if self.is_beyond_limit(symbol) {
            let limit = self.limit;
            return Err(CodeError::EscapeBeyondLimit { symbol, limit });
        }
        Ok(symbol)
    }

    /// Checks that a row exists.
    #[inline]
    pub(crate) fn check_row(&self, row: u16) -> Result<(), CodeError> {
        if usize::from(row) < self.len() {
            Ok(())
        } else {
            Err(self.unknown(row))
        }
    }

    /// A row by its index.
    #[inline(always)]
    fn row(&self, index: u16) -> Option<RowView<'_>> {
        let row = self.rows.get(usize::from(index))?;
        let (slots, hints) = (row.slots as usize, row.hints as usize);
        let escape = usize::from(row.escape);
        Some(RowView {
            first: row.first.into(),
            escape,
            search: Search {
                slots: &self.slots[slots..=slots + escape],
                hints: &self.hints[hints..hints + (1 << (16 - row.shift))],
                shift: row.shift.into(),
            },
        })
    }

    #[inline(always)]
    fn is_beyond_limit(&self, symbol: i32) -> bool {
        symbol.unsigned_abs() > self.limit.unsigned_abs()
    }

    #[cold]
    pub(crate) fn unknown(&self, row: u16) -> CodeError {
        CodeError::UnknownRow {
            row,
            rows: self.len(),
        }
    }

    fn push(&mut self, RowSpec { first, freqs }: RowSpec<'_>) -> Result<(), TableError> {
        let row = self.rows.len();
        let bins = freqs.len();
        if row == MAX_ROWS {
            return Err(TableError::TooLarge {
                what: "rows",
                limit: MAX_ROWS,
            });
        }
        if !(2..=1 << PRECISION).contains(&bins) {
            return Err(TableError::BinCount { row, bins });
        }
        if bins > MAX_BINS - self.slots.len() {
            return Err(TableError::TooLarge {
                what: "bins",
                limit: MAX_BINS,
            });
        }
        let literals = bins - 1;
        let last = i64::from(first) + literals as i64 - 1;
        if i64::from(first) < -i64::from(self.limit) || last > i64::from(self.limit) {
            return Err(TableError::LiteralBeyondLimit {
                row,
                first,
                literals,
                limit: self.limit,
            });
        }
        let sum: u64 = freqs.iter().map(|&f| u64::from(f)).sum();
        if sum != 1 << PRECISION {
            return Err(TableError::Sum { row, sum });
        }

        let start = self.slots.len();
        let mut left = 0u16;
        for (bin, &freq) in freqs.iter().enumerate() {
            let freq = NonZeroU16::new(freq).ok_or(TableError::ZeroFrequency { row, bin })?;
            self.slots.push(Slot { left, freq });
            // Wraps to 0 after the last bin only, because the sum is 65536.
            left = left.wrapping_add(freq.get());
        }
        let shift = hint_shift(bins);
        // The checks above keep all of these in range: 2^16 rows of at most 2^8 hints, 2^24 slots,
        // 16-bit alphabets.
        self.rows.push(Row {
            slots: start as u32,
            hints: self.hints.len() as u32,
            first: first as i16,
            escape: literals as u16,
            shift,
        });
        let slots = &self.slots[start..];
        let mut bin = 0;
        for part in 0..1u32 << (16 - shift) {
            let quantile = part << shift;
            while u32::from(slots[bin].left) + u32::from(slots[bin].freq.get()) <= quantile {
                bin += 1;
            }
            self.hints.push(bin as u16);
        }
        Ok(())
    }
}

/// Bits of a quantile that lie below its part of the range, for a row with so many bins.
///
/// About four hints for each bin make the search end in its first or second step; few bins need few
/// of them, which keeps the hints of a bank in the first-level cache.
fn hint_shift(bins: usize) -> u8 {
    let parts = (4 * bins).next_power_of_two().clamp(64, 256);
    16 - parts.ilog2() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALVES: [u16; 2] = [32_768, 32_768];

    fn one(first: i32, freqs: &[u16], limit: i32) -> Result<Tables, TableError> {
        Tables::new([RowSpec { first, freqs }], 0, limit)
    }

    #[test]
    fn each_error() {
        let error = |first, freqs: &[u16], limit| one(first, freqs, limit).unwrap_err();
        for limit in [-1, 0, 32_768] {
            assert_eq!(error(0, &HALVES, limit), TableError::Limit(limit));
        }
        assert_eq!(error(0, &[], 9), TableError::BinCount { row: 0, bins: 0 });
        assert_eq!(
            error(0, &[65_535], 9),
            TableError::BinCount { row: 0, bins: 1 }
        );
        let long = vec![1; 65_537];
        assert_eq!(
            error(-32_767, &long, 32_767),
            TableError::BinCount {
                row: 0,
                bins: 65_537
            }
        );
        let zero = [32_768, 0, 32_768];
        assert_eq!(
            error(0, &zero, 9),
            TableError::ZeroFrequency { row: 0, bin: 1 }
        );
        for (freqs, sum) in [([32_768, 32_767], 65_535), ([32_768, 32_769], 65_537)] {
            assert_eq!(error(0, &freqs, 9), TableError::Sum { row: 0, sum });
        }
        for first in [i32::MIN, -10, 10, i32::MAX] {
            let expected = TableError::LiteralBeyondLimit {
                row: 0,
                first,
                literals: 1,
                limit: 9,
            };
            assert_eq!(error(first, &HALVES, 9), expected);
        }
        let spec = RowSpec {
            first: 0,
            freqs: &HALVES,
        };
        assert_eq!(
            Tables::new([spec; 3], 4, 9).unwrap_err(),
            TableError::SkipBelow {
                skip_below: 4,
                rows: 3
            }
        );
        assert_eq!(
            Tables::new(std::iter::repeat_n(spec, 65_537), 0, 9).unwrap_err(),
            TableError::TooLarge {
                what: "rows",
                limit: 65_536
            }
        );
        let spec = RowSpec {
            first: -32_767,
            freqs: &long[..65_536],
        };
        assert_eq!(
            Tables::new(std::iter::repeat_n(spec, 257), 0, 32_767).unwrap_err(),
            TableError::TooLarge {
                what: "bins",
                limit: 1 << 24
            }
        );
        // The row that is named is the one at fault.
        let specs = [
            spec,
            RowSpec {
                first: 0,
                freqs: &zero,
            },
        ];
        let expected = TableError::ZeroFrequency { row: 1, bin: 1 };
        assert_eq!(Tables::new(specs, 0, 32_767).unwrap_err(), expected);
    }

    #[test]
    fn extreme_rows_are_accepted() {
        let tables = one(-32_767, &vec![1; 65_536], 32_767).unwrap();
        assert_eq!(tables.cost_bits(0, 32_767), 16.0);
        let tables = one(1, &[1, 65_535], 1).unwrap();
        assert_eq!(
            (
                tables.len(),
                tables.is_empty(),
                tables.limit(),
                tables.skip_below()
            ),
            (1, false, 1, 0)
        );
        let none = Tables::new([], 0, 1).unwrap();
        assert!(none.is_empty() && none.cost_bits(0, 0).is_infinite());
    }

    #[test]
    fn cost_counts_escapes_and_refuses_what_cannot_be_coded() {
        let freqs = [16_384, 32_768, 16_384];
        let spec = RowSpec {
            first: 3,
            freqs: &freqs,
        };
        let tables = Tables::new([spec; 2], 1, 100).unwrap();
        assert_eq!(tables.cost_bits(0, 0), 0.0);
        assert_eq!(tables.cost_bits(0, 3), f64::INFINITY);
        assert_eq!(tables.cost_bits(1, 3), 2.0);
        assert_eq!(tables.cost_bits(1, 4), 1.0);
        assert_eq!(tables.cost_bits(1, 5), 2.0 + 2.0);
        assert_eq!(tables.cost_bits(1, 0), 2.0 + 1.0 + 2.0 + 1.0);
        assert_eq!(tables.cost_bits(1, 101), f64::INFINITY);
        assert_eq!(tables.cost_bits(1, i32::MIN), f64::INFINITY);
        assert_eq!(tables.cost_bits(2, 0), f64::INFINITY);
    }

    #[test]
    fn hints_lead_to_every_quantile() {
        let rows: [&[u16]; 4] = [
            &HALVES,
            &[1, 65_535],
            &[65_535, 1],
            &[1, 2, 3, 60_000, 5_000, 500, 30],
        ];
        for freqs in rows {
            let tables = one(0, freqs, 32_767).unwrap();
            let search = tables.row(0).unwrap().search;
            let mut quantile = 0u32;
            for (bin, &freq) in freqs.iter().enumerate() {
                for _ in 0..freq {
                    let found = constriction::stream::model::DecoderModel::quantile_function(
                        &search,
                        quantile as u16,
                    );
                    assert_eq!((found.0, found.2.get()), (bin, freq));
                    quantile += 1;
                }
            }
        }
    }
}
