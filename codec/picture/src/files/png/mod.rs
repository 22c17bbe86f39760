//! PNG: pixels by the crate `png`, chunks by our own walk.
//!
//! The decoder sees the chunks that make the pixels and no others, so that nothing beside them can make it fail.

mod chunks;
mod header;
mod store;
mod stream;

use std::io::Cursor;

use image::DynamicImage;

use crate::pixels::{Channels, image_of};
use crate::{Format, Limits, LoadOptions, Picture, PictureError, Warning};
use chunks::Chunks;

pub(super) use store::store;

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let limits = &options.limits;
    let mut chunks = Chunks::read(bytes, limits)?;
    match chunks.frames {
        // The picture is what programs without animations show, and none of the frames.
        Some(frames) if options.first_frame && !chunks.is_frame => {
            chunks
                .left_out
                .push(format!("an animation of {frames} frames"));
        }
        frames => super::check_frames(Format::Png, frames, options, warnings)?,
    }
    let image = decode(&chunks, limits, warnings)?;
    chunks
        .left_out
        .extend(super::trailing(&bytes[chunks.end..]));
    warnings.extend(Warning::unreadable("PNG", chunks.broken));
    warnings.extend(Warning::left_out("PNG", chunks.left_out));
    Ok(Picture {
        image,
        metadata: chunks.metadata,
    })
}

/// The pixels. A checksum over all of them that is wrong, or missing, is a warning.
fn decode(
    chunks: &Chunks,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<DynamicImage, PictureError> {
    let mut decoder = png::Decoder::new(Cursor::new(&chunks.pixels[..]));
    decoder.ignore_checksums(true);
    let (width, height) = decoder.read_header_info().map_err(failed)?.size();
    decoder.set_limits(png::Limits {
        bytes: usize::try_from(limits.max_memory).unwrap_or(usize::MAX),
    });
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(failed)?;
    let image = read_pixels(&mut reader, width, height)?;
    reader.finish().map_err(failed)?;
    if !chunks.is_whole() {
        warnings.push(Warning::Damaged {
            file: Format::Png.name(),
            reason: "the checksum over its pixels is wrong or missing".to_owned(),
        });
    }
    Ok(image)
}

/// The decoder's words are for programmers.
fn failed(error: png::DecodingError) -> PictureError {
    damaged(match error {
        png::DecodingError::IoError(_) => "its pixels were cut short",
        png::DecodingError::LimitsExceeded => "its pixels take more memory than they can",
        _ => "its pixels are incomplete or wrong",
    })
}

type Reader<'a> = png::Reader<Cursor<&'a [u8]>>;

fn read_pixels(
    reader: &mut Reader<'_>,
    width: u32,
    height: u32,
) -> Result<DynamicImage, PictureError> {
    let (color, depth) = reader.output_color_type();
    let channels = match color {
        png::ColorType::Grayscale => Channels::Grey,
        png::ColorType::GrayscaleAlpha => Channels::GreyAlpha,
        png::ColorType::Rgb => Channels::Rgb,
        png::ColorType::Rgba => Channels::Rgba,
        png::ColorType::Indexed => return Err(damaged("its palette is missing")),
    };
    let image = if depth == png::BitDepth::Sixteen {
        image_of(read_sixteen(reader)?, width, height, channels)?
    } else {
        image_of(read_eight(reader)?, width, height, channels)?
    };
    Ok(image)
}

/// The samples of a picture with 8 bits per sample after expansion.
fn read_eight(reader: &mut Reader<'_>) -> Result<Vec<u8>, PictureError> {
    let length = reader
        .output_buffer_size()
        .ok_or_else(|| damaged("impossible size"))?;
    let mut samples = Vec::new();
    samples.try_reserve_exact(length)?;
    samples.resize(length, 0);
    reader.next_frame(&mut samples).map_err(failed)?;
    Ok(samples)
}

/// The samples of a picture with 16 bits per sample, row by row so that no second copy is needed.
fn read_sixteen(reader: &mut Reader<'_>) -> Result<Vec<u16>, PictureError> {
    if reader.info().interlaced {
        return Ok(from_big_endian(&read_eight(reader)?).collect());
    }
    let length = reader
        .output_buffer_size()
        .ok_or_else(|| damaged("impossible size"))?;
    let mut samples = Vec::new();
    samples.try_reserve_exact(length / 2)?;
    while let Some(row) = reader.next_row().map_err(failed)? {
        samples.extend(from_big_endian(row.data()));
    }
    Ok(samples)
}

fn from_big_endian(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&sample| u16::from_be_bytes(sample))
}

fn damaged(reason: impl std::fmt::Display) -> PictureError {
    PictureError::damaged(Format::Png, reason)
}
