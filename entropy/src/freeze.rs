//! Floats to frozen integer rows. Done once, when a model is exported; coding never calls it.

mod normal;

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::rans::PRECISION;
use crate::{MEAN_BITS, TableError};

/// What the frequencies of a row add up to.
const TOTAL: usize = 1 << PRECISION;

/// Frequencies of a row for the given probabilities: each at least 1, sum 65536, as little extra
/// rate as integers allow (they minimise the Kullback-Leibler divergence from `probabilities`).
///
/// Probabilities need not add up to 1; the last one is the escape's. The same input gives the same
/// row on every machine: the computation uses only operations that IEEE 754 defines exactly.
///
/// # Errors
/// [`TableError::BinCount`] for fewer than 2 or more than 65536 bins, [`TableError::Probability`]
/// for a negative, infinite or undefined one, [`TableError::Mass`] if their sum is 0 or infinite.
/// The row they name is 0.
pub fn row(probabilities: &[f64]) -> Result<Vec<u16>, TableError> {
    let bins = probabilities.len();
    if !(2..=TOTAL).contains(&bins) {
        return Err(TableError::BinCount { row: 0, bins });
    }
    if let Some(bin) = probabilities
        .iter()
        .position(|p| !(p.is_finite() && *p >= 0.0))
    {
        return Err(TableError::Probability {
            bin,
            value: probabilities[bin],
        });
    }
    let mass: f64 = probabilities.iter().sum();
    if !(mass.is_finite() && mass > 0.0) {
        return Err(TableError::Mass(mass));
    }

    // The divergence is a sum of one convex function per bin, so raising the bin that gains most,
    // one unit at a time, ends at its minimum from any start that is nowhere above it. This start
    // is not: at the minimum, each gain of the last unit is at least some m, hence freq >= floor(p
    // / m), and sum(p / m + 1) >= 65536, hence 1 / m >= 65536 - bins.
    let free = (TOTAL - bins) as f64;
    let mut freqs: Vec<u16> = Vec::with_capacity(bins);
    let mut raises = BinaryHeap::with_capacity(bins);
    for (bin, p) in probabilities.iter().enumerate() {
        let share = p / mass;
        let freq = ((share * free) as u16).max(1);
        freqs.push(freq);
        raises.push(Raise {
            gain: share * ln_step(freq),
            share,
            bin,
        });
    }
    let sum: usize = freqs.iter().copied().map(usize::from).sum();
    for _ in sum..TOTAL {
        // Rows of two bins and more have room in every bin: the others hold at least 1.
        let Some(Raise { share, bin, .. }) = raises.pop() else {
            break;
        };
        freqs[bin] += 1;
        raises.push(Raise {
            gain: share * ln_step(freqs[bin]),
            share,
            bin,
        });
    }
    Ok(freqs)
}

/// Probabilities of the integers `-half_width ..= half_width` under a zero-centred normal
/// distribution with standard deviation `sigma`, rounded to integers, and last the probability of
/// everything outside: the escape's.
///
/// Input for [`row`] with `first = -half_width`. For a `sigma` that is not a number above 0, the
/// result is one that `row` refuses.
pub fn gaussian(sigma: f64, half_width: u32) -> Vec<f64> {
    let above = |x: f64| {
        if sigma > 0.0 {
            normal::tail(x / sigma)
        } else {
            f64::NAN
        }
    };
    let half_width = i64::from(half_width);
    let mut bins: Vec<f64> = (-half_width..=half_width)
        .map(|n| {
            // The difference of two tails on the same side keeps its digits far out.
            let n = n.abs() as f64;
            if n == 0.0 {
                1.0 - 2.0 * above(0.5)
            } else {
                above(n - 0.5) - above(n + 0.5)
            }
        })
        .collect();
    bins.push(2.0 * above(half_width as f64 + 0.5));
    bins
}

/// The steps of a [`CurveSpec`](crate::CurveSpec) for the values of a distribution function at its knots, which are
/// rounded to multiples of 1/65536.
///
/// Values need not begin at 0 and end at 1: what lies outside of the knots is left out.
///
/// # Errors
/// [`TableError::BinCount`] for fewer than 3 or more than 65537 values, [`TableError::Probability`] for a step that
/// is negative, infinite or undefined, [`TableError::Mass`] if all values are equal. The row they name is 0.
pub fn curve(values: &[f64]) -> Result<Vec<u16>, TableError> {
    let bins = values.len().saturating_sub(1);
    let (2..=TOTAL, [first, .., last]) = (bins, values) else {
        return Err(TableError::BinCount { row: 0, bins });
    };
    for (bin, pair) in values.windows(2).enumerate() {
        let value = pair[1] - pair[0];
        if !(value.is_finite() && value >= 0.0) {
            return Err(TableError::Probability { bin, value });
        }
    }
    let mass = last - first;
    if !(mass.is_finite() && mass > 0.0) {
        return Err(TableError::Mass(mass));
    }
    let mut steps = Vec::with_capacity(bins);
    let mut left = 0;
    for (bin, value) in values[1..].iter().enumerate() {
        let mut right = ((value - first) / mass * TOTAL as f64).round() as usize;
        // A step holds at most 65535: where one would hold everything, the other ends take a unit.
        if bin == 0 {
            right = right.min(TOTAL - 1);
        } else if right - left == TOTAL {
            steps[bin - 1] = 1;
            left = 1;
        }
        steps.push((right - left) as u16);
        left = right;
    }
    Ok(steps)
}

/// The distribution function of a zero-centred normal distribution with standard deviation `sigma`, at knots that are
/// `2^shift / 64` apart, from `-half_width` to `half_width`.
///
/// Input for [`curve`] with `first = -64 * half_width`. Knots at most `sigma / 16` apart, or 1/64, make the straight
/// lines between them cost nothing that matters. For a `sigma` that is not a number above 0, or a `shift` above 6
/// (knots further apart than symbols), the result is one that `curve` refuses.
pub fn gaussian_curve(sigma: f64, half_width: u32, shift: u8) -> Vec<f64> {
    if u32::from(shift) > MEAN_BITS {
        return Vec::new();
    }
    let below = |position: i64| {
        let x = position as f64 / f64::from(1 << MEAN_BITS) / sigma;
        if x < 0.0 {
            normal::tail(-x)
        } else {
            1.0 - normal::tail(x)
        }
    };
    let half_width = i64::from(half_width) << MEAN_BITS;
    (-half_width..=half_width)
        .step_by(1 << shift)
        .map(|position| {
            if sigma > 0.0 {
                below(position)
            } else {
                f64::NAN
            }
        })
        .collect()
}

/// One more unit for a bin, and what it gains. The largest gain comes first, then the lowest bin.
struct Raise {
    gain: f64,
    share: f64,
    bin: usize,
}

impl Ord for Raise {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain
            .total_cmp(&other.gain)
            .then(other.bin.cmp(&self.bin))
    }
}

impl PartialOrd for Raise {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Raise {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Raise {}

/// `ln((freq + 1) / freq)`, the same on every machine, which the standard library's logarithm is
/// not.
fn ln_step(freq: u16) -> f64 {
    // 2 artanh(x) with x <= 1/3: 17 terms reach the last bit.
    let x = 1.0 / (2.0 * f64::from(freq) + 1.0);
    let square = x * x;
    let mut sum = 0.0;
    for k in (0..17).rev() {
        sum = sum * square + 1.0 / f64::from(2 * k + 1);
    }
    2.0 * x * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_matches_the_logarithm() {
        for freq in [1, 2, 3, 10, 1000, 65_535] {
            let expected = (1.0 / f64::from(freq)).ln_1p();
            assert!((ln_step(freq) / expected - 1.0).abs() < 1e-15, "{freq}");
        }
    }

    #[test]
    fn rows_add_up_and_follow_the_probabilities() {
        assert_eq!(row(&[1.0, 1.0]).unwrap(), [32_768, 32_768]);
        assert_eq!(row(&[3.0, 0.0, 1.0]).unwrap(), [49_151, 1, 16_384]);
        assert_eq!(row(&[0.0, 1e-300]).unwrap(), [1, 65_535]);
        assert_eq!(row(&vec![0.5; 65_536]).unwrap(), vec![1; 65_536]);
        // One third each: the unit that is left over goes to the lowest bin.
        assert_eq!(row(&[1.0; 3]).unwrap(), [21_846, 21_845, 21_845]);
    }

    #[test]
    fn no_move_of_a_unit_improves_a_row() {
        for (sigma, half_width) in [(0.11, 1), (0.5, 3), (3.0, 20), (20.0, 30), (64.0, 320)] {
            let probabilities = gaussian(sigma, half_width);
            let freqs = row(&probabilities).unwrap();
            assert_eq!(freqs.iter().map(|&f| u32::from(f)).sum::<u32>(), 65_536);
            let gain = |(p, &f): (&f64, &u16)| p * (1.0 / f64::from(f)).ln_1p();
            let loss = |(p, &f): (&f64, &u16)| p * (1.0 / f64::from(f - 1)).ln_1p();
            let pairs = || probabilities.iter().zip(&freqs);
            let most_gained = pairs().map(gain).fold(0.0, f64::max);
            let least_lost = pairs()
                .filter(|(_, f)| **f > 1)
                .map(loss)
                .fold(1.0, f64::min);
            assert!(most_gained <= least_lost * (1.0 + 1e-12), "{sigma}");
        }
    }

    #[test]
    fn integers_cost_little() {
        for sigma in [0.11, 1.0, 8.0, 64.0] {
            let probabilities = gaussian(sigma, (4.0 * sigma) as u32 + 1);
            let freqs = row(&probabilities).unwrap();
            let bits = |p: f64, f: u16| p * (p * TOTAL as f64 / f64::from(f)).log2();
            let extra: f64 = probabilities
                .iter()
                .zip(&freqs)
                .map(|(&p, &f)| bits(p, f))
                .sum();
            assert!((0.0..1e-3).contains(&extra), "{sigma}: {extra}");
        }
    }

    #[test]
    fn each_error() {
        assert_eq!(row(&[1.0]), Err(TableError::BinCount { row: 0, bins: 1 }));
        assert_eq!(
            row(&vec![1.0; 65_537]),
            Err(TableError::BinCount {
                row: 0,
                bins: 65_537
            })
        );
        assert_eq!(
            row(&[1.0, -0.1]),
            Err(TableError::Probability {
                bin: 1,
                value: -0.1
            })
        );
        assert_eq!(row(&[0.0, 0.0]), Err(TableError::Mass(0.0)));
        assert_eq!(
            row(&[f64::MAX, f64::MAX]),
            Err(TableError::Mass(f64::INFINITY))
        );
        for sigma in [0.0, -1.0, f64::NAN] {
            assert!(matches!(
                row(&gaussian(sigma, 3)),
                Err(TableError::Probability { bin: 0, .. })
            ));
        }
    }

    #[test]
    fn gaussian_bins_are_symmetric_and_complete() {
        for (sigma, half_width) in [(0.11, 1), (1.0, 6), (64.0, 300), (1e4, 2)] {
            let bins = gaussian(sigma, half_width);
            let (escape, literals) = bins.split_last().unwrap();
            assert_eq!(literals.len(), 2 * half_width as usize + 1);
            assert!(literals.iter().eq(literals.iter().rev()));
            assert!((literals.iter().sum::<f64>() + escape - 1.0).abs() < 1e-14);
        }
        // Phi(0.5) - Phi(-0.5), and 1 - Phi(1.5) on both sides.
        let bins = gaussian(1.0, 1);
        assert!((bins[1] - 0.382_924_922_548_025_9).abs() < 1e-15);
        assert!((bins[3] - 0.133_614_402_537_716_1).abs() < 1e-15);
    }

    #[test]
    fn curves_follow_their_values() {
        assert_eq!(curve(&[0.0, 0.25, 0.25, 1.0]).unwrap(), [16_384, 0, 49_152]);
        // What lies outside is left out.
        assert_eq!(curve(&[0.5, 0.75, 1.0]).unwrap(), [32_768, 32_768]);
        // No step can hold everything.
        assert_eq!(curve(&[0.0, 1.0, 1.0]).unwrap(), [65_535, 1]);
        assert_eq!(curve(&[0.0, 0.0, 1.0]).unwrap(), [1, 65_535]);
        for (sigma, half_width, shift) in [(0.11, 1, 0), (4.0, 20, 4), (64.0, 320, 6)] {
            let values = gaussian_curve(sigma, half_width, shift);
            let steps = curve(&values).unwrap();
            assert_eq!(steps.len(), (128 * half_width as usize) >> shift);
            let mut sum = 0;
            let scale = TOTAL as f64 / (values[steps.len()] - values[0]);
            for (step, value) in steps.iter().zip(&values[1..]) {
                sum += u32::from(*step);
                let exact = (value - values[0]) * scale;
                assert!((f64::from(sum) - exact).abs() <= 0.5 + 1e-6);
            }
            assert_eq!(sum, 65_536);
        }
    }

    #[test]
    fn each_error_of_curves() {
        for bins in [0, 1, 65_537] {
            let values: Vec<f64> = (0..=bins).map(|v| v as f64).collect();
            assert_eq!(curve(&values), Err(TableError::BinCount { row: 0, bins }));
        }
        assert_eq!(curve(&[]), Err(TableError::BinCount { row: 0, bins: 0 }));
        let (bin, value) = (1, -0.5);
        assert_eq!(
            curve(&[0.0, 0.5, 0.0]),
            Err(TableError::Probability { bin, value })
        );
        assert_eq!(curve(&[0.5; 3]), Err(TableError::Mass(0.0)));
        for sigma in [0.0, -1.0, f64::NAN] {
            let error = curve(&gaussian_curve(sigma, 3, 0));
            assert!(matches!(error, Err(TableError::Probability { bin: 0, .. })));
        }
        assert!(curve(&gaussian_curve(1.0, 3, 7)).is_err());
    }
}
