//! Which latents each context step codes.
//!
//! The channels are cut into quarters, the cells of y into four cosets by the parities of their row and column. A step
//! codes every quarter on other cells, so that each cell gives something to every step: a quarter of all latents, another
//! quarter, diagonal to it, then the half between them.

use std::ops::Range;

/// Context steps.
pub(crate) const STEPS: usize = 3;
/// Parts of the channels.
pub(crate) const QUARTERS: usize = 4;
/// A step codes quarter g on the cells whose coset is `g ^ k`, for these k. A coset is twice the parity of the row plus
/// that of the column.
const COSETS: [&[usize]; STEPS] = [&[0], &[3], &[1, 2]];

/// The quarters of the channels that a step codes on the cells of a coset.
pub(crate) fn quarters(step: usize, coset: usize) -> impl Iterator<Item = usize> {
    COSETS[step].iter().map(move |k| coset ^ k)
}

/// The first column that a step codes in a row of a channel of quarter `quarter`; every other one after it follows. None
/// if the step codes nothing there.
pub(crate) fn first_column(step: usize, row: usize, quarter: usize) -> Option<usize> {
    // The cosets of a step never share a row.
    COSETS[step]
        .iter()
        .map(|k| quarter ^ k)
        .find(|coset| coset / 2 == row % 2)
        .map(|coset| coset % 2)
}

/// The quarter of channel `c` of `m`.
pub(crate) fn quarter(c: usize, m: usize) -> usize {
    c * QUARTERS / m
}

/// The places (row, column) of a chain: what a step codes of a channel of quarter `quarter` in `rows` of a grid that is `w`
/// wide, in the order of coding.
pub(crate) fn chain(
    step: usize,
    rows: Range<usize>,
    quarter: usize,
    w: usize,
) -> impl Iterator<Item = (usize, usize)> {
    rows.filter_map(move |i| first_column(step, i, quarter).map(|j| (i, j)))
        .flat_map(move |(i, first)| (first..w).step_by(2).map(move |j| (i, j)))
}

/// Whether a step codes a cell.
pub(crate) fn codes(step: usize, row: usize, column: usize, quarter: usize) -> bool {
    first_column(step, row, quarter) == Some(column % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latent_is_coded_once() {
        for (row, column, quarter) in
            (0..4).flat_map(|i| (0..4).flat_map(move |j| (0..QUARTERS).map(move |g| (i, j, g))))
        {
            let steps = (0..STEPS).filter(|&s| codes(s, row, column, quarter));
            assert_eq!(steps.count(), 1, "{row} {column} {quarter}");
        }
    }

    #[test]
    fn quarters_of_a_coset_are_those_of_its_cells() {
        for (step, coset) in (0..STEPS).flat_map(|s| (0..4).map(move |c| (s, c))) {
            let coded = |g: &usize| codes(step, coset / 2, coset % 2, *g);
            let expected: Vec<_> = (0..QUARTERS).filter(coded).collect();
            let mut found: Vec<_> = quarters(step, coset).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{step} {coset}");
        }
    }

    #[test]
    fn a_chain_holds_what_its_step_codes() {
        for (step, quarter) in (0..STEPS).flat_map(|s| (0..QUARTERS).map(move |g| (s, g))) {
            let all = (3..8).flat_map(|i| (0..5).map(move |j| (i, j)));
            let expected: Vec<_> = all.filter(|&(i, j)| codes(step, i, j, quarter)).collect();
            let found: Vec<_> = chain(step, 3..8, quarter, 5).collect();
            assert_eq!(found, expected, "{step} {quarter}");
        }
    }

    #[test]
    fn every_cell_gives_a_quarter_a_quarter_and_a_half() {
        for (row, column) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
            let sizes =
                [0, 1, 2].map(|s| (0..QUARTERS).filter(|&g| codes(s, row, column, g)).count());
            assert_eq!(sizes, [1, 1, 2]);
        }
    }
}
