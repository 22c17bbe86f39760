//! What curves are drawn over.

use std::fmt;
use std::str::FromStr;

use crate::metrics::{Metric, Quality};

/// A measure of quality as an axis shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// A metric on the scale that BD-rates are computed on: MS-SSIM in decibels, Butteraugli negated.
    Metric(Metric),
    /// MS-SSIM as it is, up to 1.
    MsssimRaw,
}

/// No metric comes near this value; a library that draws ticks for larger ones would not come back.
const LARGEST: f64 = 1e6;
/// Name of [`Axis::MsssimRaw`]; the other names are the keys of [`Metric`].
const MSSSIM_RAW: &str = "msssim_raw";

impl Axis {
    /// Every axis.
    pub fn all() -> impl Iterator<Item = Self> {
        Metric::ALL
            .into_iter()
            .map(Self::Metric)
            .chain([Self::MsssimRaw])
    }

    /// The value on this axis; higher is better. `None` if it was not measured or is too large to be a measurement.
    pub fn of(self, quality: &Quality) -> Option<f64> {
        match self {
            Self::Metric(metric) => metric.of(quality),
            Self::MsssimRaw => quality.msssim,
        }
        .filter(|value| value.abs() <= LARGEST)
    }

    /// What stands beside the axis, with the unit.
    pub fn title(self) -> String {
        match self {
            Self::Metric(Metric::Psnr) => "PSNR, RGB (dB)".to_owned(),
            Self::Metric(Metric::Butteraugli3norm) => "Butteraugli 3-norm, negated".to_owned(),
            Self::Metric(metric) if metric.unit().is_empty() => metric.label().to_owned(),
            Self::Metric(metric) => format!("{} ({})", metric.label(), metric.unit()),
            Self::MsssimRaw => "MS-SSIM".to_owned(),
        }
    }
}

/// The name on command lines and in names of files.
impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metric(metric) => metric.key(),
            Self::MsssimRaw => MSSSIM_RAW,
        })
    }
}

/// A name that is not an [`Axis`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a metric; choose one of {names}",
    names = Axis::all().map(|axis| axis.to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct UnknownAxis(pub String);

impl FromStr for Axis {
    type Err = UnknownAxis;

    fn from_str(text: &str) -> Result<Self, UnknownAxis> {
        Self::all()
            .find(|axis| axis.to_string() == text)
            .ok_or_else(|| UnknownAxis(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for axis in Axis::all() {
            assert_eq!(axis.to_string().parse(), Ok(axis));
        }
        assert_eq!("psnr".parse(), Ok(Axis::Metric(Metric::Psnr)));
        let error = "ssim".parse::<Axis>().unwrap_err().to_string();
        assert!(
            error.contains("`ssim`") && error.contains("psnr_yuv"),
            "{error}"
        );
    }

    #[test]
    fn ms_ssim_has_two_scales() {
        let quality = Quality {
            msssim: Some(0.99),
            ..Quality::default()
        };
        let decibels = Axis::Metric(Metric::Msssim).of(&quality).unwrap();
        assert!((decibels - 20.0).abs() < 1e-9, "{decibels}");
        assert_eq!(Axis::MsssimRaw.of(&quality), Some(0.99));
        assert_eq!(Axis::Metric(Metric::Psnr).of(&quality), None);
    }

    #[test]
    fn equal_pictures_have_no_place_on_a_scale_without_end() {
        let equal = Quality {
            msssim: Some(1.0),
            ..Quality::default()
        };
        assert_eq!(Axis::Metric(Metric::Msssim).of(&equal), None);
    }
}
