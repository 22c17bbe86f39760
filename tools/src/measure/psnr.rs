//! Peak signal-to-noise ratio of 8-bit RGB pictures.

use image::RgbImage;

/// What two equal pictures score, in decibels. Their true ratio is infinite, which means and JSON cannot carry.
pub const EQUAL: f64 = 100.0;

/// PSNR in decibels over all samples of all three channels (peak 255), at most [`EQUAL`].
///
/// `None` when the sizes differ or the pictures are empty.
pub fn psnr(original: &RgbImage, decoded: &RgbImage) -> Option<f64> {
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
    if squares == 0 {
        return Some(EQUAL);
    }
    let mse = squares as f64 / samples as f64;
    Some((10.0 * (255.0 * 255.0 / mse).log10()).min(EQUAL))
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn other_sizes_do_not_compare() {
        assert_eq!(psnr(&RgbImage::new(4, 3), &RgbImage::new(3, 4)), None);
        assert_eq!(psnr(&RgbImage::new(0, 0), &RgbImage::new(0, 0)), None);
    }
}
