//! All measures of one picture together.

use std::fmt;
use std::str::FromStr;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::butteraugli::butteraugli;
use super::error::MetricError;
use super::ms_ssim::ms_ssim;
use super::psnr::{mse, psnr_of_mse, psnr_yuv};
use super::ssimulacra2::ssimulacra2;

/// Grows when a metric changes its value, so that rows measured by different versions are not mixed.
pub const REVISION: u32 = 1;

/// Metrics that are computed together, and that can be left out together because they take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricGroup {
    /// PSNR of RGB, of luma, and of YCbCr weighted 6:1:1. Cheap, so it is measured even when nobody asks for it.
    Psnr,
    /// MS-SSIM of RGB.
    Msssim,
    /// SSIMULACRA2.
    Ssimulacra2,
    /// Butteraugli, maximum and 3-norm.
    Butteraugli,
}

impl MetricGroup {
    /// Every group.
    pub const ALL: [Self; 4] = [
        Self::Psnr,
        Self::Msssim,
        Self::Ssimulacra2,
        Self::Butteraugli,
    ];

    /// The name on command lines.
    pub fn key(self) -> &'static str {
        match self {
            Self::Psnr => "psnr",
            Self::Msssim => "msssim",
            Self::Ssimulacra2 => "ssimulacra2",
            Self::Butteraugli => "butteraugli",
        }
    }
}

impl fmt::Display for MetricGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl FromStr for MetricGroup {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Self::ALL
            .into_iter()
            .find(|group| group.key() == text)
            .ok_or_else(|| UnknownMetric(text.to_owned()))
    }
}

/// A name that is not a [`MetricGroup`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a metric; choose psnr, msssim, ssimulacra2 or butteraugli")]
pub struct UnknownMetric(pub String);

/// Distortion of one decoded 8-bit RGB picture, or a mean over pictures. `None`: not measured, or the metric has no
/// value for such a picture, because it is too small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// PSNR over all samples of RGB, in decibels, at most 100. In a mean: the mean of the pictures' decibels.
    pub psnr: Option<f64>,
    /// Mean squared error over all samples of RGB, on the scale of 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mse: Option<f64>,
    /// In a mean: PSNR of the mean of `mse`, in decibels. `None` for a single picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr_of_mean_mse: Option<f64>,
    /// PSNR of luma, in decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr_y: Option<f64>,
    /// (6 Y + Cb + Cr) / 8 of the PSNR of the planes, in decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr_yuv: Option<f64>,
    /// MS-SSIM of RGB, up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msssim: Option<f64>,
    /// SSIMULACRA2, up to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssimulacra2: Option<f64>,
    /// Butteraugli distance, maximum; 0 for equal pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub butteraugli: Option<f64>,
    /// Butteraugli distance, 3-norm; 0 for equal pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub butteraugli_3norm: Option<f64>,
}

impl Quality {
    /// Measures PSNR, and those of the other `groups` that have a value for these pictures.
    ///
    /// # Errors
    /// The sizes differ, or the pictures are empty.
    pub fn measure(
        original: &RgbImage,
        decoded: &RgbImage,
        groups: &[MetricGroup],
    ) -> Result<Self, MetricError> {
        let mse = mse(original, decoded)?;
        let yuv = psnr_yuv(original, decoded)?;
        let when = |group: MetricGroup| groups.contains(&group).then_some((original, decoded));
        // Sizes agree, so a metric that fails has no value for this picture.
        let butteraugli = when(MetricGroup::Butteraugli).and_then(|(a, b)| butteraugli(a, b).ok());
        Ok(Self {
            psnr: Some(psnr_of_mse(mse)),
            mse: Some(mse),
            psnr_of_mean_mse: None,
            psnr_y: Some(yuv.y),
            psnr_yuv: Some(yuv.yuv),
            msssim: when(MetricGroup::Msssim).and_then(|(a, b)| ms_ssim(a, b).ok()),
            ssimulacra2: when(MetricGroup::Ssimulacra2).and_then(|(a, b)| ssimulacra2(a, b).ok()),
            butteraugli: butteraugli.map(|distance| distance.max),
            butteraugli_3norm: butteraugli.map(|distance| distance.norm3),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_left_out() {
        let (a, b) = (
            RgbImage::new(170, 170),
            RgbImage::from_pixel(170, 170, image::Rgb([9; 3])),
        );
        let little = Quality::measure(&a, &b, &[MetricGroup::Psnr]).unwrap();
        assert_eq!(
            (little.msssim, little.ssimulacra2, little.butteraugli),
            (None, None, None)
        );
        assert_eq!(little.mse, Some(81.0));
        let all = Quality::measure(&a, &b, &MetricGroup::ALL).unwrap();
        assert_eq!(all.psnr, little.psnr);
        assert!(
            all.msssim.is_some() && all.ssimulacra2.is_some() && all.butteraugli_3norm.is_some()
        );
    }

    #[test]
    fn small_pictures_have_psnr_alone() {
        let small = RgbImage::new(7, 5);
        let quality = Quality::measure(&small, &small, &MetricGroup::ALL).unwrap();
        assert!(quality.psnr.is_some() && quality.psnr_yuv.is_some());
        assert_eq!(
            (quality.msssim, quality.ssimulacra2, quality.butteraugli),
            (None, None, None)
        );
    }

    #[test]
    fn other_sizes_are_an_error() {
        let error = Quality::measure(&RgbImage::new(2, 3), &RgbImage::new(3, 2), &[]).unwrap_err();
        assert!(error.to_string().contains("2x3"), "{error}");
    }

    #[test]
    fn names_of_groups_come_back() {
        for group in MetricGroup::ALL {
            assert_eq!(group.to_string().parse(), Ok(group));
        }
        let error = "ssim".parse::<MetricGroup>().unwrap_err().to_string();
        for group in MetricGroup::ALL {
            assert!(error.contains(group.key()), "{error}");
        }
    }
}
