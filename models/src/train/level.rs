//! Values per level and channel, trained at a few knots.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::nets::tensors::tensor;

/// Knots over all levels: neighbouring levels learn from each other.
const KNOTS: usize = 9;

/// The levels of a batch, and how far each lies from the knots.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    /// [B]
    indices: Tensor<1, Int>,
    /// [B, KNOTS]
    mix: Tensor<2>,
}

impl Levels {
    pub(crate) fn new(levels: &[usize], of: usize, device: &Device) -> Self {
        let mut mix = vec![0.0; levels.len() * KNOTS];
        for (row, &level) in mix.chunks_exact_mut(KNOTS).zip(levels) {
            let at = (level * (KNOTS - 1)) as f32 / of.saturating_sub(1).max(1) as f32;
            let low = (at as usize).min(KNOTS - 2);
            row[low] = 1.0 - (at - low as f32);
            row[low + 1] = at - low as f32;
        }
        let indices: Vec<i32> = levels.iter().map(|&l| l as i32).collect();
        Self {
            indices: Tensor::from_data(TensorData::new(indices, [levels.len()]), device),
            mix: tensor(mix, [levels.len(), KNOTS], device),
        }
    }

    /// Rows of a constant table [levels, channels]: [B, channels].
    pub(crate) fn pick(&self, table: &Tensor<2>) -> Tensor<2> {
        table.clone().select(0, self.indices.clone())
    }
}

/// A value per level and channel: what the weights hold, plus a change that is learned at the knots and interpolated.
///
/// A table with one row serves all levels and learns that row.
#[derive(Module, Debug)]
pub(crate) struct LevelTable {
    /// [KNOTS or 1, channels], zero at the start.
    change: Param<Tensor<2>>,
    #[module(skip)]
    base: Tensor<2>,
}

impl LevelTable {
    /// `base`: [rows, channels].
    pub(crate) fn new(base: Vec<f32>, rows: usize, channels: usize, device: &Device) -> Self {
        let knots = if rows == 1 { 1 } else { KNOTS };
        Self {
            change: Param::from_tensor(Tensor::zeros([knots, channels], device)),
            base: tensor(base, [rows, channels], device),
        }
    }

    /// Rows of a batch: [B, channels], or [1, channels] for a table with one row.
    pub(crate) fn forward(&self, levels: &Levels) -> Tensor<2> {
        if self.base.dims()[0] == 1 {
            return self.base.clone() + self.change.val();
        }
        levels.pick(&self.base) + levels.mix.clone().matmul(self.change.val())
    }

    /// All rows: [rows, channels], without gradients.
    pub(crate) fn all(&self) -> Tensor<2> {
        let rows = self.base.dims()[0];
        let device = self.base.device();
        let all: Vec<usize> = (0..rows).collect();
        self.forward(&Levels::new(&all, rows, &device)).inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_interpolated_between_knots() {
        let device = Device::flex().autodiff();
        let base: Vec<f32> = (0..64).map(|i| i as f32).collect();
        let mut table = LevelTable::new(base, 64, 1, &device);
        let knots: Vec<f32> = (0..KNOTS).map(|k| 100.0 * k as f32).collect();
        table.change = Param::from_tensor(tensor(knots, [KNOTS, 1], &device));
        let all: Vec<f32> = table.all().into_data().try_into_vec().unwrap();
        for (level, value) in all.iter().enumerate() {
            let expected = level as f32 + 800.0 * level as f32 / 63.0;
            assert!((value - expected).abs() < 1e-3, "{level}: {value}");
        }
    }
}
