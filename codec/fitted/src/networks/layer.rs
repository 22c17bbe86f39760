//! Rows of weights whose sums cannot leave 32 bits.

use crate::error::Error;
use crate::parameters::half;
use crate::shape::Role;

/// A row of a matrix, and what is added.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) weights: Vec<i32>,
    /// With the fractional bits of a sum.
    pub(super) bias: i64,
}

impl Row {
    pub(super) fn empty(columns: usize) -> Self {
        Self {
            weights: vec![0; columns],
            bias: 0,
        }
    }
}

/// A matrix over inputs of 16 bits, with biases, and what becomes of its sums.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// Rows one after the other, each of [`Layer::pairs`] pairs; one last weight may be 0.
    weights: Vec<[i16; 2]>,
    /// One for each row, with what rounds.
    biases: Vec<i32>,
    pairs: usize,
    /// Sums are shifted to the right by this.
    pub(crate) shift: u32,
    /// Then limited to this below, and to `i16::MAX` above if this is a number of 16 bits.
    pub(crate) low: i32,
}

impl Layer {
    /// # Errors
    /// [`Error::Bound`] names the first row whose sum could leave 32 bits for some inputs of 16.
    pub(super) fn new(role: Role, rows: Vec<Row>, shift: u32, low: i32) -> Result<Self, Error> {
        let columns = rows.first().map_or(0, |row| row.weights.len());
        let pairs = columns.div_ceil(2);
        let mut layer = Self {
            weights: Vec::with_capacity(rows.len() * pairs),
            biases: Vec::with_capacity(rows.len()),
            pairs,
            shift,
            low,
        };
        for (row, Row { weights, bias }) in rows.into_iter().enumerate() {
            let bound = Error::Bound { role, row };
            let sum: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
            let half = i64::from(half(shift));
            // Every partial sum is below this as well, in whatever order.
            if sum * 32_768 + bias.abs() + half > i64::from(i32::MAX) {
                return Err(bound);
            }
            for pair in weights.chunks(2) {
                let weight = |place: usize| pair.get(place).map_or(Some(0), |&w| narrow(w));
                let (Some(first), Some(second)) = (weight(0), weight(1)) else {
                    return Err(bound);
                };
                layer.weights.push([first, second]);
            }
            layer.biases.push((bias + half) as i32);
        }
        Ok(layer)
    }

    /// Number of rows, and so of outputs.
    pub(crate) fn rows(&self) -> usize {
        self.biases.len()
    }

    /// Pairs of inputs.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs
    }

    /// Whether the last place of the last pair has no input.
    #[cfg(test)]
    pub(crate) fn odd(&self) -> bool {
        let last = |row: usize| self.weights[(row + 1) * self.pairs - 1][1];
        (0..self.rows()).all(|row| last(row) == 0)
    }

    /// The weights of all rows, one row after the other, and their biases.
    pub(crate) fn parts(&self) -> (&[[i16; 2]], &[i32]) {
        (&self.weights, &self.biases)
    }

    /// Weights and bias of each row.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&[[i16; 2]], i32)> {
        let (weights, biases) = self.parts();
        let rows = weights.chunks_exact(self.pairs().max(1));
        rows.zip(biases.iter().copied())
    }
}

/// A weight of 16 bits; not -32768, so that no pair of products leaves 32 bits.
fn narrow(weight: i32) -> Option<i16> {
    i16::try_from(weight).ok().filter(|&w| w > i16::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(weights: &[i32], bias: i64, shift: u32) -> Result<Layer, Error> {
        let row = Row {
            weights: weights.to_vec(),
            bias,
        };
        Layer::new(Role::Mix, vec![Row::empty(weights.len()), row], shift, 0)
    }

    #[test]
    fn bounds_are_sharp() {
        let bound = Err(Error::Bound {
            role: Role::Mix,
            row: 1,
        });
        let result = |weights: &[i32], bias, shift| layer(weights, bias, shift).map(drop);
        assert_eq!(result(&[32_767, -32_767, 1], 32_767, 0), Ok(()));
        assert_eq!(result(&[32_767, -32_767, 1], -32_768, 0), bound);
        assert_eq!(result(&[32_767, -32_767, 1], 32_767, 1), bound);
        assert_eq!(result(&[32_767, -32_767, 2], 0, 0), bound);
        assert_eq!(result(&[0], i64::from(i32::MAX), 0), Ok(()));
        assert_eq!(result(&[0], i64::from(i32::MAX), 1), bound);
        assert_eq!(result(&[-32_768], 0, 0), bound);
        assert_eq!(result(&[32_768], 0, 0), bound);
    }

    #[test]
    fn rows_are_padded_to_pairs() {
        let layer = layer(&[1, 2, 3], 5, 2).unwrap();
        assert_eq!((layer.rows(), layer.pairs()), (2, 2));
        let rows: Vec<_> = layer.iter().collect();
        assert_eq!(rows[1], (&[[1, 2], [3, 0]][..], 7));
    }
}
