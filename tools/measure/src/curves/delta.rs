//! Bjøntegaard deltas of two curves.

use super::curve::{Curve, Point};
use super::pchip::Pchip;

/// The mean difference of two curves over the range that both cover.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delta {
    /// The difference: per cent for a rate, units of the metric for a quality.
    pub value: f64,
    /// Both ends of the range compared: of quality for a rate, of bits per pixel for a quality.
    pub overlap: (f64, f64),
}

/// Why two curves have no delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoDelta {
    /// The ranges of the curves do not meet.
    #[error("the curves have no {0} in common")]
    Apart(&'static str),
    /// Two points of a curve share one rate, so quality is not a function of rate.
    #[error("two points of a curve share one rate")]
    Repeated,
}

/// BD-rate: the rate of `curve` relative to that of `anchor` at equal quality, in per cent. Negative: `curve` needs
/// fewer bytes.
///
/// Bjøntegaard ("Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001) takes the mean
/// difference of log(rate) over the range of quality that both curves cover. Here the curves are [`Pchip`] through
/// log(bpp) over quality, as is usual today, in place of his cubic polynomials. Points are usually means over
/// pictures; the mean of the BD-rates of single pictures is another number.
///
/// # Errors
/// No quality is covered by both.
pub fn bd_rate(curve: &Curve, anchor: &Curve) -> Result<Delta, NoDelta> {
    let overlap = common(curve.range(), anchor.range()).ok_or(NoDelta::Apart("quality"))?;
    let mean = |curve: &Curve| {
        mean(curve.points(), overlap, |point| {
            (point.quality, point.bpp.ln())
        })
    };
    Ok(Delta {
        value: 100.0 * (mean(curve)? - mean(anchor)?).exp_m1(),
        overlap,
    })
}

/// BD-quality: the quality of `curve` minus that of `anchor` at equal rate, in units of the metric. Positive: `curve`
/// is better. Over PSNR this is BD-PSNR in decibels.
///
/// As [`bd_rate`], with [`Pchip`] through quality over log(bpp), on the range of log(bpp) that both curves cover.
///
/// # Errors
/// No rate is covered by both, or two points of a curve share one rate.
pub fn bd_quality(curve: &Curve, anchor: &Curve) -> Result<Delta, NoDelta> {
    let (curve, anchor) = (by_rate(curve), by_rate(anchor));
    let range = |points: &[Point]| (points[0].bpp.ln(), points[points.len() - 1].bpp.ln());
    let overlap = common(range(&curve), range(&anchor)).ok_or(NoDelta::Apart("rate"))?;
    let mean = |points: &[Point]| mean(points, overlap, |point| (point.bpp.ln(), point.quality));
    Ok(Delta {
        value: mean(&curve)? - mean(&anchor)?,
        overlap: (overlap.0.exp(), overlap.1.exp()),
    })
}

/// The range that both cover.
fn common(a: (f64, f64), b: (f64, f64)) -> Option<(f64, f64)> {
    let (low, high) = (a.0.max(b.0), a.1.min(b.1));
    (low < high).then_some((low, high))
}

/// Mean over a range of the curve through the pairs that `of` makes of the points.
fn mean(
    points: &[Point],
    range: (f64, f64),
    of: impl Fn(&Point) -> (f64, f64),
) -> Result<f64, NoDelta> {
    let (x, y) = points.iter().map(of).unzip();
    // A curve holds finite values and distinct qualities; rates alone may repeat.
    let curve = Pchip::new(x, y).map_err(|_| NoDelta::Repeated)?;
    Ok(curve.mean(range))
}

/// The points sorted by rate.
fn by_rate(curve: &Curve) -> Vec<Point> {
    let mut points = curve.points().to_vec();
    points.sort_by(|a, b| a.bpp.total_cmp(&b.bpp));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> Curve {
        Curve::new(
            points
                .iter()
                .map(|&(bpp, quality)| Point { bpp, quality })
                .collect(),
        )
        .unwrap()
    }

    const ANCHOR: [(f64, f64); 4] = [(0.1, 27.0), (0.3, 30.5), (0.8, 34.0), (1.9, 39.0)];

    #[test]
    fn a_scaled_rate_is_that_per_cent() {
        let anchor = curve(&ANCHOR);
        let scaled = curve(&ANCHOR.map(|(bpp, quality)| (bpp * 1.25, quality)));
        let result = bd_rate(&scaled, &anchor).unwrap();
        assert!((result.value - 25.0).abs() < 1e-10, "{}", result.value);
        assert_eq!(result.overlap, (27.0, 39.0));
        let inverse = bd_rate(&anchor, &scaled).unwrap();
        assert!((inverse.value + 20.0).abs() < 1e-10, "{}", inverse.value);
    }

    #[test]
    fn a_shifted_quality_is_that_many_decibels() {
        let (anchor, shifted) = (
            curve(&ANCHOR),
            curve(&ANCHOR.map(|(bpp, quality)| (bpp, quality + 0.7))),
        );
        let result = bd_quality(&shifted, &anchor).unwrap();
        assert!((result.value - 0.7).abs() < 1e-10, "{}", result.value);
        assert!((result.overlap.0 - 0.1).abs() < 1e-12 && (result.overlap.1 - 1.9).abs() < 1e-12);
    }

    #[test]
    fn curves_apart_do_not_compare() {
        let (low, high) = (
            curve(&[(0.1, 20.0), (0.2, 25.0)]),
            curve(&[(1.0, 25.0), (2.0, 30.0)]),
        );
        assert_eq!(bd_rate(&low, &high), Err(NoDelta::Apart("quality")));
        assert_eq!(bd_quality(&low, &high), Err(NoDelta::Apart("rate")));
    }

    #[test]
    fn a_rate_that_repeats_has_no_bd_quality() {
        let anchor = curve(&ANCHOR);
        let folded = curve(&[(0.2, 25.0), (0.4, 28.0), (0.4, 31.0), (0.9, 33.0)]);
        assert_eq!(bd_quality(&folded, &anchor), Err(NoDelta::Repeated));
        assert!(bd_rate(&folded, &anchor).is_ok());
    }
}
