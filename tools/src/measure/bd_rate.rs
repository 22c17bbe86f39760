//! Bjøntegaard deltas of two curves: how many per cent more bytes one needs at equal quality, and how much better it is at
//! equal rate.
//!
//! PCHIP through log(bpp) over quality, or through quality over log(bpp), averaged over the range that both curves cover.
//! The curves are means over pictures; the mean of per-picture values is another number.

use super::curve::{Curve, Point};
use super::pchip::Pchip;

/// A comparison of two curves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delta {
    /// The difference.
    pub value: f64,
    /// The range compared: of quality for a rate, of bits per pixel for a quality.
    pub overlap: (f64, f64),
}

/// Why two curves have no delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDelta {
    /// The ranges do not meet.
    #[error("the curves have no {0} in common")]
    Apart(&'static str),
    /// Quality is no function of rate.
    #[error("two points of a curve share one rate")]
    Repeated,
}

/// Rate of `curve` relative to `anchor` at equal quality, in per cent; negative: fewer bytes.
///
/// # Errors
/// No quality is covered by both.
pub fn bd_rate(curve: &Curve, anchor: &Curve) -> Result<Delta, NoDelta> {
    let overlap = common(curve.range(), anchor.range()).ok_or(NoDelta::Apart("quality"))?;
    let mean = |curve: &Curve| {
        let (quality, log_rate) = columns(curve.points(), |point| (point.quality, point.bpp.ln()));
        Pchip::new(quality, log_rate).mean(overlap)
    };
    Ok(Delta {
        value: 100.0 * (mean(curve) - mean(anchor)).exp_m1(),
        overlap,
    })
}

/// Quality of `curve` minus that of `anchor` at equal rate: BD-PSNR where quality is PSNR. Positive: better.
///
/// # Errors
/// No rate is covered by both, or a curve has two qualities at one rate.
pub fn bd_quality(curve: &Curve, anchor: &Curve) -> Result<Delta, NoDelta> {
    let (curve, anchor) = (by_rate(curve)?, by_rate(anchor)?);
    let range = |points: &[Point]| (points[0].bpp.ln(), points[points.len() - 1].bpp.ln());
    let overlap = common(range(&curve), range(&anchor)).ok_or(NoDelta::Apart("rate"))?;
    let mean = |points: &[Point]| {
        let (log_rate, quality) = columns(points, |point| (point.bpp.ln(), point.quality));
        Pchip::new(log_rate, quality).mean(overlap)
    };
    Ok(Delta {
        value: mean(&curve) - mean(&anchor),
        overlap: (overlap.0.exp(), overlap.1.exp()),
    })
}

/// The range that both cover.
fn common(a: (f64, f64), b: (f64, f64)) -> Option<(f64, f64)> {
    let (low, high) = (a.0.max(b.0), a.1.min(b.1));
    (low < high).then_some((low, high))
}

/// Two lists of what `of` takes from each point.
fn columns(points: &[Point], of: impl Fn(&Point) -> (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    points.iter().map(of).unzip()
}

/// The points sorted by strictly increasing rate.
fn by_rate(curve: &Curve) -> Result<Vec<Point>, NoDelta> {
    let mut points = curve.points().to_vec();
    points.sort_by(|a, b| a.bpp.total_cmp(&b.bpp));
    if points.windows(2).any(|pair| pair[0].bpp == pair[1].bpp) {
        return Err(NoDelta::Repeated);
    }
    Ok(points)
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
        let folded = curve(&[(0.1, 20.0), (0.1, 25.0)]);
        assert_eq!(bd_quality(&folded, &low), Err(NoDelta::Repeated));
    }
}
