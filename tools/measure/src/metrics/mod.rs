//! Measures of distortion of 8-bit RGB pictures.
//!
//! Every function takes the original first and the decoded picture second. [`Quality::measure`] takes several measures
//! at once, in the form that results are stored in.

mod bt709;
mod butteraugli;
mod error;
mod metric;
mod ms_ssim;
mod psnr;
mod quality;
mod ssimulacra2;

#[cfg(feature = "adapters")]
pub(crate) use bt709::{rgb_from_ycbcr, ycbcr_from_rgb};

pub use butteraugli::{Butteraugli, INTENSITY_TARGET, butteraugli};
pub use error::MetricError;
pub use metric::Metric;
pub use ms_ssim::{MS_SSIM_LEAST_SIDE, ms_ssim, ms_ssim_decibels};
pub use psnr::{MAX_PSNR, PsnrYuv, mse, psnr, psnr_of_mse, psnr_yuv};
pub use quality::{MetricGroup, Quality, REVISION, UnknownMetric};
pub use ssimulacra2::ssimulacra2;
