//! Bjøntegaard delta rate: how many per cent more bytes one curve needs than another at equal quality.
//!
//! log(bpp) is interpolated over quality with PCHIP and averaged over the range of quality that both curves cover.
//! The curves are means over pictures; the mean of per-picture values is another number.

use super::curve::Curve;
use super::pchip::Pchip;

/// A comparison of two curves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BdRate {
    /// Rate of the first curve relative to the second, in per cent; negative: fewer bytes.
    pub percent: f64,
    /// The range of quality compared, in decibels.
    pub overlap: (f64, f64),
}

/// BD-rate of `curve` against `anchor`, or `None` when no quality is covered by both.
pub fn bd_rate(curve: &Curve, anchor: &Curve) -> Option<BdRate> {
    let (range, anchor_range) = (curve.range(), anchor.range());
    let (low, high) = (range.0.max(anchor_range.0), range.1.min(anchor_range.1));
    if low >= high {
        return None;
    }
    let difference = log_rate(curve).integral(low, high) - log_rate(anchor).integral(low, high);
    Some(BdRate {
        percent: 100.0 * ((difference / (high - low)).exp() - 1.0),
        overlap: (low, high),
    })
}

/// log(bpp) over quality.
fn log_rate(curve: &Curve) -> Pchip {
    let points = curve.points();
    Pchip::new(
        points.iter().map(|point| point.quality).collect(),
        points.iter().map(|point| point.bpp.ln()).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::curve::Point;

    fn curve(points: &[(f64, f64)]) -> Curve {
        Curve::new(
            points
                .iter()
                .map(|&(bpp, quality)| Point { bpp, quality })
                .collect(),
        )
        .unwrap()
    }

    #[test]
    fn a_scaled_rate_is_that_per_cent() {
        let anchor = [(0.1, 27.0), (0.3, 30.5), (0.8, 34.0), (1.9, 39.0)];
        let scaled = anchor.map(|(bpp, quality)| (bpp * 1.25, quality));
        let result = bd_rate(&curve(&scaled), &curve(&anchor)).unwrap();
        assert!((result.percent - 25.0).abs() < 1e-10, "{}", result.percent);
        assert_eq!(result.overlap, (27.0, 39.0));
        let inverse = bd_rate(&curve(&anchor), &curve(&scaled)).unwrap();
        assert!(
            (inverse.percent + 20.0).abs() < 1e-10,
            "{}",
            inverse.percent
        );
    }

    #[test]
    fn curves_apart_do_not_compare() {
        let (low, high) = (
            curve(&[(0.1, 20.0), (0.2, 25.0)]),
            curve(&[(1.0, 25.0), (2.0, 30.0)]),
        );
        assert_eq!(bd_rate(&low, &high), None);
    }
}
