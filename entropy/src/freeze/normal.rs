//! Tail of the normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// Probability that a standard normal variable exceeds `x >= 0`, to about 14 digits also far out.
pub(super) fn tail(x: f64) -> f64 {
    let density = (-x * x / 2.0).exp() / (SQRT_2 * PI.sqrt());
    if x < 3.0 {
        // 1/2 - density * (x + x^3/3 + x^5/(3*5) + ...): no cancellation within the sum, little
        // outside it.
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term > sum * f64::EPSILON {
            n += 2.0;
            term *= x * x / n;
            sum += term;
        }
        0.5 - density * sum
    } else {
        // density / (x + 1/(x + 2/(x + 3/...))), from the inside out; 100 levels settle it from 3
        // on.
        let fraction = (1..=100).rev().fold(x, |inner, k| x + f64::from(k) / inner);
        density / fraction
    }
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn matches_reference_values() {
        // From 60-digit arithmetic: erfc(x / sqrt(2)) / 2.
        for (x, expected) in REFERENCE {
            let relative = tail(x) / expected - 1.0;
            assert!(relative.abs() < 1e-12, "{x}: {relative:e}");
        }
    }

    #[test]
    fn is_smooth_where_the_method_changes() {
        let (left, right) = (tail(3.0 - 1e-9), tail(3.0));
        assert!(left > right && left - right < 1e-11);
    }

    const REFERENCE: [(f64, f64); 7] = [
        (0.001, 4.996_010_577_860_889_3e-1),
        (0.5, 3.085_375_387_259_869e-1),
        (1.5, 6.680_720_126_885_807e-2),
        (2.999, 1.354_336_533_727_106_2e-3),
        (3.0, 1.349_898_031_630_094_6e-3),
        (4.5, 3.397_673_124_730_060_3e-6),
        (8.0, 6.220_960_574_271_784e-16),
    ];
}
