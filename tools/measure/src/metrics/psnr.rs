//! Peak signal-to-noise ratio: over RGB, and over the planes of YCbCr.

use image::RgbImage;

use super::bt709::ycbcr_from_rgb;
use super::error::{MetricError, check_sizes};

/// PSNR of two equal pictures, in decibels, and the largest value that is reported. The true ratio of equal pictures
/// is infinite, which neither means nor JSON can carry.
pub const MAX_PSNR: f64 = 100.0;

/// PSNR of the planes of YCbCr, in decibels, at most [`MAX_PSNR`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PsnrYuv {
    /// PSNR of luma.
    pub y: f64,
    /// (6 Y + Cb + Cr) / 8 of the planes' PSNR, the weights that the tests of HEVC and VVC use.
    pub yuv: f64,
}

/// PSNR in decibels over all samples of all three channels, peak 255, at most [`MAX_PSNR`].
///
/// # Errors
/// The sizes differ, or the pictures are empty.
pub fn psnr(original: &RgbImage, decoded: &RgbImage) -> Result<f64, MetricError> {
    mse(original, decoded).map(psnr_of_mse)
}

/// Mean squared error over all samples of all three channels, on the scale of 0 to 255.
///
/// # Errors
/// The sizes differ, or the pictures are empty.
pub fn mse(original: &RgbImage, decoded: &RgbImage) -> Result<f64, MetricError> {
    check_sizes("PSNR", 1, original, decoded)?;
    let squares: u64 = original
        .as_raw()
        .iter()
        .zip(decoded.as_raw())
        .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
        .sum();
    Ok(squares as f64 / original.as_raw().len() as f64)
}

/// PSNR in decibels of a mean squared error: `10 log10(255^2 / mse)`, at most [`MAX_PSNR`].
pub fn psnr_of_mse(mse: f64) -> f64 {
    if mse > 0.0 {
        (10.0 * (255.0 * 255.0 / mse).log10()).min(MAX_PSNR)
    } else {
        MAX_PSNR
    }
}

/// PSNR of the planes of BT.709 YCbCr, full range, 4:4:4, computed from 8-bit RGB without rounding; peak 255 for each
/// plane.
///
/// # Errors
/// The sizes differ, or the pictures are empty.
pub fn psnr_yuv(original: &RgbImage, decoded: &RgbImage) -> Result<PsnrYuv, MetricError> {
    check_sizes("PSNR-YUV", 1, original, decoded)?;
    // The transform is linear, so the transform of the differences is the difference of the planes.
    let mut sums = [0.0; 3];
    for (a, b) in original.pixels().zip(decoded.pixels()) {
        let difference = [0, 1, 2].map(|c| f64::from(a[c]) - f64::from(b[c]));
        for (sum, plane) in sums.iter_mut().zip(ycbcr_from_rgb(difference)) {
            *sum += plane * plane;
        }
    }
    let pixels = f64::from(original.width()) * f64::from(original.height());
    let [y, cb, cr] = sums.map(|sum| psnr_of_mse(sum / pixels));
    Ok(PsnrYuv {
        y,
        yuv: (6.0 * y + cb + cr) / 8.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn known_values() {
        let black = RgbImage::new(4, 3);
        assert_eq!(psnr(&black, &black), Ok(MAX_PSNR));
        assert_eq!(
            psnr(&black, &RgbImage::from_pixel(4, 3, Rgb([255; 3]))),
            Ok(0.0)
        );
        // A mean squared error of exactly 1 is 20 log10(255).
        let one = psnr(&black, &RgbImage::from_pixel(4, 3, Rgb([1; 3]))).unwrap();
        assert!((one - 48.130_803_608_679_1).abs() < 1e-12, "{one}");
        // One sample of 36 off by 6: the mean squared error is 1 again.
        let mut spot = black.clone();
        spot.put_pixel(2, 1, Rgb([0, 6, 0]));
        assert_eq!(psnr(&black, &spot), Ok(one));
    }

    #[test]
    fn grey_differences_are_all_luma() {
        let black = RgbImage::new(4, 3);
        let value = psnr_yuv(&black, &RgbImage::from_pixel(4, 3, Rgb([5; 3]))).unwrap();
        assert!((value.y - psnr_of_mse(25.0)).abs() < 1e-9);
        assert!((value.yuv - (6.0 * value.y + 2.0 * MAX_PSNR) / 8.0).abs() < 1e-9);
    }

    #[test]
    fn other_sizes_do_not_compare() {
        let (wide, tall, none) = (
            RgbImage::new(4, 3),
            RgbImage::new(3, 4),
            RgbImage::new(0, 0),
        );
        let differ = MetricError::SizesDiffer {
            original: (4, 3),
            decoded: (3, 4),
        };
        assert_eq!(psnr(&wide, &tall), Err(differ.clone()));
        assert_eq!(psnr_yuv(&wide, &tall), Err(differ));
        for error in [
            psnr(&none, &none).unwrap_err(),
            psnr_yuv(&none, &none).unwrap_err(),
        ] {
            assert!(matches!(error, MetricError::TooSmall { least: 1, .. }));
        }
    }
}
