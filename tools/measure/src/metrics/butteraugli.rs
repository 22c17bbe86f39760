//! Butteraugli, by the crate `butteraugli`.

use butteraugli::{ButteraugliParams, Img, RGB8};
use image::RgbImage;

use super::error::{MetricError, check_sizes};

/// The name in messages.
const NAME: &str = "Butteraugli";
/// The smallest side that the metric is defined for, in pixels.
const LEAST_SIDE: u32 = 8;

/// Brightness of white that [`butteraugli()`] assumes, in candela per square metre: what libjxl takes for standard
/// pictures.
pub const INTENSITY_TARGET: f32 = 80.0;

/// Two norms of Butteraugli's map of differences: 0 for equal pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Butteraugli {
    /// The largest difference anywhere; 1 is about the smallest difference that people see.
    pub max: f64,
    /// What libjxl calls the 3-norm: the mean of the norms with exponents 3, 6 and 12.
    pub norm3: f64,
}

/// Butteraugli distance (Alakuijala and others, "Guetzli: Perceptually Guided JPEG Encoder", 2017), in the form of
/// libjxl.
///
/// The pictures are taken for sRGB on a display of [`INTENSITY_TARGET`]. Within 0.1 % of the reference program of
/// libjxl 0.11 on damaged photographs.
///
/// # Errors
/// The sizes differ, or a side is below 8 pixels.
pub fn butteraugli(original: &RgbImage, decoded: &RgbImage) -> Result<Butteraugli, MetricError> {
    check_sizes(NAME, LEAST_SIDE, original, decoded)?;
    let params = ButteraugliParams::new().with_intensity_target(INTENSITY_TARGET);
    let result =
        butteraugli::butteraugli(image(original).as_ref(), image(decoded).as_ref(), &params)
            .map_err(|error| MetricError::Failed {
                metric: NAME,
                reason: error.to_string(),
            })?;
    Ok(Butteraugli {
        max: result.score,
        norm3: result.pnorm_3,
    })
}

fn image(picture: &RgbImage) -> Img<Vec<RGB8>> {
    let pixels = picture
        .pixels()
        .map(|pixel| RGB8::new(pixel[0], pixel[1], pixel[2]))
        .collect();
    let (width, height) = picture.dimensions();
    Img::new(pixels, width as usize, height as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sizes_have_no_distance() {
        let pictures = [(7, 9), (9, 8), (8, 8)].map(|(width, height)| RgbImage::new(width, height));
        let error = butteraugli(&pictures[0], &pictures[0]).unwrap_err();
        assert!(matches!(error, MetricError::TooSmall { least: 8, .. }));
        let error = butteraugli(&pictures[1], &pictures[2]).unwrap_err();
        assert!(matches!(error, MetricError::SizesDiffer { .. }));
    }
}
