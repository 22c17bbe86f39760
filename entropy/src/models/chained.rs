//! Chains of symbols whose rows depend on the parities of those before them: the decoder's half of trellis-coded
//! quantisation.

use super::coded_indices;
use super::rows::check_skipped;
use crate::coder::{BLOCK, check_lengths};
use crate::{CodeError, RawReader, Slots, SymbolModel, Tables};

/// States of a chain. Even states use quantiser 0, odd ones quantiser 1.
pub const STATES: usize = 64;
/// What leaves a state at its low end comes back into these bits.
pub const FEEDBACK: u8 = 33;
/// The bits that an odd symbol changes.
pub const INPUT: u8 = 10;

/// The state that follows a symbol: Ungerboeck's code of 64 states with the parity checks 103 and 024 (octal), from
/// "Channel coding with multilevel/phase signals" (1982).
#[inline(always)]
pub const fn next_state(state: u8, symbol: i16) -> u8 {
    (state >> 1) ^ ((state & 1) * FEEDBACK) ^ ((symbol & 1) as u8 * INPUT)
}

/// A row and the chain that its symbol belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainedRow {
    /// Before coding: the row for quantiser 0, which names a pair of rows. After it: the row of the two that was
    /// used.
    pub row: u16,
    /// The chain.
    pub chain: u16,
}

/// Codes each symbol in one of the two rows that its place names: the one for the quantiser that the state of its
/// chain says. All chains begin in state 0.
///
/// Of the `2 n` rows of the bank, `r` and `n + r` belong together, for the two quantisers. In rows below
/// [`Tables::skip_below`] nothing is coded, the symbol is 0, and chain and row stay as they are.
///
/// What was coded can also be coded with [`Rows`](crate::Rows) and the rows that were used, to the same bytes.
#[derive(Clone, Debug)]
pub struct Chained<'a> {
    pairs: Pairs<'a>,
    chains: Vec<Chain>,
}

impl<'a> Chained<'a> {
    /// So many chains at their beginning, over the pairs of rows of a bank.
    pub fn new(tables: &'a Tables, chains: usize) -> Self {
        Self {
            // A bank has at most 65536 rows.
            pairs: Pairs {
                tables,
                half: (tables.len() / 2) as u16,
            },
            chains: vec![Chain::default(); chains],
        }
    }

    /// Checks what the loops rely on: rows that have a twin, chains that exist.
    fn check(&self, at: &[ChainedRow]) -> Result<(), CodeError> {
        // A fold over all of them takes no branch for each.
        let largest =
            |(row, chain): (u16, u16), at: &ChainedRow| (row.max(at.row), chain.max(at.chain));
        let (row, chain) = at.iter().fold((0, 0), largest);
        if !at.is_empty() && row >= self.pairs.half {
            return Err(self.pairs.tables.unknown(row));
        }
        if !at.is_empty() && usize::from(chain) >= self.chains.len() {
            return Err(CodeError::UnknownChain {
                chain,
                chains: self.chains.len(),
            });
        }
        Ok(())
    }
}

/// A bank whose rows are pairs.
#[derive(Clone, Copy, Debug)]
struct Pairs<'a> {
    tables: &'a Tables,
    /// Rows for one quantiser.
    half: u16,
}

impl Pairs<'_> {
    /// Whether symbols of a row are coded, which is one for quantiser 0.
    #[inline(always)]
    fn is_coded(self, at: &ChainedRow) -> bool {
        at.row >= self.tables.skip_below()
    }

    /// Replaces a row that is coded, and that [`Chained::check`] found good, by the one for the quantiser in force.
    /// Returns its chain, which must be moved on by the symbol.
    #[inline(always)]
    fn resolve<'c>(self, chains: &'c mut [Chain], at: &mut ChainedRow) -> &'c mut Chain {
        let chain = &mut chains[usize::from(at.chain)];
        at.row += self.half * u16::from(chain.quantiser());
        chain
    }
}

/// Where a chain is.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    state: u8,
    /// The quantiser of the next symbol: `state % 2`.
    quantiser: u8,
}

// The quantiser after a symbol does not depend on that symbol.
const _: () = assert!(INPUT.is_multiple_of(2));

impl Chain {
    /// The quantiser of the next symbol. To be called before that symbol is read: the quantiser of the symbol after
    /// it is found here already, so that a processor can look up its row meanwhile. Reading gains 10 % over `state %
    /// 2` taken when the state is known.
    #[inline(always)]
    fn quantiser(&mut self) -> u8 {
        std::mem::replace(&mut self.quantiser, next_state(self.state, 0) % 2)
    }

    /// Moves on by a symbol whose quantiser was asked for.
    #[inline(always)]
    fn advance(&mut self, symbol: i16) {
        self.state = next_state(self.state, symbol);
    }
}

impl SymbolModel for Chained<'_> {
    type At = ChainedRow;

    /// # Errors
    /// [`CodeError::UnknownRow`], [`CodeError::UnknownChain`], [`CodeError::SymbolBeyondLimit`],
    /// [`CodeError::SkippedNotZero`].
    fn write(
        &mut self,
        at: &mut ChainedRow,
        symbol: i32,
        out: &mut Slots,
    ) -> Result<(), CodeError> {
        self.check(std::slice::from_ref(at))?;
        if self.pairs.is_coded(at) {
            let chain = self.pairs.resolve(&mut self.chains, at);
            self.pairs.tables.write(at.row, symbol, out)?;
            chain.advance(symbol as i16);
        } else if symbol != 0 {
            let row = at.row;
            return Err(CodeError::SkippedNotZero { row, symbol });
        }
        Ok(())
    }

    /// # Errors
    /// [`CodeError::UnknownRow`], [`CodeError::UnknownChain`], [`CodeError::EscapeBeyondLimit`].
    fn read(&mut self, at: &mut ChainedRow, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
        self.check(std::slice::from_ref(at))?;
        if !self.pairs.is_coded(at) {
            return Ok(0);
        }
        let chain = self.pairs.resolve(&mut self.chains, at);
        let symbol = self.pairs.tables.read(at.row, from)?;
        chain.advance(symbol as i16);
        Ok(symbol)
    }

    /// # Errors
    /// [`CodeError::UnknownRow`], [`CodeError::UnknownChain`].
    fn follow(&mut self, at: &mut ChainedRow, symbol: i32) -> Result<(), CodeError> {
        self.follow_all(std::slice::from_mut(at), &[symbol as i16])
    }

    /// The row. Which chain a symbol belongs to does not change its cost.
    fn place(at: ChainedRow) -> u64 {
        at.row.into()
    }

    fn bits(&self, at: ChainedRow, symbol: i32) -> f64 {
        self.pairs.tables.cost_bits(at.row, symbol)
    }

    fn write_all(
        &mut self,
        at: &mut [ChainedRow],
        symbols: &[i16],
        out: &mut Slots,
    ) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        self.check(at)?;
        let (pairs, chains) = (self.pairs, self.chains.as_mut_slice());
        let skip_below = pairs.tables.skip_below();
        let mut coded = [0; BLOCK];
        for (at, symbols) in at.chunks_mut(BLOCK).zip(symbols.chunks(BLOCK)) {
            let rows = at.iter().map(|at| at.row);
            check_skipped(skip_below, rows.clone(), symbols)?;
            let coded = coded_indices(skip_below, rows, &mut coded);
            out.reserve(coded.len());
            for index in coded.iter().copied().map(usize::from) {
                let (at, symbol) = (&mut at[index], symbols[index]);
                let chain = pairs.resolve(chains, at);
                pairs.tables.write(at.row, symbol.into(), out)?;
                chain.advance(symbol);
            }
        }
        Ok(())
    }

    fn read_all(
        &mut self,
        at: &mut [ChainedRow],
        symbols: &mut [i16],
        from: &mut RawReader<'_>,
    ) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        self.check(at)?;
        *from = read_blocks(self.pairs, &mut self.chains, at, symbols, from.clone())?;
        Ok(())
    }

    fn follow_all(&mut self, at: &mut [ChainedRow], symbols: &[i16]) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        self.check(at)?;
        for (at, &symbol) in at.iter_mut().zip(symbols) {
            if self.pairs.is_coded(at) {
                self.pairs.resolve(&mut self.chains, at).advance(symbol);
            }
        }
        Ok(())
    }
}

/// Reads the symbols of places that [`Chained::check`] found good.
///
/// The parts of a model are parameters, so that the compiler knows that they do not overlap, and the reader comes by
/// value, so that its state stays in a register.
fn read_blocks<'a>(
    pairs: Pairs<'_>,
    chains: &mut [Chain],
    at: &mut [ChainedRow],
    symbols: &mut [i16],
    mut from: RawReader<'a>,
) -> Result<RawReader<'a>, CodeError> {
    let mut coded = [0; BLOCK];
    for (at, symbols) in at.chunks_mut(BLOCK).zip(symbols.chunks_mut(BLOCK)) {
        symbols.fill(0);
        let rows = at.iter().map(|at| at.row);
        for &index in coded_indices(pairs.tables.skip_below(), rows, &mut coded) {
            let index = usize::from(index);
            let at = &mut at[index];
            let chain = pairs.resolve(chains, at);
            // Literals and, by the check of the limit, escapes fit 16 bits.
            let symbol = pairs.tables.read(at.row, &mut from)? as i16;
            symbols[index] = symbol;
            chain.advance(symbol);
        }
    }
    Ok(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Coder, Reader, RowSpec, Rows, Writer};

    fn tables() -> Tables {
        let narrow: &[u16] = &[8_192, 40_960, 8_192, 8_192];
        let wide: &[u16] = &[20_000, 20_000, 20_000, 5_536];
        // Rows 0 to 2 for quantiser 0, 3 to 5 for quantiser 1; row 0 is not coded.
        let specs = [narrow, narrow, wide, narrow, wide, narrow];
        Tables::new(specs.map(|freqs| RowSpec { first: -1, freqs }), 1, 500).unwrap()
    }

    fn places(rows: &[u16], chains: &[u16]) -> Vec<ChainedRow> {
        let place = |(&row, &chain)| ChainedRow { row, chain };
        rows.iter().zip(chains).map(place).collect()
    }

    #[test]
    fn the_code_is_that_of_its_parity_checks() {
        let (checks_quantiser, checks_parity) = (0o103u32, 0o024u32);
        let mut state = 0;
        let (mut quantisers, mut parities) = (0u32, 0u32);
        for i in 0..2000i16 {
            let symbol = i.wrapping_mul(7919) >> 5;
            // The latest bit is the lowest.
            quantisers = quantisers << 1 | u32::from(state & 1);
            parities = parities << 1 | u32::from(symbol & 1 != 0);
            let check = (quantisers & checks_quantiser).count_ones()
                + (parities & checks_parity).count_ones();
            assert_eq!(check % 2, 0, "{i}");
            state = next_state(state, symbol);
        }
    }

    #[test]
    fn every_state_has_two_ways_in() {
        let mut ways = [0; STATES];
        for state in 0..STATES as u8 {
            for symbol in [0, 1] {
                ways[usize::from(next_state(state, symbol))] += 1;
            }
        }
        assert_eq!(ways, [2; STATES]);
    }

    #[test]
    fn quantisers_are_the_parities_of_states() {
        let (mut chain, mut state) = (Chain::default(), 0);
        for symbol in (0..2000i16).map(|i| i.wrapping_mul(7919) >> 5) {
            assert_eq!(chain.quantiser(), state % 2);
            chain.advance(symbol);
            state = next_state(state, symbol);
            assert_eq!(chain.state, state);
        }
    }

    #[test]
    fn rows_follow_the_parities_of_their_own_chain() {
        let tables = tables();
        // Chain 0: 0 -1-> 10 -1-> 15 -0-> 38; chain 1: 0 -0-> 0 -(not coded)-> 0 -1-> 10.
        let chains = [0, 1, 0, 0, 1, 1, 0];
        let mut at = places(&[1, 1, 1, 2, 0, 2, 1], &chains);
        Chained::new(&tables, 2)
            .follow_all(&mut at, &[1, 2, -3, 4, 0, 5, 0])
            .unwrap();
        assert_eq!(at, places(&[1, 1, 1, 5, 0, 2, 1], &chains));
    }

    #[test]
    fn the_rows_that_come_out_code_the_same_stream_without_chains() {
        let tables = tables();
        let rows: Vec<u16> = (0..3000u32)
            .map(|i| (i.wrapping_mul(7919) >> 3) as u16 % 3)
            .collect();
        let chains: Vec<u16> = (0..3000).map(|i| i / 7 % 5).collect();
        let mut symbols: Vec<i16> = rows
            .iter()
            .enumerate()
            .map(|(i, &row)| if row == 0 { 0 } else { (i * i % 11) as i16 - 5 })
            .collect();
        let named = places(&rows, &chains);
        let (mut writer, mut written) = (Writer::new(), named.clone());
        writer
            .code(&mut Chained::new(&tables, 5), &mut written, &mut symbols)
            .unwrap();
        assert!(written.iter().any(|at| at.row > 2));
        let bytes = writer.finish();

        let mut reader = Reader::new(&bytes).unwrap();
        let (mut found, mut read) = (named, vec![9; symbols.len()]);
        reader
            .code(&mut Chained::new(&tables, 5), &mut found, &mut read)
            .unwrap();
        assert_eq!((&found, &read), (&written, &symbols));
        assert_eq!(reader.finish(), Ok(()));

        let mut plain = Writer::new();
        let mut rows: Vec<u16> = written.iter().map(|at| at.row).collect();
        plain
            .code(&mut Rows::new(&tables), &mut rows, &mut symbols)
            .unwrap();
        assert_eq!(plain.finish(), bytes);
    }

    #[test]
    fn each_error_of_the_caller() {
        let tables = tables();
        let follow =
            |row, chain| Chained::new(&tables, 2).follow(&mut ChainedRow { row, chain }, 0);
        let row = Err(CodeError::UnknownRow { row: 3, rows: 6 });
        let chain = Err(CodeError::UnknownChain {
            chain: 2,
            chains: 2,
        });
        assert_eq!((follow(3, 0), follow(1, 2)), (row.clone(), chain.clone()));
        assert_eq!(follow(2, 1), Ok(()));

        let mut model = Chained::new(&tables, 2);
        let mut run = |row, at_chain| {
            let mut at = [ChainedRow {
                row,
                chain: at_chain,
            }];
            let read = Reader::new(&[])
                .unwrap()
                .code(&mut model, &mut at, &mut [0]);
            let write = Writer::new().code(&mut model, &mut at, &mut [0]);
            let one = Writer::new().code_one(&mut model, at[0], &mut 0);
            assert_eq!((&read, one.map(drop)), (&write, write.clone()));
            write
        };
        assert_eq!((run(3, 0), run(1, 2)), (row, chain));

        let mut at = places(&[1], &[0]);
        let lengths = Err(CodeError::Lengths {
            places: 1,
            symbols: 2,
        });
        assert_eq!(model.follow_all(&mut at, &[0; 2]), lengths);
        let mut reader = Reader::new(&[]).unwrap();
        assert_eq!(reader.code(&mut model, &mut at, &mut [0; 2]), lengths);
        assert_eq!(
            Writer::new().code(&mut model, &mut at, &mut [0; 2]),
            lengths
        );

        let mut skipped = places(&[0], &[0]);
        let not_zero = Err(CodeError::SkippedNotZero { row: 0, symbol: 5 });
        let one = Writer::new().code_one(&mut model, skipped[0], &mut 5);
        assert_eq!(one.map(drop), not_zero);
        assert_eq!(
            Writer::new().code(&mut model, &mut skipped, &mut [5]),
            not_zero
        );
    }
}
