//! Peak signal-to-noise ratio of 8-bit RGB pictures: over RGB, and over the planes of YCbCr.

use image::RgbImage;

/// What two equal pictures score, in decibels. Their true ratio is infinite, which means and JSON cannot carry.
pub const EQUAL: f64 = 100.0;

/// Kr and Kb of BT.709; Kg is the rest.
const KR: f64 = 0.2126;
const KB: f64 = 0.0722;

/// PSNR of planes, in decibels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yuv {
    /// Of luma.
    pub y: f64,
    /// (6 Y + Cb + Cr) / 8.
    pub yuv: f64,
}

/// PSNR in decibels over all samples of all three channels (peak 255), at most [`EQUAL`].
///
/// `None` when the sizes differ or the pictures are empty.
pub fn psnr(original: &RgbImage, decoded: &RgbImage) -> Option<f64> {
    mse(original, decoded).map(psnr_of_mse)
}

/// Mean squared error over all samples of all three channels, on the scale of 0 to 255.
///
/// `None` when the sizes differ or the pictures are empty.
pub fn mse(original: &RgbImage, decoded: &RgbImage) -> Option<f64> {
    let samples = original.as_raw().len();
    if original.dimensions() != decoded.dimensions() || samples == 0 {
        return None;
    }
    let squares: u64 = original
        .as_raw()
        .iter()
        .zip(decoded.as_raw())
        .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
        .sum();
    Some(squares as f64 / samples as f64)
}

/// PSNR in decibels of a mean squared error, peak 255, at most [`EQUAL`].
pub fn psnr_of_mse(mse: f64) -> f64 {
    if mse > 0.0 {
        (10.0 * (255.0 * 255.0 / mse).log10()).min(EQUAL)
    } else {
        EQUAL
    }
}

/// PSNR of the planes of BT.709 YCbCr, full range, 4:4:4, computed from 8-bit RGB without rounding: peak 255 for each
/// plane, at most [`EQUAL`].
///
/// `None` when the sizes differ or the pictures are empty.
pub fn psnr_yuv(original: &RgbImage, decoded: &RgbImage) -> Option<Yuv> {
    if original.dimensions() != decoded.dimensions() || original.as_raw().is_empty() {
        return None;
    }
    // The transform is linear, so that it may as well be applied to the differences.
    let mut sums = [0.0; 3];
    for (a, b) in original.pixels().zip(decoded.pixels()) {
        let [r, g, b] = [0, 1, 2].map(|c| f64::from(a[c]) - f64::from(b[c]));
        let y = KR * r + (1.0 - KR - KB) * g + KB * b;
        let planes = [
            y,
            (b - y) / (2.0 * (1.0 - KB)),
            (r - y) / (2.0 * (1.0 - KR)),
        ];
        for (sum, plane) in sums.iter_mut().zip(planes) {
            *sum += plane * plane;
        }
    }
    let pixels = f64::from(original.width()) * f64::from(original.height());
    let [y, cb, cr] = sums.map(|sum| psnr_of_mse(sum / pixels));
    Some(Yuv {
        y,
        yuv: (6.0 * y + cb + cr) / 8.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::fixtures::cases;
    use image::Rgb;

    #[test]
    fn known_values() {
        let black = RgbImage::new(4, 3);
        assert_eq!(psnr(&black, &black), Some(EQUAL));
        assert_eq!(
            psnr(&black, &RgbImage::from_pixel(4, 3, Rgb([255; 3]))),
            Some(0.0)
        );
        // A mean squared error of exactly 1 is 20 log10(255).
        let one = psnr(&black, &RgbImage::from_pixel(4, 3, Rgb([1; 3]))).unwrap();
        assert!((one - 48.130_803_608_679_1).abs() < 1e-12, "{one}");
        // One sample of 36 off by 6: the mean squared error is 1 again.
        let mut spot = black.clone();
        spot.put_pixel(2, 1, Rgb([0, 6, 0]));
        assert_eq!(psnr(&black, &spot), Some(one));
    }

    #[test]
    fn planes_equal_numpy() {
        for case in cases() {
            let [original, damaged] = case.pictures();
            let value = psnr_yuv(&original, &damaged).unwrap();
            for (have, expected) in [(value.y, case.psnr_y), (value.yuv, case.psnr_yuv)] {
                assert!(
                    (have - expected).abs() < 1e-6,
                    "{}: {have} is not {expected}",
                    case.name()
                );
            }
        }
    }

    #[test]
    fn grey_differences_are_all_luma() {
        let black = RgbImage::new(4, 3);
        let value = psnr_yuv(&black, &RgbImage::from_pixel(4, 3, Rgb([5; 3]))).unwrap();
        assert!((value.y - psnr_of_mse(25.0)).abs() < 1e-9);
        assert!((value.yuv - (6.0 * value.y + 2.0 * EQUAL) / 8.0).abs() < 1e-9);
    }

    #[test]
    fn other_sizes_do_not_compare() {
        let (wide, tall, none) = (
            RgbImage::new(4, 3),
            RgbImage::new(3, 4),
            RgbImage::new(0, 0),
        );
        assert_eq!(psnr(&wide, &tall), None);
        assert_eq!(psnr(&none, &none), None);
        assert_eq!(psnr_yuv(&wide, &tall), None);
        assert_eq!(psnr_yuv(&none, &none), None);
    }
}
