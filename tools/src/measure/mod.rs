//! Measures of distortion, rate-distortion curves and their comparison.

pub mod bd_rate;
pub mod curve;
pub mod ms_ssim;
mod pchip;
pub mod psnr;
