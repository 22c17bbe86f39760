//! Which measures of distortion are taken, and taking them.

use std::fmt;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use image::RgbImage;

use super::results::Quality;
use crate::measure::butteraugli::butteraugli;
use crate::measure::ms_ssim::ms_ssim;
use crate::measure::psnr::{mse, psnr_of_mse, psnr_yuv};
use crate::measure::ssimulacra2::ssimulacra2;

/// Grows when a measure changes its value, so that rows of an interrupted run are not mixed with others.
pub const REVISION: u32 = 1;

/// A measure that can be left out, because it takes time. PSNR is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Measure {
    /// PSNR of RGB, of luma, and of YCbCr weighted 6:1:1.
    Psnr,
    /// MS-SSIM of RGB.
    Msssim,
    /// SSIMULACRA2.
    Ssimulacra2,
    /// Butteraugli, maximum and 3-norm.
    Butteraugli,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Psnr,
        Self::Msssim,
        Self::Ssimulacra2,
        Self::Butteraugli,
    ];
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Psnr => "psnr",
            Self::Msssim => "msssim",
            Self::Ssimulacra2 => "ssimulacra2",
            Self::Butteraugli => "butteraugli",
        })
    }
}

/// Distortion of `decoded`. A measure that is not asked for, or that a picture is too small for, is left out.
///
/// # Errors
/// The sizes differ, or the pictures are empty.
pub fn quality(
    original: &RgbImage,
    decoded: &RgbImage,
    measures: &[Measure],
) -> anyhow::Result<Quality> {
    ensure!(
        original.dimensions() == decoded.dimensions(),
        "{:?} pixels came back as {:?}",
        original.dimensions(),
        decoded.dimensions()
    );
    let mse = mse(original, decoded).context("there are no pixels")?;
    let yuv = psnr_yuv(original, decoded);
    let when = |measure: Measure| measures.contains(&measure).then_some(());
    let butteraugli = when(Measure::Butteraugli).and_then(|()| butteraugli(original, decoded));
    Ok(Quality {
        psnr: Some(psnr_of_mse(mse)),
        mse: Some(mse),
        psnr_of_mean_mse: None,
        psnr_y: yuv.map(|yuv| yuv.y),
        psnr_yuv: yuv.map(|yuv| yuv.yuv),
        msssim: when(Measure::Msssim).and_then(|()| ms_ssim(original, decoded)),
        ssimulacra2: when(Measure::Ssimulacra2).and_then(|()| ssimulacra2(original, decoded)),
        butteraugli: butteraugli.map(|distance| distance.max),
        butteraugli_3norm: butteraugli.map(|distance| distance.norm3),
    })
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
        let little = quality(&a, &b, &[Measure::Psnr]).unwrap();
        assert_eq!(
            (little.msssim, little.ssimulacra2, little.butteraugli),
            (None, None, None)
        );
        assert_eq!(little.mse, Some(81.0));
        let all = quality(&a, &b, &Measure::ALL).unwrap();
        assert_eq!(all.psnr, little.psnr);
        assert!(
            all.msssim.is_some() && all.ssimulacra2.is_some() && all.butteraugli_3norm.is_some()
        );
    }

    #[test]
    fn other_sizes_are_an_error() {
        let error = quality(&RgbImage::new(2, 3), &RgbImage::new(3, 2), &[]).unwrap_err();
        assert!(error.to_string().contains("(2, 3)"), "{error}");
    }
}
