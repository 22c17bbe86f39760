//! Rounding residuals for rate and distortion together. Encoder only: a decoder takes whatever symbol it reads.

use kiln_entropy::Tables;

use crate::exact::RESIDUAL_MAX;

/// Bits that one unit of squared error is worth, where one unit is the quantiser's step.
///
/// A uniform quantiser at high rate would have 8.66: its error of 1/12 falls by 2 ln 2 / 12 for each bit more. The networks
/// were trained with this value, which the reference repeats; of those tried on pictures outside training and test it is
/// the best: see models/reference/EXPERIMENTS.md.
pub const BITS_PER_ERROR: f64 = 12.0;

/// Magnitudes above this are rounded to the nearest: the table would not change them.
const LARGEST: usize = 12;

/// For every row, where a magnitude is rounded down instead of up: a dead zone that follows the table's own costs.
#[derive(Clone, Debug)]
pub(crate) struct Quantiser {
    /// [rows][LARGEST]: smallest magnitude that is rounded to 1, 2, ...
    thresholds: Vec<[f32; LARGEST]>,
    /// Rows below this are never coded.
    skip_below: u8,
}

impl Quantiser {
    pub(crate) fn new(tables: &Tables) -> Self {
        let thresholds = (0..tables.len() as u16)
            .map(|row| {
                std::array::from_fn(|i| {
                    let saved =
                        tables.cost_bits(row, i as i32 + 1) - tables.cost_bits(row, i as i32);
                    // Equal cost: B (a - i)^2 = B (a - i - 1)^2 + saved.
                    let shift = if saved.is_finite() {
                        saved.max(0.0) / (2.0 * BITS_PER_ERROR)
                    } else {
                        0.0
                    };
                    (i as f64 + 0.5 + shift) as f32
                })
            })
            .collect();
        Self {
            thresholds,
            skip_below: tables.skip_below().min(255) as u8,
        }
    }

    /// The symbol for a residual of any size, given its row.
    pub(crate) fn symbol(&self, residual: f32, row: u8) -> i16 {
        if row < self.skip_below {
            return 0;
        }
        let size = residual.abs();
        let up = (size + 0.5).floor().min(RESIDUAL_MAX as f32);
        let index = up as usize;
        let thresholds = &self.thresholds[usize::from(row)];
        let down = (1..=LARGEST).contains(&index) && size < thresholds[index - 1];
        let symbol = index as i16 - i16::from(down);
        if residual < 0.0 { -symbol } else { symbol }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_entropy::{RowSpec, freeze};

    fn quantiser() -> Quantiser {
        let rows: Vec<Vec<u16>> = [0.3, 1.0, 30.0]
            .iter()
            .map(|s| freeze::row(&freeze::gaussian(*s, 14)).unwrap())
            .collect();
        let specs = rows.iter().map(|freqs| RowSpec { first: -14, freqs });
        Quantiser::new(&Tables::new(specs, 1, RESIDUAL_MAX).unwrap())
    }

    #[test]
    fn skipped_rows_hold_zero() {
        assert_eq!(quantiser().symbol(5.0, 0), 0);
    }

    #[test]
    fn narrow_rows_have_a_dead_zone_and_wide_ones_round() {
        let q = quantiser();
        assert_eq!((q.symbol(0.52, 1), q.symbol(0.9, 1)), (0, 1));
        assert_eq!((q.symbol(0.52, 2), q.symbol(-7.6, 2)), (1, -8));
    }

    #[test]
    fn signs_mirror_and_sizes_are_bounded() {
        let q = quantiser();
        for i in 0..2000 {
            let v = i as f32 / 100.0;
            assert_eq!(q.symbol(v, 1), -q.symbol(-v, 1), "{v}");
            assert!((f32::from(q.symbol(v, 1)) - v).abs() < 1.0);
        }
        assert_eq!(i32::from(q.symbol(1e9, 2)), RESIDUAL_MAX);
    }
}
