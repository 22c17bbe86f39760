//! Pictures in and out: image files, alpha, and the metadata that travels along.
//!
//! ```text
//! file bytes --load--> Picture --> Pixels --> planes   (encoder)
//!                                     |--alpha::encode--> bytes
//!
//! planes --> PixelsMut <-- new_image --> Picture --store--> file bytes   (decoder)
//! ```
//!
//! Pixels are never colour managed, rotated or premultiplied here: an ICC profile, an EXIF orientation and
//! the colours beneath transparent pixels are carried to the other side as they came.

pub mod alpha;
mod error;
mod files;
mod format;
mod panics;

pub use error::{PictureError, Warning};
pub use files::{StoreOptions, load, store};
pub use format::Format;

use crate::Limits;
use crate::pixels::{Pixels, PixelsError};
use image::DynamicImage;

/// A decoded picture with what travels beside its pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The pixels: one of `L8`, `La8`, `Rgb8`, `Rgba8`, `L16`, `La16`, `Rgb16`, `Rgba16`.
    pub image: DynamicImage,
    /// Colour profile and camera data.
    pub metadata: Metadata,
}

impl Picture {
    /// The pixels as an encoder reads them.
    ///
    /// # Errors
    /// The picture is empty, or of floats.
    pub fn pixels(&self) -> Result<Pixels<'_>, PixelsError> {
        Pixels::try_from(&self.image)
    }
}

impl From<DynamicImage> for Picture {
    /// A picture without metadata.
    fn from(image: DynamicImage) -> Self {
        Self {
            image,
            metadata: Metadata::default(),
        }
    }
}

/// Blocks of bytes that image files carry beside their pixels. They are passed on byte for byte, never parsed.
///
/// An empty block means the same as an absent one.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// An ICC colour profile.
    pub icc: Option<Vec<u8>>,
    /// EXIF: the TIFF block alone, without the `Exif\0\0` some containers put in front of it.
    pub exif: Option<Vec<u8>>,
    /// The XMP packet. Of a packet that JPEG splits ("extended XMP"), the main part only.
    pub xmp: Option<Vec<u8>>,
}

impl Limits {
    /// Checks a picture of `width` by `height` pixels that takes `bytes_per_pixel` while it is decoded.
    fn check_size(
        &self,
        width: u32,
        height: u32,
        bytes_per_pixel: u64,
    ) -> Result<(), PictureError> {
        let pixels = u64::from(width) * u64::from(height);
        check("the number of pixels", pixels, self.max_pixels)?;
        let bytes = pixels.saturating_mul(bytes_per_pixel);
        check("the memory for decoding, in bytes,", bytes, self.max_memory)
    }

    /// Takes a block of metadata over, if there is one that is not empty and within the limit.
    fn accept_block(
        &self,
        what: &'static str,
        block: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, PictureError> {
        let Some(block) = block.filter(|block| !block.is_empty()) else {
            return Ok(None);
        };
        check(what, block.len() as u64, self.max_metadata)?;
        Ok(Some(block.to_vec()))
    }
}

fn check(what: &'static str, value: u64, limit: u64) -> Result<(), PictureError> {
    if value > limit {
        return Err(PictureError::Limit { what, value, limit });
    }
    Ok(())
}
