//! Comparing what a decoder makes of a file with what its encoder expects.

use image::DynamicImage;

use crate::pixels::{Depth, Pixels, Sample};
use crate::progress::Progress;
use crate::{Decoder, Error};

/// What a decoder must make of a file, as the encoder that wrote it sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconstruction {
    /// The picture that the encoder's own latents stand for.
    pub image: DynamicImage,
    /// CRC-32C over these latents: see [`About::latents_checksum`](crate::About::latents_checksum).
    pub latents_checksum: u32,
}

/// How two pictures of one kind and size differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelDifference {
    /// Samples compared: pixels times channels.
    pub samples: u64,
    /// Samples that are not equal.
    pub differing: u64,
    /// Largest difference of a colour sample, in steps of 255; one of 16 bits is rounded up to such steps.
    pub largest: u32,
    /// Samples of alpha that are not equal.
    pub alpha: u64,
}

impl PixelDifference {
    /// Compares two pictures. `None` when they are not of one kind and size, or of a kind that kiln does not store.
    pub fn between(a: &DynamicImage, b: &DynamicImage) -> Option<Self> {
        let (a, b) = (Pixels::try_from(a).ok()?, Pixels::try_from(b).ok()?);
        let kind = |p: &Pixels<'_>| (p.width(), p.height(), p.channels(), p.depth());
        if kind(&a) != kind(&b) {
            return None;
        }
        let alpha = a.channels().has_alpha().then_some(a.channels().count());
        match a.depth() {
            Depth::Eight => compare::<u8>(&a, &b, alpha),
            Depth::Sixteen => compare::<u16>(&a, &b, alpha),
        }
    }

    /// Whether the pictures are as alike as any two machines must decode a file: colours within one step of 255, alpha
    /// equal.
    pub fn within_one(&self) -> bool {
        self.largest <= 1 && self.alpha == 0
    }

    /// Share of the samples that are not equal, 0 to 1.
    pub fn share(&self) -> f64 {
        match self.samples {
            0 => 0.0,
            n => self.differing as f64 / n as f64,
        }
    }

    /// Adds the counts of another pair of pictures.
    pub fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.differing += other.differing;
        self.largest = self.largest.max(other.largest);
        self.alpha += other.alpha;
    }
}

/// `alpha`: the number of channels, if the last of them is alpha.
fn compare<S: Sample + Into<u32>>(
    a: &Pixels<'_>,
    b: &Pixels<'_>,
    alpha: Option<usize>,
) -> Option<PixelDifference> {
    // One step of 255 is 257 of 65535.
    let step = if size_of::<S>() == 1 { 1 } else { 257 };
    let mut found = PixelDifference::default();
    for (a, b) in a.rows::<S>()?.zip(b.rows::<S>()?) {
        found.samples += a.len() as u64;
        for (i, (&a, &b)) in a.iter().zip(b).enumerate() {
            let difference = Into::<u32>::into(a).abs_diff(b.into());
            if difference == 0 {
                continue;
            }
            found.differing += 1;
            if alpha.is_some_and(|channels| i % channels == channels - 1) {
                found.alpha += 1;
            } else {
                found.largest = found.largest.max(difference.div_ceil(step));
            }
        }
    }
    Some(found)
}

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// How the decoded picture differs from the encoder's reconstruction.
    pub pixels: PixelDifference,
    /// The decoded picture.
    pub image: DynamicImage,
    /// See [`About::warnings`](crate::About::warnings).
    pub warnings: Vec<String>,
}

/// Decodes a file and compares it with what its encoder expects: the symbols by the checksum in the file, the latents by
/// their checksum, and the picture, within one step of 255.
///
/// For a proof that does not rest on the encoder's device, give a decoder whose exact networks run on the CPU:
/// [`Model::with_exact`](crate::Model::with_exact).
///
/// # Errors
/// [`Error::Verify`] when the decoder comes to something else, and the errors of [`Decoder::decode`].
pub fn verify(
    decoder: &Decoder,
    bytes: &[u8],
    expected: &Reconstruction,
    progress: &dyn Progress,
) -> Result<Verified, Error> {
    let decoded = decoder.decode_with(bytes, progress)?;
    if decoded.about.latents_checksum != expected.latents_checksum {
        return Err(Error::Verify(format!(
            "the file decodes to other latents than were encoded (checksum {:08x}, the encoder has {:08x})",
            decoded.about.latents_checksum, expected.latents_checksum
        )));
    }
    let image = decoded.picture.image;
    let pixels = PixelDifference::between(&image, &expected.image).ok_or_else(|| {
        Error::Verify(format!(
            "the file decodes to {:?} of {}x{}, the encoder has {:?} of {}x{}",
            image.color(),
            image.width(),
            image.height(),
            expected.image.color(),
            expected.image.width(),
            expected.image.height()
        ))
    })?;
    if !pixels.within_one() {
        return Err(Error::Verify(format!(
            "{} of {} samples differ from the encoder's picture: colours by up to {} steps of 255, of alpha {}",
            pixels.differing, pixels.samples, pixels.largest, pixels.alpha
        )));
    }
    Ok(Verified {
        pixels,
        image,
        warnings: decoded.about.warnings,
    })
}

#[cfg(test)]
mod tests {
    use image::{Luma, LumaA, RgbImage};

    use super::*;

    #[test]
    fn differences_are_counted_in_steps_of_255() {
        let grey = |v| DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(2, 3, Luma([v])));
        for (by, steps) in [(0, 0), (1, 1), (257, 1), (258, 2)] {
            let found = PixelDifference::between(&grey(1000), &grey(1000 + by)).unwrap();
            assert_eq!((found.samples, found.largest), (6, steps), "{by}");
            assert_eq!(found.differing, if by == 0 { 0 } else { 6 });
            assert_eq!(found.within_one(), steps <= 1);
        }
    }

    #[test]
    fn alpha_must_be_equal() {
        let of =
            |v, a| DynamicImage::ImageLumaA8(image::ImageBuffer::from_pixel(1, 1, LumaA([v, a])));
        let found = |a, b| PixelDifference::between(&a, &b).unwrap();
        assert!(found(of(7, 9), of(8, 9)).within_one());
        assert!(!found(of(7, 9), of(7, 8)).within_one());
        assert_eq!(found(of(7, 9), of(7, 8)).share(), 0.5);
    }

    #[test]
    fn other_kinds_and_sizes_do_not_compare() {
        let rgb = |w, h| DynamicImage::ImageRgb8(RgbImage::new(w, h));
        assert_eq!(PixelDifference::between(&rgb(2, 3), &rgb(3, 2)), None);
        assert_eq!(
            PixelDifference::between(&rgb(2, 3), &rgb(2, 3).to_rgb16().into()),
            None
        );
    }
}
