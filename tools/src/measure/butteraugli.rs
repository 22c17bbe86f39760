//! Butteraugli distance of 8-bit pictures that are taken for sRGB on a display of [`INTENSITY_TARGET`]: 0 is equal, 1 is
//! about the smallest difference that people see.
//!
//! Computed by the crate `butteraugli`; the test states how near that is to the reference program of libjxl.

use butteraugli::{ButteraugliParams, Img, RGB8};
use image::RgbImage;

/// Brightness of white in candela per square metre: what libjxl takes for standard pictures.
pub const INTENSITY_TARGET: f32 = 80.0;

/// Two norms of the map of differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// The largest difference anywhere.
    pub max: f64,
    /// libjxl's "3-norm": the mean of the norms with exponents 3, 6 and 12.
    pub norm3: f64,
}

/// The distance, or `None` when the sizes differ or a side is below 8 pixels.
pub fn butteraugli(original: &RgbImage, decoded: &RgbImage) -> Option<Distance> {
    let params = ButteraugliParams::new().with_intensity_target(INTENSITY_TARGET);
    let result =
        butteraugli::butteraugli(image(original).as_ref(), image(decoded).as_ref(), &params)
            .ok()?;
    Some(Distance {
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
    use crate::measure::fixtures::cases;

    /// Relative.
    const TOLERANCE: f64 = 0.001;

    #[test]
    fn equals_libjxl() {
        for case in cases() {
            let [original, damaged] = case.pictures();
            let value = butteraugli(&original, &damaged).unwrap();
            for (have, expected) in [
                (value.max, case.butteraugli),
                (value.norm3, case.butteraugli_3norm),
            ] {
                assert!(
                    (have / expected - 1.0).abs() < TOLERANCE,
                    "{}: {have} is not {expected}",
                    case.name()
                );
            }
        }
    }

    #[test]
    fn equal_pictures_have_no_distance() {
        let [picture, _] = cases()[5].pictures();
        let distance = butteraugli(&picture, &picture).unwrap();
        assert_eq!((distance.max, distance.norm3), (0.0, 0.0));
    }

    #[test]
    fn other_sizes_have_no_distance() {
        let pictures = [(7, 9), (9, 8), (8, 8)].map(|(width, height)| RgbImage::new(width, height));
        assert_eq!(butteraugli(&pictures[0], &pictures[0]), None);
        assert_eq!(butteraugli(&pictures[1], &pictures[2]), None);
    }
}
