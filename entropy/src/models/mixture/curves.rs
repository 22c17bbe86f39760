//! Frozen distribution functions.

use super::MEAN_BITS;
use crate::tables::{MAX_BINS, MAX_LIMIT, MAX_ROWS};
use crate::{CodeError, TableError};

/// Values of a curve between knots have so many bits below the 16 of a step.
const INTERPOLATED_BITS: u32 = 8;
/// A curve ends at `1 << VALUE_BITS`.
pub(super) const VALUE_BITS: u32 = 16 + INTERPOLATED_BITS;
/// Knots lie within this distance of the mean: 65536 symbols.
const POSITION_MAX: i64 = 1 << (16 + MEAN_BITS);

/// One distribution, as it is stored: how much of its mass lies between knots that are equally far apart.
#[derive(Clone, Copy, Debug)]
pub struct CurveSpec<'a> {
    /// Where the first knot lies, in 64ths of a symbol from the mean.
    pub first: i32,
    /// Knots are `2^shift` 64ths of a symbol apart; 0 to 8.
    pub shift: u8,
    /// The mass between each two knots, out of 65536, which is the sum.
    pub steps: &'a [u16],
}

/// A bank of frozen distribution functions ("rows"), checked once so that coding need not check again.
///
/// Between two knots a curve is a straight line. Encoder and decoder must use equal banks.
#[derive(Clone, Debug)]
pub struct Curves {
    rows: Vec<Row>,
    knots: Vec<u32>,
    limit: i32,
}

/// Where a row lies in the flat array, and its positions.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    steps: u32,
    first: i32,
    shift: u8,
}

impl Curves {
    /// Checks rows and builds the bank. `limit` is the largest magnitude of a symbol, 1 to 32767: neither side
    /// accepts one beyond it.
    ///
    /// # Errors
    /// [`TableError`] names the first row that breaks a rule: 2 to 65536 steps, sum 65536, a shift of at most 8, all
    /// knots within 65536 symbols of the mean; or says that `limit` or the size of the bank is out of range.
    pub fn new<'a>(
        rows: impl IntoIterator<Item = CurveSpec<'a>>,
        limit: i32,
    ) -> Result<Self, TableError> {
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(TableError::Limit(limit));
        }
        let mut curves = Self {
            rows: Vec::new(),
            knots: Vec::new(),
            limit,
        };
        for spec in rows {
            curves.push(spec)?;
        }
        Ok(curves)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The largest magnitude of a symbol.
    pub fn limit(&self) -> i32 {
        self.limit
    }

    /// A row by its index.
    #[inline]
    pub(super) fn row(&self, index: u16) -> Result<Curve<'_>, CodeError> {
        let unknown = CodeError::UnknownRow {
            row: index,
            rows: self.len(),
        };
        let row = self.rows.get(usize::from(index)).ok_or(unknown)?;
        let (start, steps) = (row.start as usize, row.steps as usize);
        Ok(Curve {
            knots: &self.knots[start..=start + steps],
            first: row.first,
            shift: row.shift.into(),
        })
    }

    fn push(
        &mut self,
        CurveSpec {
            first,
            shift,
            steps,
        }: CurveSpec<'_>,
    ) -> Result<(), TableError> {
        let row = self.rows.len();
        if row == MAX_ROWS {
            return Err(TableError::TooLarge {
                what: "rows",
                limit: MAX_ROWS,
            });
        }
        let bins = steps.len();
        if !(2..=1 << 16).contains(&bins) {
            return Err(TableError::BinCount { row, bins });
        }
        if bins >= MAX_BINS - self.knots.len() {
            return Err(TableError::TooLarge {
                what: "bins",
                limit: MAX_BINS,
            });
        }
        let last = i64::from(first) + ((bins as i64) << shift.min(16));
        if u32::from(shift) > INTERPOLATED_BITS
            || i64::from(first) < -POSITION_MAX
            || last > POSITION_MAX
        {
            return Err(TableError::Knots { row, first, shift });
        }
        let sum: u64 = steps.iter().map(|&s| u64::from(s)).sum();
        if sum != 1 << 16 {
            return Err(TableError::Sum { row, sum });
        }
        self.rows.push(Row {
            start: self.knots.len() as u32,
            steps: bins as u32,
            first,
            shift,
        });
        self.knots.push(0);
        let ends = steps.iter().scan(0, |sum, &step| {
            *sum += u32::from(step);
            Some(*sum)
        });
        self.knots.extend(ends);
        Ok(())
    }
}

/// A row of a bank, ready for coding.
#[derive(Clone, Copy, Default)]
pub(super) struct Curve<'a> {
    /// The mass left of each knot, out of 65536.
    knots: &'a [u32],
    first: i32,
    shift: u32,
}

impl Curve<'_> {
    /// Where the first knot lies from the mean.
    pub(super) fn first(self) -> i32 {
        self.first
    }

    /// Where the last knot lies from the mean.
    pub(super) fn last(self) -> i32 {
        self.first + ((self.knots.len() as i32 - 1) << self.shift)
    }

    /// The mass left of a position, out of `1 << VALUE_BITS`.
    #[inline]
    pub(super) fn value(self, position: i32) -> u32 {
        let offset = position - self.first;
        if offset < 0 {
            return 0;
        }
        let knot = (offset >> self.shift) as usize;
        let (Some(&left), Some(&right)) = (self.knots.get(knot), self.knots.get(knot + 1)) else {
            return 1 << VALUE_BITS;
        };
        let part = offset as u32 & ((1 << self.shift) - 1);
        (left << INTERPOLATED_BITS) + (((right - left) * part) << (INTERPOLATED_BITS - self.shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALVES: CurveSpec<'static> = CurveSpec {
        first: -64,
        shift: 6,
        steps: &[32_768, 32_768],
    };

    fn error(spec: CurveSpec<'_>) -> TableError {
        // The row that is named is the one at fault.
        Curves::new([HALVES, spec], 9).unwrap_err()
    }

    #[test]
    fn each_error() {
        for limit in [-1, 0, 32_768] {
            assert_eq!(
                Curves::new([HALVES], limit).unwrap_err(),
                TableError::Limit(limit)
            );
        }
        let long = vec![1; 65_537];
        for (steps, bins) in [(&[][..], 0), (&[65_535], 1), (&long, 65_537)] {
            let expected = TableError::BinCount { row: 1, bins };
            assert_eq!(error(CurveSpec { steps, ..HALVES }), expected);
        }
        for (steps, sum) in [([32_768, 32_767], 65_535), ([32_768, 32_769], 65_537)] {
            let spec = CurveSpec {
                steps: &steps,
                ..HALVES
            };
            assert_eq!(error(spec), TableError::Sum { row: 1, sum });
        }
        let far = 1 << 22;
        for (first, shift) in [
            (0, 9),
            (0, 255),
            (-far - 1, 0),
            (far - 1, 0),
            (i32::MIN, 0),
            (i32::MAX, 8),
        ] {
            let spec = CurveSpec {
                first,
                shift,
                ..HALVES
            };
            let row = 1;
            assert_eq!(error(spec), TableError::Knots { row, first, shift });
        }
        let many = std::iter::repeat_n(HALVES, 65_537);
        let (what, limit) = ("rows", 65_536);
        assert_eq!(
            Curves::new(many, 9).unwrap_err(),
            TableError::TooLarge { what, limit }
        );
        let wide = CurveSpec {
            steps: &long[..65_536],
            ..HALVES
        };
        let (what, limit) = ("bins", 1 << 24);
        assert_eq!(
            Curves::new(std::iter::repeat_n(wide, 257), 9).unwrap_err(),
            TableError::TooLarge { what, limit }
        );
        let curves = Curves::new([HALVES; 2], 9).unwrap();
        assert_eq!(
            (curves.len(), curves.is_empty(), curves.limit()),
            (2, false, 9)
        );
    }

    #[test]
    fn curves_are_straight_between_knots() {
        let steps = [1, 0, 65_534, 1];
        for shift in [0, 3, 8] {
            let spec = CurveSpec {
                first: -5,
                shift,
                steps: &steps,
            };
            let curves = Curves::new([spec], 9).unwrap();
            let curve = curves.row(0).unwrap();
            assert_eq!((curve.first(), curve.last()), (-5, -5 + (4 << shift)));
            let mut value = 0;
            for (knot, step) in steps.into_iter().enumerate() {
                let knot = -5 + ((knot as i32) << shift);
                for part in 0..1 << shift {
                    let exact = value + ((u32::from(step) << 8) >> shift) * part;
                    assert_eq!(curve.value(knot + part as i32), exact);
                }
                value += u32::from(step) << 8;
            }
            for outside in [0, 1, 1 << 20] {
                assert_eq!(curve.value(-6 - outside), 0);
                assert_eq!(curve.value(curve.last() + outside), 1 << VALUE_BITS);
            }
        }
    }
}
