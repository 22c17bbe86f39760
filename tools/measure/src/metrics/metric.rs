//! The scales that curves are drawn and compared over.

use serde::{Deserialize, Serialize};

use super::ms_ssim::ms_ssim_decibels;
use super::quality::Quality;

/// A scale that rate-distortion curves are drawn and compared over. Higher is better on all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// PSNR of RGB in decibels; a mean over pictures is the mean of their decibels.
    Psnr,
    /// PSNR in decibels of the mean squared error over all pictures.
    PsnrOfMeanMse,
    /// (6 Y + Cb + Cr) / 8 of the PSNR of the planes, in decibels.
    PsnrYuv,
    /// MS-SSIM in decibels of its distance from 1, see [`ms_ssim_decibels`].
    Msssim,
    /// SSIMULACRA2.
    Ssimulacra2,
    /// Butteraugli 3-norm, negated.
    #[serde(rename = "butteraugli_3norm")]
    Butteraugli3norm,
}

impl Metric {
    /// Every metric, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Psnr,
        Self::PsnrOfMeanMse,
        Self::PsnrYuv,
        Self::Msssim,
        Self::Ssimulacra2,
        Self::Butteraugli3norm,
    ];

    /// The value on this scale; `None` if it was not measured.
    pub fn of(self, quality: &Quality) -> Option<f64> {
        match self {
            Self::Psnr => quality.psnr,
            Self::PsnrOfMeanMse => quality.psnr_of_mean_mse,
            Self::PsnrYuv => quality.psnr_yuv,
            Self::Msssim => quality.msssim.map(ms_ssim_decibels),
            Self::Ssimulacra2 => quality.ssimulacra2,
            Self::Butteraugli3norm => quality.butteraugli_3norm.map(|value| -value),
        }
    }

    /// The name in results and on command lines.
    pub fn key(self) -> &'static str {
        match self {
            Self::Psnr => "psnr",
            Self::PsnrOfMeanMse => "psnr_of_mean_mse",
            Self::PsnrYuv => "psnr_yuv",
            Self::Msssim => "msssim",
            Self::Ssimulacra2 => "ssimulacra2",
            Self::Butteraugli3norm => "butteraugli_3norm",
        }
    }

    /// The name in tables and beside axes.
    pub fn label(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR",
            Self::PsnrOfMeanMse => "PSNR of mean MSE",
            Self::PsnrYuv => "PSNR YUV 6:1:1",
            Self::Msssim => "MS-SSIM",
            Self::Ssimulacra2 => "SSIMULACRA2",
            Self::Butteraugli3norm => "Butteraugli 3-norm",
        }
    }

    /// Unit of [`of`](Self::of); empty for a bare number.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Psnr | Self::PsnrOfMeanMse | Self::PsnrYuv | Self::Msssim => "dB",
            Self::Ssimulacra2 | Self::Butteraugli3norm => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_schema() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.key());
        }
    }
}
