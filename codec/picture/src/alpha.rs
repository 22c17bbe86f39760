//! The alpha channel, which is coded losslessly as a grey PNG.

use std::collections::TryReserveError;
use std::io::Cursor;

use kiln_container::Depth;

use super::panics::guard;
use super::{Format, PictureError};
use crate::Limits;
use crate::pixels::{Pixels, PixelsError, PixelsMut, Sample};

/// Codes the alpha channel of `pixels` as a grey PNG file of their depth; `None` if there is none, or it is opaque
/// everywhere.
///
/// # Errors
/// [`PictureError::OutOfMemory`] if the machine cannot hold a copy of the channel.
pub fn encode(pixels: Pixels<'_>) -> Result<Option<Vec<u8>>, PictureError> {
    if pixels.is_opaque() {
        return Ok(None);
    }
    let (width, height) = (pixels.width(), pixels.height());
    let (bytes, depth) = match pixels.depth() {
        Depth::Eight => (bytes_of(pixels, u8::to_be_bytes)?, png::BitDepth::Eight),
        Depth::Sixteen => (bytes_of(pixels, u16::to_be_bytes)?, png::BitDepth::Sixteen),
    };
    // Soft edges want a filter for each row, hard cut-outs none: no rule tells them apart as surely as trying.
    let adaptive = encode_with(png::Filter::Adaptive, &bytes, depth, width, height)?;
    let plain = encode_with(png::Filter::NoFilter, &bytes, depth, width, height)?;
    Ok(Some(if plain.len() < adaptive.len() {
        plain
    } else {
        adaptive
    }))
}

/// The alpha channel row by row, as a PNG stores it.
fn bytes_of<S: Sample, const BYTES: usize>(
    pixels: Pixels<'_>,
    to_bytes: impl Fn(S) -> [u8; BYTES],
) -> Result<Vec<u8>, TryReserveError> {
    let count = pixels.channels().count();
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(pixels.width() as usize * pixels.height() as usize * BYTES)?;
    for row in pixels.rows::<S>().into_iter().flatten() {
        let alpha = row.iter().skip(count - 1).step_by(count);
        bytes.extend(alpha.flat_map(|&a| to_bytes(a)));
    }
    Ok(bytes)
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

/// Decodes what [`encode`] has written for a picture of this size and of samples of `depth`. Colour stays as it is.
///
/// # Errors
/// [`PictureError::Decode`] if `bytes` are damaged or of a picture of another size or kind,
/// [`PictureError::Limit`] if the size is over `limits`, [`PictureError::Parameter`] if `into` has no alpha.
pub fn decode(
    bytes: &[u8],
    depth: Depth,
    limits: &Limits,
    into: &mut PixelsMut<'_>,
) -> Result<(), PictureError> {
    if !into.channels().has_alpha() {
        return Err(PixelsError::NoAlpha(into.channels()).into());
    }
    let (width, height) = (into.width(), into.height());
    let samples = guard(Format::Png, || samples(bytes, width, height, depth, limits))?;
    match into.depth() {
        Depth::Eight => write::<u8>(&samples, depth, into),
        Depth::Sixteen => write::<u16>(&samples, depth, into),
    }
    Ok(())
}

/// The samples of a grey PNG, in its own byte order.
fn samples(
    bytes: &[u8],
    width: u32,
    height: u32,
    depth: Depth,
    limits: &Limits,
) -> Result<Vec<u8>, PictureError> {
    let damaged = |reason: &dyn std::fmt::Display| {
        PictureError::damaged(Format::Png, format_args!("alpha channel: {reason}"))
    };
    let (bit_depth, sample_bytes) = match depth {
        Depth::Eight => (png::BitDepth::Eight, 1),
        Depth::Sixteen => (png::BitDepth::Sixteen, 2),
    };
    limits.check_size(width, height, sample_bytes)?;

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
    Ok(samples)
}

fn write<S: Sample>(samples: &[u8], depth: Depth, into: &mut PixelsMut<'_>) {
    let (width, count) = (into.width() as usize, into.channels().count());
    let rows = into.rows_mut::<S>().into_iter().flatten();
    match depth {
        Depth::Eight => {
            for (row, from) in rows.zip(samples.chunks(width)) {
                let alpha = row.iter_mut().skip(count - 1).step_by(count);
                alpha.zip(from).for_each(|(to, from)| *to = S::of(*from));
            }
        }
        Depth::Sixteen => {
            for (row, from) in rows.zip(samples.as_chunks().0.chunks(width)) {
                let alpha = row.iter_mut().skip(count - 1).step_by(count);
                alpha
                    .zip(from)
                    .for_each(|(to, from)| *to = S::of(u16::from_be_bytes(*from)));
            }
        }
    }
}
