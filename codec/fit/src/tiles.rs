//! Which pixels a tile holds.

use crate::kernels::dense::TILE;

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
    pub(crate) fn next(&mut self) -> Option<[Place; TILE]> {
        if self.row >= self.rows {
            return None;
        }
        let mut places = [Place::default(); TILE];
        for place in &mut places {
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
        Some(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vector_comes_once() {
        let mut tiles = Tiles::new(3, 21, 8);
        let all: Vec<_> = std::iter::from_fn(|| tiles.next()).flatten().collect();
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
