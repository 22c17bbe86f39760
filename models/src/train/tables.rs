//! The frozen tables of a weights file as costs, with the slopes that training follows.
//!
//! Coding looks a symbol up in a row and asks no more. Training also wants to know where a row or a symbol should go: the
//! slope of the cost, half the difference between both neighbours.

use burn::tensor::Tensor;
use kiln_entropy::Tables;
use ndarray::{Array3, ArrayView3, Axis};

use super::TrainError;
use super::likelihood::ROWS;
use crate::arch::base::{self, Config};
use crate::latents::neighbours;
use crate::nets::exact::{RESIDUAL_MAX, Z_MAX};
use crate::search::trellis::Costs;
use crate::{ModelError, Weights, WeightsError};

/// A cost in bits and its slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) bits: f32,
    pub(crate) slope: f32,
}

/// Costs of the symbols of y and z in the tables that the encoder codes them with.
#[derive(Clone, Debug)]
pub(crate) struct FrozenTables {
    /// Of y, as the encoder's search sees them: rows that are not coded have none.
    encoder: Costs,
    /// Of y, in the rows that are not coded too.
    all: Costs,
    z: Tables,
    /// Row of the first class of neighbours: [levels][Z].
    z_rows: Vec<Vec<u16>>,
}

impl FrozenTables {
    /// Takes the tables of weights for `base`, and what their levels change.
    ///
    /// # Errors
    /// The rows of y are not those whose widths training knows, or tables are missing or not valid.
    pub(crate) fn load(w: &mut Weights<'_>) -> Result<Self, TrainError> {
        let config = Config::from_json(w.config()?)?;
        let y = w.tables("y", RESIDUAL_MAX)?;
        let z = w.tables("z", Z_MAX)?;
        let rows = base::named_rows(&y)?;
        if usize::from(rows) != ROWS {
            return Err(WeightsError::Config(format!(
                "tables of y have {rows} rows for each quantiser; training needs the {ROWS} whose widths it knows"
            ))
            .into());
        }
        let rates = base::rates(w, &config, &z)?;
        Ok(Self {
            encoder: Costs::new(&y),
            // A residual that a row loses because it is not coded must tell on the row.
            all: Costs::new(&y.all_coded()),
            z,
            z_rows: rates.into_iter().map(|rate| rate.z_rows).collect(),
        })
    }

    /// What the encoder's search takes.
    pub(crate) fn encoder(&self) -> &Costs {
        &self.encoder
    }

    /// What a symbol of y costs in row `row` of a quantiser, coded or not, and its slope along the rows.
    pub(crate) fn y(&self, row: u8, quantiser: u8, symbol: i16) -> Cost {
        let last = ROWS as u8 - 1;
        let bits = |row: u8| {
            self.all
                .bits(row + quantiser * ROWS as u8, i32::from(symbol))
        };
        Cost {
            bits: bits(row),
            slope: (bits((row + 1).min(last)) - bits(row.saturating_sub(1))) / 2.0,
        }
    }

    /// What the symbols of z cost, with their slopes along the symbols, in the order of memory. `z`: rounded, in the range of
    /// its symbols, [B, Z, h, w] with a level for each picture.
    pub(crate) fn z(&self, z: Tensor<4>, levels: &[usize]) -> Result<Vec<Cost>, ModelError> {
        let [b, channels, h, w] = z.dims();
        let symbols: Vec<i32> = (super::quant::values(z)?.iter())
            .map(|&s| s as i32)
            .collect();
        let mut out = Vec::with_capacity(symbols.len());
        for (picture, &level) in symbols.chunks_exact((channels * h * w).max(1)).zip(levels) {
            let picture = ArrayView3::from_shape((channels, h, w), picture)
                .map_err(|e| ModelError::Device(e.to_string()))?;
            self.z_picture(picture, level, &mut out);
        }
        debug_assert_eq!(out.len(), b * channels * h * w);
        Ok(out)
    }

    /// The same for one picture [Z, h, w].
    fn z_picture(&self, z: ArrayView3<i32>, level: usize, out: &mut Vec<Cost>) {
        // As the coder has it: [h, Z, w].
        let ordered: Array3<i32> = z.permuted_axes([1, 0, 2]).to_owned();
        for (c, plane) in z.axis_iter(Axis(0)).enumerate() {
            for ((i, j), &symbol) in plane.indexed_iter() {
                let row = self.z_rows[level][c] + neighbours::class(&ordered, i, c, j);
                let (below, above) = ((symbol - 1).max(-Z_MAX), (symbol + 1).min(Z_MAX));
                let bits = |s: i32| self.z.cost_bits(row, s);
                let slope = (bits(above) - bits(below)) / f64::from(above - below);
                out.push(Cost {
                    bits: bits(symbol) as f32,
                    slope: slope as f32,
                });
            }
        }
    }
}

#[cfg(all(test, feature = "bundled"))]
mod tests {
    use super::*;
    use crate::BUNDLED;

    fn tables() -> FrozenTables {
        FrozenTables::load(&mut Weights::open(BUNDLED).unwrap()).unwrap()
    }

    /// The bank of y as the coder has it.
    fn bank() -> Tables {
        let mut weights = Weights::open(BUNDLED).unwrap();
        weights.tables("y", RESIDUAL_MAX).unwrap()
    }

    #[test]
    fn costs_of_coded_rows_are_those_of_the_coder() {
        let (bank, tables) = (bank(), tables());
        let skipped = bank.skip_below();
        assert!(skipped > 0);
        for (row, quantiser, symbol) in [(6, 0, 0), (6, 1, -1), (30, 1, 3), (63, 0, -400)] {
            let at = u16::from(row) + u16::from(quantiser) * ROWS as u16;
            let expected = bank.cost_bits(at, symbol) as f32;
            let cost = tables.y(row, quantiser, symbol as i16);
            assert_eq!(cost.bits, expected, "{row} {quantiser} {symbol}");
        }
        // In a row that is not coded a lost symbol has a price, too, and a wider row lowers it.
        let lost = tables.y(skipped as u8 - 1, 0, 1);
        assert!(lost.bits.is_finite() && lost.slope < 0.0, "{lost:?}");
    }

    #[test]
    fn large_symbols_want_wider_rows_and_zeros_narrower_ones() {
        let tables = tables();
        for quantiser in [0, 1] {
            assert!(tables.y(20, quantiser, 0).slope > 0.0);
            assert!(tables.y(20, quantiser, 3).slope < 0.0);
        }
        // At the ends the row itself takes the place of the missing neighbour.
        let (end, before) = (tables.y(63, 0, 0), tables.y(62, 0, 0));
        assert!((end.slope - (end.bits - before.bits) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn z_goes_by_its_neighbours() {
        let tables = tables();
        let channels = tables.z_rows[20].len();
        let z = Array3::from_shape_fn((channels, 2, 3), |(c, i, j)| (c + 2 * i + j) as i32 % 7 - 3);
        let mut found = Vec::new();
        tables.z_picture(z.view(), 20, &mut found);
        let ordered = z.view().permuted_axes([1, 0, 2]).to_owned();
        for (((c, i, j), &symbol), cost) in z.indexed_iter().zip(&found) {
            let row = tables.z_rows[20][c] + neighbours::class(&ordered, i, c, j);
            assert_eq!(cost.bits, tables.z.cost_bits(row, symbol) as f32);
        }
        assert!(found.iter().all(|c| c.slope.is_finite()));
    }
}
