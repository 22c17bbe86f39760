//! Pictures in and out: image files, pixels as network planes, alpha, and the metadata that travels along.
//!
//! ```text
//! file bytes --load--> Picture --read_rgb--> planes [3, h, w] f32 in -0.5..=0.5   (encoder)
//!                         |----alpha::extract--> AlphaPlane --alpha::encode--> bytes
//!
//! planes --Canvas::write_rgb--> Canvas --into_image--> Picture --store--> file bytes   (decoder)
//! ```
//!
//! Pixels are never colour managed, rotated or premultiplied here: an ICC profile, an EXIF orientation and
//! the colours beneath transparent pixels are carried to the other side as they came.

pub mod alpha;
mod canvas;
mod error;
mod files;
mod format;
mod planes;

pub use alpha::AlphaPlane;
pub use canvas::{Band, Canvas};
pub use error::{PictureError, Warning};
pub use files::{StoreOptions, load, store};
pub use format::Format;
pub use planes::{Rect, color_kind, read_rgb};

use image::DynamicImage;

/// A decoded picture with what travels beside its pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The pixels: one of `L8`, `La8`, `Rgb8`, `Rgba8`, `L16`, `La16`, `Rgb16`, `Rgba16` (see [`color_kind`]).
    pub image: DynamicImage,
    /// Colour profile and camera data.
    pub metadata: Metadata,
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

/// What loading a file may cost. Checked as soon as a file states its size, before anything is allocated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureLimits {
    /// Most pixels, width times height.
    pub max_pixels: u64,
    /// Most bytes for the decoded pixels together with an estimate of the working memory of the file's decoder.
    pub max_bytes: u64,
    /// Most bytes of each kind of metadata, after decompression.
    pub max_metadata_bytes: u64,
}

impl Default for PictureLimits {
    /// As many pixels as a kiln file may have by default, 2 GiB of memory, 16 MiB for each kind of metadata.
    fn default() -> Self {
        Self {
            max_pixels: kiln_container::Limits::default().max_pixels,
            max_bytes: 2 << 30,
            max_metadata_bytes: 16 << 20,
        }
    }
}

impl PictureLimits {
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
        check("the memory for decoding, in bytes,", bytes, self.max_bytes)
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
        check(what, block.len() as u64, self.max_metadata_bytes)?;
        Ok(Some(block.to_vec()))
    }
}

fn check(what: &'static str, value: u64, limit: u64) -> Result<(), PictureError> {
    if value > limit {
        return Err(PictureError::Limit { what, value, limit });
    }
    Ok(())
}
