//! The interface that encoder and decoder share.

use crate::{Chains, CodeError, Tables};

/// A direction of coding: [`Writer`](crate::Writer) takes symbols, [`Reader`](crate::Reader) fills
/// them in.
///
/// Code that is generic over it does the same steps in both directions, in the same order. Symbols
/// that a row was derived from are then the same on both sides by construction.
///
/// After an error the coder is of no further use: it may hold a part of the symbols.
pub trait Symbols {
    /// Codes one symbol in a row.
    ///
    /// In a row below [`Tables::skip_below`] nothing is coded and the symbol is 0.
    ///
    /// # Errors
    /// Both directions: [`CodeError::UnknownRow`]. Writer: [`CodeError::SymbolBeyondLimit`],
    /// [`CodeError::SkippedNotZero`]. Reader: [`CodeError::EscapeBeyondLimit`],
    /// [`CodeError::Exhausted`].
    fn code(&mut self, tables: &Tables, row: u16, symbol: &mut i32) -> Result<(), CodeError>;

    /// Codes `symbols[i]` in row `rows[i]` for all `i` in order; the same as as many calls of
    /// [`Symbols::code`].
    ///
    /// # Errors
    /// [`CodeError::Lengths`] if the slices differ in length, and those of [`Symbols::code`].
    fn code_all(
        &mut self,
        tables: &Tables,
        rows: &[u8],
        symbols: &mut [i16],
    ) -> Result<(), CodeError>;

    /// Codes `symbols[i]` of chain `chain[i]` in one of the two rows that `rows[i]` names, for all `i` in order: the one
    /// that the chain's state says. `rows[i]` becomes the row that was used.
    ///
    /// # Errors
    /// [`CodeError::Lengths`], [`CodeError::UnknownChain`], and those of [`Symbols::code`].
    fn code_chained(
        &mut self,
        tables: &Tables,
        rows: &mut [u8],
        chain: &[u16],
        chains: &mut Chains,
        symbols: &mut [i16],
    ) -> Result<(), CodeError>;
}

/// Checks that there is one row for each symbol.
pub(crate) fn check_lengths(rows: &[u8], symbols: &[i16]) -> Result<(), CodeError> {
    if rows.len() == symbols.len() {
        Ok(())
    } else {
        Err(CodeError::Lengths {
            rows: rows.len(),
            symbols: symbols.len(),
        })
    }
}

/// Symbols that `code_all` works on at a time.
pub(crate) const BLOCK: usize = 1024;

/// Indices of the rows that are coded, of a block of at most [`BLOCK`], in a part of `indices`.
///
/// Which rows are skipped is hard to predict for a processor: sorting them out without a branch,
/// ahead of the steps of the coder, costs less than the branches that it would guess wrong.
#[inline(always)]
pub(crate) fn coded_indices<'a>(
    tables: &Tables,
    rows: &[u8],
    indices: &'a mut [u16; BLOCK],
) -> &'a [u16] {
    let mut count = 0;
    for (index, &row) in rows.iter().enumerate().take(BLOCK) {
        indices[count % BLOCK] = index as u16;
        count += usize::from(u16::from(row) >= tables.skip_below());
    }
    &indices[..count]
}
