//! Bjøntegaard deltas of pairs of curves.

use super::results::{CodecResults, Comparison, Metric, Origin, Outcome, Point};
use crate::measure::bd_rate::{Delta, NoDelta, bd_quality, bd_rate};
use crate::measure::curve::{self, Curve, CurveError};

/// Every kiln against every other codec, and, if it is there, every codec against `against`.
pub fn compare(codecs: &[CodecResults], against: Option<&str>) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for codec in codecs {
        for anchor in codecs {
            let asked = codec.origin == Origin::Kiln || against == Some(anchor.name.as_str());
            if codec.name != anchor.name && asked {
                comparisons.extend(pair(codec, anchor));
            }
        }
    }
    comparisons
}

/// One comparison for every metric that both have; if there is none, one that says so.
fn pair(codec: &CodecResults, anchor: &CodecResults) -> Vec<Comparison> {
    let has = |codec: &CodecResults, metric: Metric| {
        let mut points = codec.points.iter();
        points.any(|point| metric.of(&point.quality).is_some())
    };
    let comparison = |metric, rate, quality| Comparison {
        codec: codec.name.clone(),
        anchor: anchor.name.clone(),
        metric,
        rate,
        quality,
    };
    let shared: Vec<Comparison> = Metric::ALL
        .into_iter()
        .filter(|&metric| has(codec, metric) && has(anchor, metric))
        .map(|metric| {
            let (rate, quality) = deltas(codec, anchor, metric);
            comparison(metric, rate, quality)
        })
        .collect();
    if shared.is_empty() {
        let none = none("they share no measure");
        vec![comparison(Metric::Psnr, none.clone(), none)]
    } else {
        shared
    }
}

/// BD-rate and BD-quality over a metric.
fn deltas(codec: &CodecResults, anchor: &CodecResults, metric: Metric) -> (Outcome, Outcome) {
    let curves = curve(&codec.points, metric).and_then(|own| {
        let other = curve(&anchor.points, metric)?;
        Ok((own, other))
    });
    match curves {
        Ok((own, other)) => (
            outcome(bd_rate(&own, &other)),
            outcome(bd_quality(&own, &other)),
        ),
        Err(error) => {
            let none = none(error);
            (none.clone(), none)
        }
    }
}

/// The curve of those points that have the metric.
fn curve(points: &[Point], metric: Metric) -> Result<Curve, CurveError> {
    let points = points.iter().filter_map(|point| {
        metric.of(&point.quality).map(|quality| curve::Point {
            bpp: point.bpp,
            quality,
        })
    });
    Curve::new(points.collect())
}

fn outcome(delta: Result<Delta, NoDelta>) -> Outcome {
    match delta {
        Ok(Delta {
            value,
            overlap: (low, high),
        }) => Outcome::Delta { value, low, high },
        Err(error) => none(error),
    }
}

fn none(reason: impl ToString) -> Outcome {
    Outcome::None {
        reason: reason.to_string(),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::anchors;
    use crate::bench::anchors::tests::{MEASURED, PUBLISHED, kodak, over_kodak};
    use crate::bench::means::tests::row;
    use crate::bench::save::tests::codec;
    use serde::Deserialize;

    fn value(outcome: &Outcome) -> f64 {
        match outcome {
            Outcome::Delta { value, .. } => *value,
            Outcome::None { reason } => panic!("{reason}"),
        }
    }

    /// Values of `tests/reference/bd_rate.py`: codec, anchor among the published, metric, per cent, overlap.
    #[test]
    fn bd_rates_equal_scipy() {
        use Metric::{Msssim, Psnr};
        let (webp, jpeg, avif) = ("webp_m6", "jpeg_libjpegturbo_420", "avif_aom3.6_444_10b_s3");
        let cases = [
            (webp, false, Psnr, 84.751_740_693, 28.536_200, 37.609_633),
            (webp, true, Psnr, 80.191_899_309, 26.980_848, 40.762_775),
            (jpeg, false, Psnr, 184.002_309_457, 28.536_200, 36.461_543),
            (jpeg, true, Psnr, 205.785_225_595, 26.144_845, 36.461_543),
            (avif, false, Psnr, 21.370_981_955, 28.536_200, 37.609_633),
            (avif, true, Psnr, 18.662_885_678, 27.439_285, 39.542_510),
            (webp, false, Msssim, 62.668_100_431, 10.901_659, 19.736_302),
            (jpeg, true, Msssim, 125.151_606_212, 8.557_627, 20.477_809),
            (avif, true, Msssim, 14.329_926_286, 9.974_522, 21.507_803),
        ];
        for (codec, against_published, metric, percent, low, high) in cases {
            let vtm = if against_published {
                over_kodak(PUBLISHED, "vtm")
            } else {
                over_kodak(MEASURED, "vtm_444_10b")
            };
            let (rate, _) = deltas(&over_kodak(MEASURED, codec), &vtm, metric);
            match rate {
                Outcome::Delta {
                    value,
                    low: have_low,
                    high: have_high,
                } => {
                    assert!(
                        (value - percent).abs() < 1e-6,
                        "{codec}: {value} is not {percent}"
                    );
                    assert!(
                        (have_low - low).abs() < 1e-6 && (have_high - high).abs() < 1e-6,
                        "{codec}: {have_low} to {have_high}"
                    );
                }
                Outcome::None { reason } => panic!("{codec}: {reason}"),
            }
        }
    }

    /// A pair of published curves, as `tests/reference/bd_published.py` writes it.
    #[derive(Deserialize)]
    struct Published {
        codec: String,
        anchor: String,
        quoted: f64,
        rate: f64,
        psnr: f64,
    }

    #[test]
    fn published_curves_compare_as_the_field_quotes_them() {
        let cases: Vec<Published> =
            serde_json::from_str(include_str!("../../tests/reference/bd_published.json")).unwrap();
        let codecs: Vec<CodecResults> = anchors::parse(PUBLISHED)
            .unwrap()
            .iter()
            .filter_map(|anchor| anchor.over(&kodak()))
            .collect();
        for anchor in ["vtm", "jpeg"] {
            let all = compare(&codecs, Some(anchor));
            for case in cases.iter().filter(|case| case.anchor == anchor) {
                let found = all
                    .iter()
                    .find(|c| c.codec == case.codec && c.metric == Metric::Psnr)
                    .unwrap();
                let (rate, psnr) = (value(&found.rate), value(&found.quality));
                let name = &case.codec;
                assert!(
                    (rate - case.quoted).abs() < 0.5,
                    "{name}: {rate} and {}",
                    case.quoted
                );
                assert!(
                    (rate - case.rate).abs() < 1e-6,
                    "{name}: {rate} is not {}",
                    case.rate
                );
                assert!(
                    (psnr - case.psnr).abs() < 1e-6,
                    "{name}: {psnr} is not {}",
                    case.psnr
                );
            }
        }
        assert!(cases.len() > 30);
    }

    #[test]
    fn half_the_rate_is_minus_fifty_per_cent() {
        let curve = |name, origin, factor: f64| {
            codec(
                name,
                origin,
                [(1.0, 30.0), (2.0, 35.0), (4.0, 40.0)]
                    .map(|(bpp, psnr)| row("a", bpp, factor * bpp, psnr, None))
                    .to_vec(),
            )
        };
        let codecs = [
            curve("kiln", Origin::Kiln, 0.5),
            curve("old", Origin::File, 1.0),
            curve("x", Origin::Live, 2.0),
        ];
        let result = compare(&codecs, None);
        let pairs: Vec<_> = result
            .iter()
            .filter(|c| c.metric == Metric::Psnr)
            .map(|c| (c.codec.as_str(), c.anchor.as_str()))
            .collect();
        assert_eq!(pairs, [("kiln", "old"), ("kiln", "x")]);
        assert!((value(&result[0].rate) + 50.0).abs() < 1e-9);
        assert!(value(&result[0].quality) > 4.0);
        let result = compare(&codecs, Some("old"));
        let x = result.iter().find(|c| c.codec == "x").unwrap();
        assert_eq!(x.anchor, "old");
        assert!((value(&x.rate) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let far = codec(
            "far",
            Origin::Live,
            vec![
                row("a", 1.0, 1.0, 60.0, None),
                row("a", 2.0, 2.0, 70.0, None),
            ],
        );
        let kiln = codec(
            "kiln",
            Origin::Kiln,
            vec![
                row("a", 1.0, 1.0, 30.0, None),
                row("a", 2.0, 2.0, 40.0, None),
            ],
        );
        let single = codec("single", Origin::Live, vec![row("a", 1.0, 1.0, 30.0, None)]);
        let mut silent = single.clone();
        silent.name = "silent".into();
        silent.points[0].quality = Default::default();
        for (other, reason) in [
            (far, "in common"),
            (single, "at least 2 points"),
            (silent, "share no measure"),
        ] {
            let result = compare(&[kiln.clone(), other], None);
            assert!(
                matches!(&result[0].rate, Outcome::None { reason: r } if r.contains(reason)),
                "{:?}",
                result[0].rate
            );
        }
    }
}
