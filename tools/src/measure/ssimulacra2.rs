//! SSIMULACRA2 (Sneyers, Cloudinary) of 8-bit pictures that are taken for sRGB: 100 is equal, 90 hardly visible, 70 high,
//! 50 medium and 30 low quality.
//!
//! Computed by the crate `ssimulacra2`; the test states how near that is to the reference program of libjxl.

use image::RgbImage;
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

/// The score, or `None` when the sizes differ or a side is below 8 pixels.
pub fn ssimulacra2(original: &RgbImage, decoded: &RgbImage) -> Option<f64> {
    compute_frame_ssimulacra2(frame(original)?, frame(decoded)?)
        .ok()
        .filter(|score| score.is_finite())
}

fn frame(picture: &RgbImage) -> Option<Rgb> {
    let samples = picture
        .pixels()
        .map(|pixel| pixel.0.map(|sample| f32::from(sample) / 255.0))
        .collect();
    let (width, height) = picture.dimensions();
    Rgb::new(
        samples,
        width as usize,
        height as usize,
        TransferCharacteristic::SRGB,
        ColorPrimaries::BT709,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::fixtures::cases;

    /// On a scale of 100. The crate computes cube roots and blurs with other 32-bit operations than libjxl.
    const TOLERANCE: f64 = 0.05;
    /// The same where smooth regions fall into a few flat steps, whose tiny variances decide.
    const TOLERANCE_OF_BANDS: f64 = 0.6;

    #[test]
    fn equals_libjxl() {
        for case in cases() {
            let [original, damaged] = case.pictures();
            let value = ssimulacra2(&original, &damaged).unwrap();
            let tolerance = if case.damage == "step 96" {
                TOLERANCE_OF_BANDS
            } else {
                TOLERANCE
            };
            assert!(
                (value - case.ssimulacra2).abs() < tolerance,
                "{}: {value} is not {}",
                case.name(),
                case.ssimulacra2
            );
        }
    }

    #[test]
    fn equal_pictures_score_one_hundred() {
        let [picture, _] = cases()[5].pictures();
        assert!((ssimulacra2(&picture, &picture).unwrap() - 100.0).abs() < 1e-6);
    }

    #[test]
    fn other_sizes_have_no_score() {
        let pictures = [(7, 9), (9, 8), (8, 8)].map(|(width, height)| RgbImage::new(width, height));
        assert_eq!(ssimulacra2(&pictures[0], &pictures[0]), None);
        assert_eq!(ssimulacra2(&pictures[1], &pictures[2]), None);
        assert!(ssimulacra2(&pictures[2], &pictures[2]).is_some());
    }
}
