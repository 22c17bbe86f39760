//! Which pixels a tile holds, and the way between them and rows of a tile.

use pulp::Simd;

use super::dense::{Row, TILE};
use super::lanes::{add_to, first, load, store, vectors, vectors_mut};

/// Where a vector of a tile lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Row.
    pub row: usize,
    /// Column of its first number.
    pub column: usize,
    /// How many columns are left from there on; none for a vector that is left over in the last tile.
    pub valid: usize,
}

/// Where a tile's vectors begin in some memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Starts {
    at: [usize; TILE],
    /// Whether one follows the other.
    run: bool,
}

/// A tile's vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// Every one of them.
    pub each: [Place; TILE],
    run: bool,
}

impl Places {
    /// Where they begin, if a row of the picture takes `row_len` numbers and the first one begins at `first`.
    #[inline(always)]
    pub(crate) fn starts(&self, first: usize, row_len: usize) -> Starts {
        let mut at = [first; TILE];
        for (at, place) in at.iter_mut().zip(&self.each) {
            *at += place.row * row_len + place.column;
        }
        Starts { at, run: self.run }
    }

    /// As [`Self::starts`] where two rows of the picture share one.
    #[inline(always)]
    pub(crate) fn starts_in_pairs(&self, first: usize, row_len: usize) -> Starts {
        let mut at = [first; TILE];
        for (at, place) in at.iter_mut().zip(&self.each) {
            *at += place.row / 2 * row_len + place.column;
        }
        Starts { at, run: self.run }
    }
}

impl Starts {
    /// Where the vectors begin that lie `by` further on.
    #[inline(always)]
    pub(crate) fn moved(mut self, by: isize) -> Self {
        for at in &mut self.at {
            *at = at.wrapping_add_signed(by);
        }
        self
    }

    /// Reads a row of a tile.
    #[inline(always)]
    pub(crate) fn read<S: Simd>(&self, simd: S, from: &[f32], to: &mut Row<S::f32s>) {
        if self.run {
            let from = vectors(simd, &from[self.at[0]..][..TILE * S::F32_LANES]);
            to.copy_from_slice(from);
        } else {
            for (&at, to) in self.at.iter().zip(to) {
                *to = load(simd, &from[at..]);
            }
        }
    }

    /// Adds a row of a tile.
    #[inline(always)]
    pub(crate) fn add<S: Simd>(&self, simd: S, from: &Row<S::f32s>, to: &mut [f32]) {
        if self.run {
            let to = vectors_mut(simd, &mut to[self.at[0]..][..TILE * S::F32_LANES]);
            for (to, &v) in to.iter_mut().zip(from) {
                *to = simd.add_f32s(*to, v);
            }
        } else {
            for (&at, &v) in self.at.iter().zip(from) {
                add_to(simd, &mut to[at..], v);
            }
        }
    }

    /// Writes a row of a tile; what is beyond the pixels becomes 0.
    #[inline(always)]
    pub(crate) fn write<S: Simd>(
        &self,
        simd: S,
        places: &Places,
        from: &Row<S::f32s>,
        to: &mut [f32],
    ) {
        if self.run {
            let to = vectors_mut(simd, &mut to[self.at[0]..][..TILE * S::F32_LANES]);
            to.copy_from_slice(from);
            return;
        }
        for ((&at, place), &v) in self.at.iter().zip(&places.each).zip(from) {
            if place.valid > 0 {
                store(simd, &mut to[at..], first(simd, place.valid, v));
            }
        }
    }
}

/// Sets to 0 what is beyond the pixels.
#[inline(always)]
pub(crate) fn cut_row<S: Simd>(simd: S, places: &Places, row: &mut Row<S::f32s>) {
    if places.run {
        return;
    }
    for (v, place) in row.iter_mut().zip(&places.each) {
        *v = first(simd, place.valid, *v);
    }
}

/// Goes through rows, vector by vector, a tile at a time.
pub(crate) struct Tiles {
    rows: usize,
    width: usize,
    lanes: usize,
    row: usize,
    column: usize,
}

impl Tiles {
    /// For some rows and vectors of so many lanes.
    #[inline(always)]
    pub(crate) fn new(rows: usize, width: usize, lanes: usize) -> Self {
        Self {
            rows,
            width,
            lanes,
            row: 0,
            column: 0,
        }
    }

    /// The next tile's vectors.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Places> {
        if self.row >= self.rows {
            return None;
        }
        let mut each = [Place::default(); TILE];
        let run = self.column + TILE * self.lanes <= self.width;
        for place in &mut each {
            if self.row >= self.rows {
                break;
            }
            *place = Place {
                row: self.row,
                column: self.column,
                valid: self.width - self.column,
            };
            self.column += self.lanes;
            if self.column >= self.width {
                (self.row, self.column) = (self.row + 1, 0);
            }
        }
        Some(Places { each, run })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vector_comes_once() {
        let mut tiles = Tiles::new(3, 21, 8);
        let all: Vec<_> = std::iter::from_fn(|| tiles.next())
            .flat_map(|p| p.each)
            .collect();
        assert_eq!(all.len(), 2 * TILE);
        let (used, left) = all.split_at(9);
        for (k, place) in used.iter().enumerate() {
            let (row, column) = (k / 3, k % 3 * 8);
            assert_eq!(
                *place,
                Place {
                    row,
                    column,
                    valid: 21 - column
                }
            );
        }
        assert!(left.iter().all(|p| p.valid == 0));
    }
}
