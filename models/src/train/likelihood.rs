//! Bits of real-valued symbols, with gradients: the smooth form of the frozen tables.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::quant::straight_through;

/// Rows of the bank for y, log-spaced in the standard deviation.
pub const ROWS: usize = 64;
/// Standard deviation of the first row.
pub const SIGMA_MIN: f64 = 0.06;
/// Standard deviation of the last row.
pub const SIGMA_MAX: f64 = 64.0;

/// Least probability of a value of y and of z.
const FLOOR_Y: f32 = 1e-7;
const FLOOR_Z: f32 = 1e-6;
/// Range of the logarithm of a scale of z.
const Z_SCALES: (f32, f32) = (-3.0, 5.0);

/// Clamps; the gradient passes as if nothing was clamped. Right where the value can only be pulled back into range.
fn clamp_through(x: Tensor<4>, lo: f32, hi: f32) -> Tensor<4> {
    straight_through(x.clone().clamp(lo, hi), x)
}

fn bits_of(p: Tensor<4>, floor: f32) -> Tensor<4> {
    // A probability below the floor has a falling cost, so its gradient always leads up.
    clamp_through(p, floor, 2.0).log() * -std::f32::consts::LOG2_E
}

/// Bits of the integer nearest to `r` under a logistic distribution, whose deviation `row` names. All [B, M, h, w].
pub(crate) fn logistic_bits(r: Tensor<4>, row: Tensor<4>) -> Tensor<4> {
    let step = (SIGMA_MAX / SIGMA_MIN).ln() / (ROWS - 1) as f64;
    let slope = (row * -step - SIGMA_MIN.ln()).exp() * (std::f64::consts::PI / 3.0f64.sqrt());
    let a = r.abs().neg();
    let p = sigmoid((a.clone() + 0.5) * slope.clone()) - sigmoid((a - 0.5) * slope);
    bits_of(p, FLOOR_Y)
}

/// Rows of tables brought into range. Beyond the range the gradient is kept where it leads back, which depends on the
/// symbol: a large one wants a wider row, a small one a narrower.
pub(crate) fn rows_in_range(row: Tensor<4>, r: &Tensor<4>) -> Tensor<4> {
    let last = (ROWS - 1) as f32;
    let plain = row.clone().detach();
    let clamped = plain.clone().clamp(0.0, last);
    let r = r.clone().detach();
    // Sign of the derivative of the bits by the row, where it was clamped.
    let grows =
        logistic_bits(r.clone(), clamped.clone() + 1e-2).greater(logistic_bits(r, clamped.clone()));
    let below = plain.clone().lower_elem(0.0);
    let above = plain.greater_elem(last);
    let blocked = (below.bool_and(grows.clone())).bool_or(above.bool_and(grows.bool_not()));
    let through = straight_through(clamped.clone(), row);
    through.mask_where(blocked, clamped)
}

/// Bits of the integer nearest to `z` under a Laplace distribution: [B, Z, h, w], logarithms of scales [B, Z, 1, 1].
pub(crate) fn laplace_bits(z: Tensor<4>, log_scale: Tensor<4>) -> Tensor<4> {
    let scale = log_scale.clamp(Z_SCALES.0, Z_SCALES.1).exp();
    let cdf = |t: Tensor<4>| {
        let decay = (t.clone().abs().neg() / scale.clone()).exp() - 1.0;
        t.sign() * decay * -0.5 + 0.5
    };
    let a = z.abs().neg();
    bits_of(cdf(a.clone() + 0.5) - cdf(a - 0.5), FLOOR_Z)
}
