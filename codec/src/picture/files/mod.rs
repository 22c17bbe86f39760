//! Image files to pictures and back, one module per format.

mod jpeg;
mod png;
mod pnm;
mod webp;

use super::panics::guard;
use super::{Format, Metadata, Picture, PictureError, Warning};
use crate::Limits;
use crate::pixels::{Channels, Depth, Pixels, PixelsError, PixelsMut, blank};
use image::{DynamicImage, ImageDecoder};
use std::borrow::Cow;

/// Choices for [`store`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Quality of a JPEG file, 1 to 100; values outside are taken as the nearest of these.
    pub jpeg_quality: u8,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { jpeg_quality: 90 }
    }
}

impl StoreOptions {
    /// The options with another JPEG quality.
    #[must_use]
    pub fn with_jpeg_quality(mut self, quality: u8) -> Self {
        self.jpeg_quality = quality;
        self
    }
}

/// Decodes an image file; its content, not its name, says which format it is in.
///
/// Palettes become RGB(A), grey of fewer than 8 bits becomes `L8`. An orientation in the EXIF data stays there.
/// CMYK, animation and floating-point pixels are refused by name. A panic of a decoder ends here, unless the program is
/// built with `panic = "abort"`.
///
/// # Errors
/// [`PictureError::Decode`] if the file is damaged or truncated, [`PictureError::Panicked`] if that makes its decoder
/// panic, [`PictureError::Unsupported`] for what is not read, [`PictureError::Limit`] before anything is allocated for
/// a file larger than `limits`.
pub fn load(bytes: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let format = Format::sniff(bytes)?;
    guard(format, || match format {
        Format::Png => png::load(bytes, limits),
        Format::Jpeg => jpeg::load(bytes, limits),
        Format::WebP => webp::load(bytes, limits),
        Format::Pnm => pnm::load(bytes, limits),
    })
}

/// Encodes a picture as an image file. What the format cannot hold is left out and reported.
///
/// # Errors
/// [`PictureError::Unsupported`] if the pixels are of none of the eight kinds of [`Picture`],
/// [`PictureError::Encode`] if the format cannot hold a picture of this size.
pub fn store(
    picture: &Picture,
    format: Format,
    options: &StoreOptions,
) -> Result<(Vec<u8>, Vec<Warning>), PictureError> {
    let pixels = match picture.pixels() {
        Err(PixelsError::Empty { .. }) => {
            return Err(PictureError::encode(format, "it has no pixels"));
        }
        pixels => pixels?,
    };
    let mut warnings = Vec::new();
    let bytes = match format {
        Format::Png => png::store(pixels, &picture.metadata, &mut warnings)?,
        Format::Jpeg => jpeg::store(
            pixels,
            &picture.metadata,
            options.jpeg_quality,
            &mut warnings,
        )?,
        Format::WebP => webp::store(pixels, &picture.metadata, &mut warnings)?,
        Format::Pnm => pnm::store(pixels, &picture.metadata, &mut warnings)?,
    };
    Ok((bytes, warnings))
}

fn animated(format: Format, frames: u32) -> PictureError {
    let plural = if frames == 1 { "" } else { "s" };
    PictureError::Unsupported(format!(
        "animated {format} has {frames} frame{plural}; kiln stores still pictures"
    ))
}

/// Checks the size that `decoder` has read from its file, then decodes.
///
/// `working_bytes` is an estimate of what the decoder allocates for each pixel besides the result.
fn decode_within(
    format: Format,
    decoder: impl ImageDecoder,
    working_bytes: u64,
    limits: &Limits,
) -> Result<DynamicImage, PictureError> {
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(PictureError::damaged(format, "the picture has no pixels"));
    }
    let bytes_per_pixel = u64::from(decoder.color_type().bytes_per_pixel());
    limits.check_size(width, height, bytes_per_pixel + working_bytes)?;
    let image = DynamicImage::from_decoder(decoder)
        .map_err(|error| PictureError::from_decoder(format, error))?;
    Pixels::try_from(&image)?;
    Ok(image)
}

/// The EXIF block without the prefix that belongs to JPEG but is also found in other files.
fn without_exif_prefix(block: &[u8]) -> &[u8] {
    block.strip_prefix(b"Exif\0\0").unwrap_or(block)
}

/// A block of metadata that is worth writing.
fn present(block: &Option<Vec<u8>>) -> Option<&[u8]> {
    block.as_deref().filter(|block| !block.is_empty())
}

/// Reports all metadata as dropped.
fn warn_no_metadata(metadata: &Metadata, format: Format, warnings: &mut Vec<Warning>) {
    let blocks = [
        (&metadata.icc, Warning::DroppedIcc(format)),
        (&metadata.exif, Warning::DroppedExif(format)),
        (&metadata.xmp, Warning::DroppedXmp(format)),
    ];
    warnings.extend(
        blocks
            .into_iter()
            .filter(|(block, _)| present(block).is_some())
            .map(|(_, warning)| warning),
    );
}

/// The samples with 8 bits and these channels, without gaps, for a format that cannot hold what `pixels` have beyond that.
fn eight_bits<'a>(
    pixels: Pixels<'a>,
    channels: Channels,
    format: Format,
    warnings: &mut Vec<Warning>,
) -> Result<Cow<'a, [u8]>, PictureError> {
    if pixels.depth() == Depth::Sixteen {
        warnings.push(Warning::ReducedTo8Bit(format));
    }
    if pixels.channels().has_alpha() && !channels.has_alpha() {
        warnings.push(Warning::DroppedAlpha(format));
    }
    if let Some(samples) = pixels.as_slice().filter(|_| pixels.channels() == channels) {
        return Ok(Cow::Borrowed(samples));
    }
    let (width, height) = (pixels.width(), pixels.height());
    let mut samples = blank(width, height, channels)?;
    PixelsMut::new(&mut samples, width, height, channels)?.copy_from(pixels)?;
    Ok(Cow::Owned(samples))
}
