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
mod boxes;
mod error;
mod files;
mod format;
mod limits;
mod metadata;
mod panics;
mod parts;
pub mod pixels;
mod warning;

pub use error::PictureError;
pub use files::{LoadOptions, Loaded, StoreOptions, load, store};
pub use format::Format;
pub use limits::Limits;
pub use metadata::{Density, DensityUnit, Metadata, Text};
pub use warning::Warning;

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
