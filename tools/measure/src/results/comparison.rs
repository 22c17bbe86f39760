//! Comparing curves with each other.

use serde::{Deserialize, Serialize};

use super::codec::{CodecResults, Origin};
use crate::curves::{Delta, NoDelta, bd_quality, bd_rate};
use crate::metrics::Metric;

/// One codec against another over one metric. Both are names in `codecs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The codec judged.
    pub codec: String,
    /// The codec it is compared with.
    pub anchor: String,
    /// Over what.
    pub metric: Metric,
    /// BD-rate in per cent; negative: fewer bytes at equal quality. The range is of quality.
    pub rate: Outcome,
    /// BD-quality in units of the metric (BD-PSNR in decibels); positive: better at equal rate. The range is of bits
    /// per pixel.
    pub quality: Outcome,
}

/// A Bjøntegaard delta, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// The curves overlap.
    Delta {
        /// The delta.
        value: f64,
        /// Start of the range that both curves cover.
        low: f64,
        /// End of that range.
        high: f64,
    },
    /// There is nothing to compare.
    None {
        /// Why.
        reason: String,
    },
}

impl From<Result<Delta, NoDelta>> for Outcome {
    fn from(delta: Result<Delta, NoDelta>) -> Self {
        match delta {
            Ok(Delta {
                value,
                overlap: (low, high),
            }) => Self::Delta { value, low, high },
            Err(error) => Self::none(error),
        }
    }
}

impl Outcome {
    fn none(reason: impl ToString) -> Self {
        Self::None {
            reason: reason.to_string(),
        }
    }
}

/// Compares every codec under test with every other codec, and, if `against` is the name of a curve, every codec with
/// that.
///
/// For each pair there is one comparison for every metric that both have, or one that says that they share none.
pub fn compare(codecs: &[CodecResults], against: Option<&str>) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for codec in codecs {
        for anchor in codecs {
            let asked = codec.origin == Origin::Own || against == Some(anchor.name.as_str());
            if codec.name != anchor.name && asked {
                comparisons.extend(pair(codec, anchor));
            }
        }
    }
    comparisons
}

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
        let none = Outcome::none("they share no measure");
        vec![comparison(Metric::Psnr, none.clone(), none)]
    } else {
        shared
    }
}

/// BD-rate and BD-quality over a metric.
fn deltas(codec: &CodecResults, anchor: &CodecResults, metric: Metric) -> (Outcome, Outcome) {
    let curves = codec
        .curve(metric)
        .and_then(|own| Ok((own, anchor.curve(metric)?)));
    match curves {
        Ok((own, other)) => (
            bd_rate(&own, &other).into(),
            bd_quality(&own, &other).into(),
        ),
        Err(error) => {
            let none = Outcome::none(error);
            (none.clone(), none)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures::{codec_of, row};

    fn value(outcome: &Outcome) -> f64 {
        match outcome {
            Outcome::Delta { value, .. } => *value,
            Outcome::None { reason } => panic!("{reason}"),
        }
    }

    #[test]
    fn half_the_rate_is_minus_fifty_per_cent() {
        let curve = |name, origin, factor: f64| {
            codec_of(
                name,
                origin,
                [(1.0, 30.0), (2.0, 35.0), (4.0, 40.0)]
                    .map(|(bpp, psnr)| row("a", bpp, factor * bpp, psnr, None))
                    .to_vec(),
            )
        };
        let codecs = [
            curve("kiln", Origin::Own, 0.5),
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
        let far = codec_of(
            "far",
            Origin::Live,
            vec![
                row("a", 1.0, 1.0, 60.0, None),
                row("a", 2.0, 2.0, 70.0, None),
            ],
        );
        let kiln = codec_of(
            "kiln",
            Origin::Own,
            vec![
                row("a", 1.0, 1.0, 30.0, None),
                row("a", 2.0, 2.0, 40.0, None),
            ],
        );
        let single = codec_of("single", Origin::Live, vec![row("a", 1.0, 1.0, 30.0, None)]);
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
