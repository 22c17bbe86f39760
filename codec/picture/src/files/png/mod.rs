//! PNG: pixels by the crate `png`, chunks by our own walk.
//!
//! The decoder sees the chunks that make the pixels and no others, so that nothing beside them can make it fail.

mod chunks;
mod store;

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
    // The size comes first: chunks are looked at for a picture that is within the limits.
    check_header(bytes, limits)?;
    let mut chunks = Chunks::read(bytes, limits)?;
    super::check_frames(Format::Png, chunks.frames, options, warnings)?;
    let image = decode(&chunks.pixels, limits, warnings)?;
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

/// What the pixels of a file are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Grey,
    Rgb,
    Palette,
    WithAlpha,
}

impl Colour {
    /// Reads the header chunk.
    fn read(header: &[u8]) -> Result<Self, PictureError> {
        match header {
            [_, _, _, _, _, _, _, _, _, 0, ..] => Ok(Self::Grey),
            [_, _, _, _, _, _, _, _, _, 2, ..] => Ok(Self::Rgb),
            [_, _, _, _, _, _, _, _, _, 3, ..] => Ok(Self::Palette),
            [_, _, _, _, _, _, _, _, _, 4 | 6, ..] => Ok(Self::WithAlpha),
            _ => Err(damaged("its header names no kind of pixels")),
        }
    }
}

fn check_header(bytes: &[u8], limits: &Limits) -> Result<(), PictureError> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    let header = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = header.size();
    // Four samples of 16 bit at most; the kind is known for certain only after the chunk tRNS.
    limits.check_size(width, height, bytes_per_pixel_bound(header))
}

/// The pixels. A checksum over all of them that is wrong is a warning, as it is for libpng.
fn decode(
    bytes: &[u8],
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<DynamicImage, PictureError> {
    let is_strict = true;
    if let Ok(image) = decode_with(bytes, limits, is_strict) {
        return Ok(image);
    }
    let image = decode_with(bytes, limits, !is_strict)?;
    warnings.push(Warning::Damaged {
        file: "PNG",
        reason: "the checksum over its pixels is wrong".to_owned(),
    });
    Ok(image)
}

fn decode_with(
    bytes: &[u8],
    limits: &Limits,
    is_strict: bool,
) -> Result<DynamicImage, PictureError> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.ignore_checksums(!is_strict);
    let (width, height) = decoder.read_header_info().map_err(damaged)?.size();
    decoder.set_limits(png::Limits {
        bytes: usize::try_from(limits.max_memory).unwrap_or(usize::MAX),
    });
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let image = read_pixels(&mut reader, width, height)?;
    reader.finish().map_err(damaged)?;
    Ok(image)
}

fn bytes_per_pixel_bound(header: &png::Info) -> u64 {
    let sample_bytes = if header.bit_depth == png::BitDepth::Sixteen {
        2
    } else {
        1
    };
    let samples = match header.color_type {
        png::ColorType::Grayscale | png::ColorType::GrayscaleAlpha => 2,
        _ => 4,
    };
    // An interlaced picture of 16 bit is collected as bytes first.
    let copies = if header.interlaced { 2 } else { 1 };
    sample_bytes * samples * copies
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
    reader.next_frame(&mut samples).map_err(damaged)?;
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
    while let Some(row) = reader.next_row().map_err(damaged)? {
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
