//! Monotone piecewise cubic interpolation (PCHIP; Fritsch and Butland 1984), with exact integrals.
//!
//! Slopes and end rules are those of SciPy's `PchipInterpolator`, which the field computes BD-rates with.

/// An interpolating curve through at least two points.
#[derive(Debug)]
pub struct Pchip {
    x: Vec<f64>,
    y: Vec<f64>,
    /// Derivative at each point.
    slope: Vec<f64>,
}

impl Pchip {
    /// Through `(x[i], y[i])`. `x` must be finite and strictly increasing and as long as `y`, at least 2:
    /// [`Curve`](super::curve::Curve) guarantees it.
    pub fn new(x: Vec<f64>, y: Vec<f64>) -> Self {
        debug_assert!(x.len() == y.len() && x.len() >= 2 && x.is_sorted_by(|a, b| a < b));
        let slope = slopes(&x, &y);
        Self { x, y, slope }
    }

    /// Integral from `low` to `high`; both are expected inside the range of the points, `low <= high`.
    pub fn integral(&self, low: f64, high: f64) -> f64 {
        (0..self.x.len() - 1)
            .map(|piece| {
                let (left, right) = (self.x[piece], self.x[piece + 1]);
                let (from, to) = (low.clamp(left, right), high.clamp(left, right));
                self.antiderivative(piece, to) - self.antiderivative(piece, from)
            })
            .sum()
    }

    /// Mean from `low` to `high`, as [`integral`](Self::integral) with `low < high`.
    pub fn mean(&self, (low, high): (f64, f64)) -> f64 {
        self.integral(low, high) / (high - low)
    }

    /// Integral of the cubic of one piece from its left end to `x`.
    fn antiderivative(&self, piece: usize, x: f64) -> f64 {
        let h = self.x[piece + 1] - self.x[piece];
        let t = (x - self.x[piece]) / h;
        let [constant, linear, square, cube] = self.coefficients(piece);
        h * t * (constant + t * (linear / 2.0 + t * (square / 3.0 + t * cube / 4.0)))
    }

    /// Coefficients of 1, t, t^2 and t^3 of a piece, t running from 0 to 1 along it.
    fn coefficients(&self, piece: usize) -> [f64; 4] {
        let h = self.x[piece + 1] - self.x[piece];
        let (y0, y1) = (self.y[piece], self.y[piece + 1]);
        let (d0, d1) = (h * self.slope[piece], h * self.slope[piece + 1]);
        [
            y0,
            d0,
            3.0 * (y1 - y0) - 2.0 * d0 - d1,
            2.0 * (y0 - y1) + d0 + d1,
        ]
    }
}

/// Derivatives at the points.
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let h: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let secant: Vec<f64> = y
        .windows(2)
        .zip(&h)
        .map(|(pair, h)| (pair[1] - pair[0]) / h)
        .collect();
    let pieces = h.len();
    if pieces == 1 {
        return vec![secant[0]; 2];
    }
    let mut slope = Vec::with_capacity(pieces + 1);
    slope.push(end_slope(h[0], h[1], secant[0], secant[1]));
    for i in 1..pieces {
        let (before, after) = (secant[i - 1], secant[i]);
        // A turning point stays one: no overshoot.
        if before * after <= 0.0 {
            slope.push(0.0);
            continue;
        }
        let (w0, w1) = (2.0 * h[i] + h[i - 1], h[i] + 2.0 * h[i - 1]);
        slope.push((w0 + w1) / (w0 / before + w1 / after));
    }
    slope.push(end_slope(
        h[pieces - 1],
        h[pieces - 2],
        secant[pieces - 1],
        secant[pieces - 2],
    ));
    slope
}

/// Three-point formula at an end, limited to keep the shape. `h0`, `secant0` belong to the piece at the end.
fn end_slope(h0: f64, h1: f64, secant0: f64, secant1: f64) -> f64 {
    let slope = ((2.0 * h0 + h1) * secant0 - h0 * secant1) / (h0 + h1);
    if slope * secant0 <= 0.0 {
        0.0
    } else if secant0 * secant1 <= 0.0 && slope.abs() > 3.0 * secant0.abs() {
        3.0 * secant0
    } else {
        slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(curve: &Pchip, x: f64) -> f64 {
        let piece = curve.x.windows(2).position(|pair| x <= pair[1]).unwrap();
        let t = (x - curve.x[piece]) / (curve.x[piece + 1] - curve.x[piece]);
        curve
            .coefficients(piece)
            .iter()
            .rev()
            .fold(0.0, |sum, coefficient| sum * t + coefficient)
    }

    fn close(value: f64, expected: f64) {
        assert!(
            (value - expected).abs() < 1e-12,
            "{value} is not {expected}"
        );
    }

    /// Values of `tests/reference/bd_rate.py`.
    #[test]
    fn equals_scipy() {
        let curve = Pchip::new(
            vec![0.0, 1.0, 1.5, 4.0, 4.25, 9.0],
            vec![0.0, 0.0, 5.0, 5.5, 9.0, 8.0],
        );
        let slopes = [
            0.0,
            0.0,
            0.498_614_958_448_753_5,
            0.536_585_365_853_658_6,
            0.0,
            -0.631_578_947_368_421,
        ];
        for (&slope, expected) in curve.slope.iter().zip(slopes) {
            close(slope, expected);
        }
        let values = [
            (0.3, 0.0),
            (1.2, 1.736_066_481_994_459_1),
            (3.0, 5.250_496_858_320_385),
            (4.1, 6.751_317_073_170_725),
            (8.0, 8.507_945_764_688_73),
        ];
        for (x, expected) in values {
            close(value(&curve, x), expected);
        }
        close(curve.integral(0.5, 6.5), 36.350_346_060_365_766);
    }

    #[test]
    fn two_points_are_a_line() {
        let curve = Pchip::new(vec![1.0, 3.0], vec![2.0, 6.0]);
        close(value(&curve, 1.5), 3.0);
        close(curve.integral(1.0, 3.0), 8.0);
        close(curve.integral(2.0, 2.0), 0.0);
    }
}
