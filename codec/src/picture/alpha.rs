//! The alpha channel, which is coded losslessly as a grey PNG.

use super::{Format, PictureError, PictureLimits};
use image::DynamicImage;
use kiln_container::Depth;
use std::io::Cursor;

/// The alpha channel of a picture, row by row from the upper left pixel. The largest value is opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlphaPlane {
    /// 8 bits per sample.
    U8(Vec<u8>),
    /// 16 bits per sample.
    U16(Vec<u16>),
}

impl AlphaPlane {
    /// Whether every pixel is opaque, so that the plane need not be stored.
    pub fn is_opaque(&self) -> bool {
        match self {
            Self::U8(samples) => samples.iter().all(|&a| a == u8::MAX),
            Self::U16(samples) => samples.iter().all(|&a| a == u16::MAX),
        }
    }

    /// Number of pixels.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
        }
    }

    /// Whether there are no pixels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn bits(&self) -> u32 {
        match self {
            Self::U8(_) => 8,
            Self::U16(_) => 16,
        }
    }
}

/// The alpha channel of `image`; `None` if it has none.
pub fn extract(image: &DynamicImage) -> Option<AlphaPlane> {
    fn last_of<S: Copy, const CHANNELS: usize>(samples: &[S]) -> Vec<S> {
        let pixels = samples.as_chunks::<CHANNELS>().0;
        pixels.iter().map(|pixel| pixel[CHANNELS - 1]).collect()
    }
    match image {
        DynamicImage::ImageLumaA8(b) => Some(AlphaPlane::U8(last_of::<_, 2>(b))),
        DynamicImage::ImageRgba8(b) => Some(AlphaPlane::U8(last_of::<_, 4>(b))),
        DynamicImage::ImageLumaA16(b) => Some(AlphaPlane::U16(last_of::<_, 2>(b))),
        DynamicImage::ImageRgba16(b) => Some(AlphaPlane::U16(last_of::<_, 4>(b))),
        _ => None,
    }
}

/// Codes `alpha` as a grey PNG file of 8 or 16 bit.
///
/// # Errors
/// [`PictureError::Parameter`] if `alpha` is not of `width` times `height` values, or there are none.
pub fn encode(alpha: &AlphaPlane, width: u32, height: u32) -> Result<Vec<u8>, PictureError> {
    let pixels = u64::from(width) * u64::from(height);
    if alpha.len() as u64 != pixels || pixels == 0 {
        return Err(PictureError::Parameter(format!(
            "an alpha plane of {} values for {width} by {height} pixels",
            alpha.len()
        )));
    }
    let wide;
    let (bytes, depth) = match alpha {
        AlphaPlane::U8(samples) => (samples, png::BitDepth::Eight),
        AlphaPlane::U16(samples) => {
            wide = samples.iter().flat_map(|a| a.to_be_bytes()).collect();
            (&wide, png::BitDepth::Sixteen)
        }
    };
    // Soft edges want a filter for each row, hard cut-outs none: no rule tells them apart as surely as trying.
    let adaptive = encode_with(png::Filter::Adaptive, bytes, depth, width, height)?;
    let plain = encode_with(png::Filter::NoFilter, bytes, depth, width, height)?;
    Ok(if plain.len() < adaptive.len() {
        plain
    } else {
        adaptive
    })
}

fn encode_with(
    filter: png::Filter,
    samples: &[u8],
    depth: png::BitDepth,
    width: u32,
    height: u32,
) -> Result<Vec<u8>, PictureError> {
    let failed = |error: png::EncodingError| PictureError::encode(Format::Png, error);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(filter);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(samples).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// Decodes what [`encode`] has written for a picture of this size and depth.
///
/// # Errors
/// [`PictureError::Decode`] if `bytes` are damaged or of a picture of another size or kind,
/// [`PictureError::Limit`] if the size is over `limits`.
pub fn decode(
    bytes: &[u8],
    width: u32,
    height: u32,
    depth: Depth,
    limits: &PictureLimits,
) -> Result<AlphaPlane, PictureError> {
    let damaged = |reason: &dyn std::fmt::Display| {
        PictureError::damaged(Format::Png, format_args!("alpha channel: {reason}"))
    };
    let (bit_depth, sample_bytes) = match depth {
        Depth::Eight => (png::BitDepth::Eight, 1),
        Depth::Sixteen => (png::BitDepth::Sixteen, 2),
    };
    // 16-bit samples are there as bytes for a moment, too.
    limits.check_size(width, height, sample_bytes * sample_bytes)?;

    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    let header = decoder.read_header_info().map_err(|e| damaged(&e))?;
    if header.size() != (width, height) {
        return Err(damaged(&"its size is not that of the picture"));
    }
    if (header.color_type, header.bit_depth) != (png::ColorType::Grayscale, bit_depth) {
        return Err(damaged(&"it is not grey with the depth of the picture"));
    }
    let mut reader = decoder.read_info().map_err(|e| damaged(&e))?;
    let length = reader.output_buffer_size().unwrap_or(usize::MAX);
    let mut samples = Vec::new();
    samples.try_reserve_exact(length)?;
    samples.resize(length, 0);
    reader.next_frame(&mut samples).map_err(|e| damaged(&e))?;
    reader.finish().map_err(|e| damaged(&e))?;
    Ok(match depth {
        Depth::Eight => AlphaPlane::U8(samples),
        Depth::Sixteen => AlphaPlane::U16(
            samples
                .as_chunks::<2>()
                .0
                .iter()
                .map(|&a| u16::from_be_bytes(a))
                .collect(),
        ),
    })
}
