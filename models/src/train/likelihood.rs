//! Bits of real-valued residuals, with gradients: a smooth stand-in for the frozen tables.
//!
//! What a residual costs is looked up in the tables, which have no slope along the residual. This gives it one.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::quant::straight_through;

/// Rows of the bank for y, log-spaced in the standard deviation.
pub const ROWS: usize = 64;
/// Standard deviation of the first row.
pub const SIGMA_MIN: f64 = 0.06;
/// Standard deviation of the last row.
pub const SIGMA_MAX: f64 = 64.0;

/// Least probability of a value of y.
const FLOOR: f32 = 1e-7;

/// Bits of the multiple of `step` nearest to `r` under a logistic distribution, whose deviation `row` names. All [B, M, h, w].
pub(crate) fn logistic_bits(r: Tensor<4>, row: Tensor<4>, step: f32) -> Tensor<4> {
    let row_step = (SIGMA_MAX / SIGMA_MIN).ln() / (ROWS - 1) as f64;
    let slope = (row * -row_step - SIGMA_MIN.ln()).exp() * (std::f64::consts::PI / 3.0f64.sqrt());
    let a = r.abs().neg();
    let p = sigmoid((a.clone() + 0.5 * step) * slope.clone()) - sigmoid((a - 0.5 * step) * slope);
    // A probability below the floor has a falling cost, so its gradient always leads up.
    straight_through(p.clone().clamp(FLOOR, 2.0), p).log() * -std::f32::consts::LOG2_E
}
