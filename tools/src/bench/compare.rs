//! BD-rates of a run against anchors.

use serde::{Deserialize, Serialize};

use super::anchors::{self, Anchor, Metric, Sample};
use super::results::MeanPoint;
use crate::measure::bd_rate::bd_rate;

/// A run against one anchor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the codec compared with.
    pub anchor: String,
    /// Over PSNR.
    pub psnr: Outcome,
    /// Over MS-SSIM, in decibels.
    pub msssim: Outcome,
}

/// A BD-rate, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// The curves overlap.
    Rate {
        /// Bytes relative to the anchor at equal quality, in per cent; negative: fewer.
        percent: f64,
        /// Lowest quality compared, in decibels.
        low: f64,
        /// Highest quality compared, in decibels.
        high: f64,
    },
    /// There is nothing to compare.
    None {
        /// Why.
        reason: String,
    },
}

/// Compares means over `pictures` (sorted names) with every anchor.
pub fn compare(points: &[MeanPoint], pictures: &[String], anchors: &[Anchor]) -> Vec<Comparison> {
    let samples: Vec<Sample> = points
        .iter()
        .map(|point| Sample {
            bpp: point.bpp,
            psnr: Some(point.psnr),
            ms_ssim: point.msssim,
        })
        .collect();
    anchors
        .iter()
        .map(|anchor| Comparison {
            anchor: anchor.name.clone(),
            psnr: outcome(&samples, pictures, anchor, Metric::Psnr),
            msssim: outcome(&samples, pictures, anchor, Metric::MsSsim),
        })
        .collect()
}

fn outcome(samples: &[Sample], pictures: &[String], anchor: &Anchor, metric: Metric) -> Outcome {
    let none = |reason: String| Outcome::None { reason };
    let own = match anchors::curve(samples, metric) {
        Ok(curve) => curve,
        Err(error) => return none(format!("this run: {error}")),
    };
    let other = match anchor.curve(pictures, metric) {
        Ok(curve) => curve,
        Err(error) => return none(error.to_string()),
    };
    match bd_rate(&own, &other) {
        Some(result) => {
            let (low, high) = result.overlap;
            Outcome::Rate {
                percent: result.percent,
                low,
                high,
            }
        }
        None => none("the curves have no quality in common".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{means, tests::row};

    const CSV: &str = "codec,image,q,bpp,psnr\nold,a,1,1,30\nold,a,2,2,35\nold,a,3,4,40\nfar,a,1,1,60\nfar,a,2,2,70\n";

    #[test]
    fn half_the_rate_is_minus_fifty_per_cent() {
        let points = means(&[
            row("a", 1, 0.5, 30.0, None),
            row("a", 2, 1.0, 35.0, None),
            row("a", 3, 2.0, 40.0, None),
        ]);
        let pictures = ["a".to_owned()];
        let result = compare(&points, &pictures, &anchors::parse(CSV).unwrap());
        let find = |name: &str| {
            result
                .iter()
                .find(|comparison| comparison.anchor == name)
                .unwrap()
        };
        match find("old").psnr {
            Outcome::Rate { percent, low, high } => {
                assert!((percent + 50.0).abs() < 1e-9, "{percent}");
                assert_eq!((low, high), (30.0, 40.0));
            }
            Outcome::None { ref reason } => panic!("{reason}"),
        }
        assert!(
            matches!(&find("far").psnr, Outcome::None { reason } if reason.contains("in common"))
        );
        assert!(
            matches!(&find("old").msssim, Outcome::None { reason } if reason.starts_with("this run"))
        );
        let other = compare(&points, &["b".to_owned()], &anchors::parse(CSV).unwrap());
        assert!(
            matches!(&other[0].psnr, Outcome::None { reason } if reason.contains("same pictures"))
        );
    }
}
