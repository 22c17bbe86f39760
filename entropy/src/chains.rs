//! Chains of symbols whose tables depend on the parities of those before them: the decoder's half of trellis-coded
//! quantisation.

use crate::{CodeError, Tables};

/// States of a chain. Even states use quantiser 0, odd ones quantiser 1.
pub const STATES: usize = 64;
/// What leaves a state at its low end comes back into these bits.
pub const FEEDBACK: u8 = 33;
/// The bits that an odd symbol changes.
pub const INPUT: u8 = 10;

/// The state that follows a symbol: Ungerboeck's code of 64 states with the parity checks 103 and 024 (octal), from "Channel
/// coding with multilevel/phase signals" (1982).
#[inline(always)]
pub const fn next_state(state: u8, symbol: i16) -> u8 {
    (state >> 1) ^ ((state & 1) * FEEDBACK) ^ ((symbol & 1) as u8 * INPUT)
}

/// The states of a set of chains. All begin in state 0.
///
/// A bank that codes chains has two rows for each row that its user names: of `2 n` rows, `r` and `n + r` belong together,
/// for the two quantisers.
#[derive(Clone, Debug)]
pub struct Chains {
    states: Vec<u8>,
}

impl Chains {
    /// So many chains, at their beginning.
    pub fn new(count: usize) -> Self {
        Self {
            states: vec![0; count],
        }
    }

    /// Replaces each row by that of the two that codes its symbol, and moves the chains on. `chain[i]` is the chain of
    /// `rows[i]` and `symbols[i]`.
    ///
    /// Rows below [`Tables::skip_below`] are left as they are, and so are their chains.
    ///
    /// # Errors
    /// [`CodeError::Lengths`], [`CodeError::UnknownRow`], [`CodeError::UnknownChain`].
    pub fn resolve(
        &mut self,
        tables: &Tables,
        rows: &mut [u8],
        chain: &[u16],
        symbols: &[i16],
    ) -> Result<(), CodeError> {
        self.check(tables, rows, chain, symbols)?;
        let half = (tables.len() / 2) as u8;
        for ((row, &chain), &symbol) in rows.iter_mut().zip(chain).zip(symbols) {
            if u16::from(*row) >= tables.skip_below() {
                *row += half * self.quantiser(chain);
                self.advance(chain, symbol);
            }
        }
        Ok(())
    }

    /// The quantiser of the next symbol of a chain: 0 or 1.
    #[inline(always)]
    pub(crate) fn quantiser(&self, chain: u16) -> u8 {
        self.states[usize::from(chain)] & 1
    }

    /// Moves a chain on by its symbol.
    #[inline(always)]
    pub(crate) fn advance(&mut self, chain: u16, symbol: i16) {
        let state = &mut self.states[usize::from(chain)];
        *state = next_state(*state, symbol);
    }

    /// Checks what the loops rely on: equal lengths, rows that have a twin, chains that exist.
    pub(crate) fn check(
        &self,
        tables: &Tables,
        rows: &[u8],
        chain: &[u16],
        symbols: &[i16],
    ) -> Result<(), CodeError> {
        crate::symbols::check_lengths(rows, symbols)?;
        if chain.len() != rows.len() {
            return Err(CodeError::Lengths {
                rows: rows.len(),
                symbols: chain.len(),
            });
        }
        // A fold over all of them takes no branch for each.
        let row = rows.iter().fold(0, |a, &b| a.max(b));
        if !rows.is_empty() && usize::from(row) >= (tables.len() / 2).min(128) {
            return Err(tables.unknown(row.into()));
        }
        let largest = chain.iter().fold(0, |a, &b| a.max(b));
        if !chain.is_empty() && usize::from(largest) >= self.states.len() {
            return Err(CodeError::UnknownChain {
                chain: largest,
                chains: self.states.len(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reader, RowSpec, Symbols, Writer};

    fn tables() -> Tables {
        let narrow: &[u16] = &[8_192, 40_960, 8_192, 8_192];
        let wide: &[u16] = &[20_000, 20_000, 20_000, 5_536];
        // Rows 0 to 2 for quantiser 0, 3 to 5 for quantiser 1; row 0 is not coded.
        let specs = [narrow, narrow, wide, narrow, wide, narrow];
        Tables::new(specs.map(|freqs| RowSpec { first: -1, freqs }), 1, 500).unwrap()
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
    fn rows_follow_the_parities_of_their_own_chain() {
        let mut chains = Chains::new(2);
        let mut rows = [1, 1, 1, 2, 0, 2, 1];
        // Chain 0: 0 -1-> 10 -1-> 15 -0-> 38; chain 1: 0 -0-> 0 -(not coded)-> 0 -1-> 10.
        chains
            .resolve(
                &tables(),
                &mut rows,
                &[0, 1, 0, 0, 1, 1, 0],
                &[1, 2, -3, 4, 0, 5, 0],
            )
            .unwrap();
        assert_eq!(rows, [1, 1, 1, 5, 0, 2, 1]);
        let mut rows = [2];
        Chains::new(2)
            .resolve(&tables(), &mut rows, &[0], &[1])
            .unwrap();
        assert_eq!(rows, [2]);
    }

    #[test]
    fn symbols_of_chains_come_back_with_their_rows() {
        let tables = tables();
        let named: Vec<u8> = (0..3000u32)
            .map(|i| (i.wrapping_mul(7919) >> 3) as u8 % 3)
            .collect();
        let chain: Vec<u16> = (0..3000).map(|i| (i / 7 % 5) as u16).collect();
        let mut symbols: Vec<i16> = named
            .iter()
            .enumerate()
            .map(|(i, &row)| if row == 0 { 0 } else { (i * i % 11) as i16 - 5 })
            .collect();
        let (mut writer, mut rows) = (Writer::new(), named.clone());
        writer
            .code_chained(
                &tables,
                &mut rows,
                &chain,
                &mut Chains::new(5),
                &mut symbols,
            )
            .unwrap();
        assert!(rows.iter().any(|r| *r > 2));
        let bytes = writer.finish();
        let (mut reader, mut found, mut read) =
            (Reader::new(&bytes).unwrap(), named, vec![9; symbols.len()]);
        reader
            .code_chained(&tables, &mut found, &chain, &mut Chains::new(5), &mut read)
            .unwrap();
        assert_eq!((found, read), (rows.clone(), symbols.clone()));
        assert_eq!(reader.finish(), Ok(()));
        // The rows that came out code the same stream without chains.
        let mut plain = Writer::new();
        plain.code_all(&tables, &rows, &mut symbols).unwrap();
        assert_eq!(plain.finish(), bytes);
    }

    #[test]
    fn each_error_of_the_caller() {
        let tables = tables();
        let run = |rows: &mut [u8], chain: &[u16], symbols: &[i16]| {
            Chains::new(2).resolve(&tables, rows, chain, symbols)
        };
        assert_eq!(
            run(&mut [3], &[0], &[0]),
            Err(CodeError::UnknownRow { row: 3, rows: 6 })
        );
        assert_eq!(
            run(&mut [1], &[2], &[0]),
            Err(CodeError::UnknownChain {
                chain: 2,
                chains: 2
            })
        );
        let lengths = Err(CodeError::Lengths {
            rows: 1,
            symbols: 2,
        });
        assert_eq!(run(&mut [1], &[0, 0], &[0]), lengths);
        assert_eq!(run(&mut [1], &[0], &[0, 0]), lengths);
        let mut reader = Reader::new(&[]).unwrap();
        assert_eq!(
            reader.code_chained(&tables, &mut [1], &[2], &mut Chains::new(2), &mut [0]),
            Err(CodeError::UnknownChain {
                chain: 2,
                chains: 2
            })
        );
    }
}
