//! Monotone piecewise cubic interpolation (PCHIP; Fritsch and Butland 1984), with exact integrals.
//!
//! Slopes and end rules are those of SciPy's `PchipInterpolator`, which the field computes BD-rates with.

/// A smooth curve through points that overshoots nowhere: between two points it stays between their values.
#[derive(Clone, Debug, PartialEq)]
pub struct Pchip {
    x: Vec<f64>,
    y: Vec<f64>,
    /// Derivative at each point.
    slope: Vec<f64>,
}

/// Why points cannot be interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PchipError {
    /// The lists differ in length, or hold fewer than two values.
    #[error(
        "interpolation needs two lists of one length, at least 2; these have {x} and {y} values"
    )]
    Lengths {
        /// Length of the list of x.
        x: usize,
        /// Length of the list of y.
        y: usize,
    },
    /// `x` is not finite and strictly increasing at this index, or `y` is not finite.
    #[error("point {0} is not finite, or its x is not above that of the point before")]
    NotIncreasing(usize),
}

impl Pchip {
    /// The curve through the points `(x[i], y[i])`.
    ///
    /// # Errors
    /// The lists differ in length or hold fewer than two values, a value is not finite, or `x` is not strictly
    /// increasing.
    pub fn new(x: Vec<f64>, y: Vec<f64>) -> Result<Self, PchipError> {
        if x.len() != y.len() || x.len() < 2 {
            return Err(PchipError::Lengths {
                x: x.len(),
                y: y.len(),
            });
        }
        let wrong = |&index: &usize| {
            let finite = x[index].is_finite() && y[index].is_finite();
            !finite || (index > 0 && x[index - 1] >= x[index])
        };
        if let Some(index) = (0..x.len()).find(wrong) {
            return Err(PchipError::NotIncreasing(index));
        }
        let slope = slopes(&x, &y);
        Ok(Self { x, y, slope })
    }

    /// First and last x.
    pub fn range(&self) -> (f64, f64) {
        (self.x[0], self.x[self.x.len() - 1])
    }

    /// Derivatives at the points.
    pub fn slopes(&self) -> &[f64] {
        &self.slope
    }

    /// The value at `x`; outside the [`range`](Self::range), the value at the nearer end.
    pub fn value(&self, x: f64) -> f64 {
        let (first, last) = self.range();
        let x = x.clamp(first, last);
        // The last piece that begins at or before x.
        let piece = self.x[1..self.x.len() - 1].partition_point(|&start| start <= x);
        let t = (x - self.x[piece]) / (self.x[piece + 1] - self.x[piece]);
        let [constant, linear, square, cube] = self.coefficients(piece);
        constant + t * (linear + t * (square + t * cube))
    }

    /// Integral from `low` to `high`, where `low <= high`. What lies outside the [`range`](Self::range) counts
    /// nothing.
    pub fn integral(&self, low: f64, high: f64) -> f64 {
        (0..self.x.len() - 1)
            .map(|piece| {
                let (left, right) = (self.x[piece], self.x[piece + 1]);
                let (from, to) = (low.clamp(left, right), high.clamp(left, right));
                self.antiderivative(piece, to) - self.antiderivative(piece, from)
            })
            .sum()
    }

    /// Mean from `low` to `high`, where `low < high` and both are within the [`range`](Self::range).
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
        )
        .unwrap();
        let slopes = [
            0.0,
            0.0,
            0.498_614_958_448_753_5,
            0.536_585_365_853_658_6,
            0.0,
            -0.631_578_947_368_421,
        ];
        for (&slope, expected) in curve.slopes().iter().zip(slopes) {
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
            close(curve.value(x), expected);
        }
        close(curve.integral(0.5, 6.5), 36.350_346_060_365_766);
    }

    #[test]
    fn two_points_are_a_line() {
        let curve = Pchip::new(vec![1.0, 3.0], vec![2.0, 6.0]).unwrap();
        close(curve.value(1.5), 3.0);
        close(curve.integral(1.0, 3.0), 8.0);
        close(curve.integral(2.0, 2.0), 0.0);
    }

    #[test]
    fn values_at_and_beyond_points() {
        let curve = Pchip::new(vec![1.0, 2.0, 4.0], vec![5.0, 7.0, 6.0]).unwrap();
        for (x, expected) in [(0.0, 5.0), (1.0, 5.0), (2.0, 7.0), (4.0, 6.0), (9.0, 6.0)] {
            close(curve.value(x), expected);
        }
    }

    #[test]
    fn points_that_are_no_function_are_refused() {
        let lengths = |x, y| Err(PchipError::Lengths { x, y });
        assert_eq!(Pchip::new(vec![1.0], vec![1.0]), lengths(1, 1));
        assert_eq!(Pchip::new(vec![1.0, 2.0], vec![1.0; 3]), lengths(2, 3));
        for (x, y) in [
            ([1.0, 1.0], [0.0, 1.0]),
            ([2.0, 1.0], [0.0, 1.0]),
            ([1.0, f64::INFINITY], [0.0, 1.0]),
            ([1.0, 2.0], [0.0, f64::NAN]),
        ] {
            assert_eq!(
                Pchip::new(x.to_vec(), y.to_vec()),
                Err(PchipError::NotIncreasing(1))
            );
        }
    }
}
