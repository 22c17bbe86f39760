//! Measures of distortion, rate-distortion curves and their comparison.

pub mod bd_rate;
pub mod butteraugli;
pub mod curve;
#[cfg(test)]
mod fixtures;
pub mod ms_ssim;
mod pchip;
pub mod psnr;
pub mod ssimulacra2;
