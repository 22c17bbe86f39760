//! SSIMULACRA2, by the crate `ssimulacra2`.

use image::RgbImage;
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

use super::error::{MetricError, check_sizes};

/// The name in messages.
const NAME: &str = "SSIMULACRA2";
/// The smallest side that the metric is defined for, in pixels.
const LEAST_SIDE: u32 = 8;

/// SSIMULACRA2 (Sneyers, Cloudinary, 2023): 100 for equal pictures, 90 where differences are hardly visible, 70 for
/// high, 50 for medium and 30 for low quality; negative for very low quality.
///
/// The pictures are taken for sRGB. Within 0.05 of the reference program of libjxl 0.11 on damaged photographs, within
/// 0.6 where smooth regions have fallen into a few flat steps.
///
/// # Errors
/// The sizes differ, or a side is below 8 pixels.
pub fn ssimulacra2(original: &RgbImage, decoded: &RgbImage) -> Result<f64, MetricError> {
    check_sizes(NAME, LEAST_SIDE, original, decoded)?;
    let score =
        compute_frame_ssimulacra2(frame(original)?, frame(decoded)?).map_err(|e| failed(&e))?;
    if score.is_finite() {
        Ok(score)
    } else {
        Err(failed(&"the score is not finite"))
    }
}

fn frame(picture: &RgbImage) -> Result<Rgb, MetricError> {
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
    .map_err(|e| failed(&e))
}

fn failed(reason: &dyn std::fmt::Display) -> MetricError {
    MetricError::Failed {
        metric: NAME,
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sizes_have_no_score() {
        let pictures = [(7, 9), (9, 8), (8, 8)].map(|(width, height)| RgbImage::new(width, height));
        let error = ssimulacra2(&pictures[0], &pictures[0]).unwrap_err();
        assert!(matches!(error, MetricError::TooSmall { least: 8, .. }));
        let error = ssimulacra2(&pictures[1], &pictures[2]).unwrap_err();
        assert!(matches!(error, MetricError::SizesDiffer { .. }));
        assert!(ssimulacra2(&pictures[2], &pictures[2]).is_ok());
    }
}
