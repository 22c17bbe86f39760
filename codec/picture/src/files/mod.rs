//! Image files to pictures and back, one module per format.

mod gif;
mod jpeg;
mod others;
mod png;
mod pnm;
mod tiff;
mod webp;

use crate::panics::guard;
use crate::pixels::{Channels, Depth, Pixels, PixelsError, PixelsMut, blank};
use crate::{Format, Limits, Picture, PictureError, Warning};
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

/// Choices for [`load`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadOptions {
    /// What the file may cost.
    pub limits: Limits,
    /// Of an animation, take the first frame with a warning, instead of refusing it.
    pub first_frame: bool,
}

impl LoadOptions {
    /// The options with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The options with another answer to animations.
    #[must_use]
    pub fn with_first_frame(mut self, first_frame: bool) -> Self {
        self.first_frame = first_frame;
        self
    }
}

/// A picture from a file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Loaded {
    /// The picture.
    pub picture: Picture,
    /// What of the file was lost on the way.
    pub warnings: Vec<Warning>,
}

/// Decodes an image file; its content, not its name, says which format it is in.
///
/// Pixels are what the reference decoder of the format makes of the file. Palettes become RGB(A), grey of fewer than 8
/// bits becomes `L8`. An orientation in the EXIF data stays there. CMYK, animations of several frames and
/// floating-point pixels are refused by name. What else of the file is lost is named by the warnings. A panic of a
/// decoder ends here, unless the program is built with `panic = "abort"`.
///
/// # Errors
/// [`PictureError::Decode`] if the file is damaged or truncated, [`PictureError::Panicked`] if that makes its decoder
/// panic, [`PictureError::Unsupported`] for what is not read, [`PictureError::Limit`] before anything is allocated for
/// a file larger than the limits.
pub fn load(bytes: &[u8], options: &LoadOptions) -> Result<Loaded, PictureError> {
    let format = Format::sniff(bytes)?;
    let mut warnings = Vec::new();
    let picture = guard(format, || match format {
        Format::Png => png::load(bytes, options, &mut warnings),
        Format::Jpeg => jpeg::load(bytes, options, &mut warnings),
        Format::WebP => webp::load(bytes, options, &mut warnings),
        Format::Pnm => pnm::load(bytes, options, &mut warnings),
        Format::Gif => gif::load(bytes, options, &mut warnings),
        Format::Tiff => tiff::load(bytes, options, &mut warnings),
        Format::Bmp => others::load_bmp(bytes, options),
        Format::Qoi => others::load_qoi(bytes, options),
        Format::Tga => others::load_tga(bytes, options),
    })?;
    Ok(Loaded { picture, warnings })
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
        Format::Bmp | Format::Gif | Format::Qoi | Format::Tga | Format::Tiff => {
            return Err(PictureError::encode(format, "kiln only reads this format"));
        }
    };
    Ok((bytes, warnings))
}

/// Refuses an animation, or says that only its first frame is taken. `frames`: `None` for a still.
fn check_frames(
    format: Format,
    frames: Option<u32>,
    options: &LoadOptions,
    warnings: &mut Vec<Warning>,
) -> Result<(), PictureError> {
    let Some(frames) = frames else {
        return Ok(());
    };
    if !options.first_frame {
        let plural = if frames == 1 { "" } else { "s" };
        return Err(PictureError::Unsupported(format!(
            "animated {format} has {frames} frame{plural}; kiln stores still pictures"
        )));
    }
    warnings.push(Warning::FirstFrame {
        file: format.name(),
        frames: Some(frames),
    });
    Ok(())
}

/// The name of what follows a picture, unless it is filling.
fn trailing(bytes: &[u8]) -> Option<String> {
    let is_filling = |&byte: &u8| byte == 0 || byte.is_ascii_whitespace();
    let count = bytes.len();
    (!bytes.iter().all(is_filling)).then(|| format!("{count} bytes behind the picture"))
}

/// Whether a block begins as a TIFF structure does, and EXIF data with it.
fn is_tiff(block: &[u8]) -> bool {
    block.starts_with(b"II*\0") || block.starts_with(b"MM\0*")
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

/// The samples with 8 bits and these channels, without gaps, for a format that cannot hold what `pixels` have beyond
/// that.
fn eight_bits<'a>(
    pixels: Pixels<'a>,
    channels: Channels,
    format: Format,
    warnings: &mut Vec<Warning>,
) -> Result<Cow<'a, [u8]>, PictureError> {
    if pixels.depth() == Depth::Sixteen {
        warnings.push(Warning::ReducedTo8Bit {
            file: format.name(),
        });
    }
    if pixels.channels().has_alpha() && !channels.has_alpha() {
        warnings.push(Warning::DroppedAlpha {
            file: format.name(),
        });
    }
    if let Some(samples) = pixels.as_slice().filter(|_| pixels.channels() == channels) {
        return Ok(Cow::Borrowed(samples));
    }
    let (width, height) = (pixels.width(), pixels.height());
    let mut samples = blank(width, height, channels)?;
    PixelsMut::new(&mut samples, width, height, channels)?.copy_from(pixels)?;
    Ok(Cow::Owned(samples))
}
