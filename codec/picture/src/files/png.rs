//! PNG. The crate `png` is used directly, because metadata may also stand behind the pixels.

use super::{XMP, animated, present, without_exif_prefix};
use crate::pixels::{Channels, Depth, Pixels, image_of};
use crate::{Format, LoadOptions, Metadata, Picture, PictureError, Warning};
use image::DynamicImage;
use png::text_metadata::ITXtChunk;
use std::borrow::Cow;
use std::io::{Cursor, Write};

/// The keyword that marks the text chunk with the XMP packet (XMP specification part 3, 1.1.5).
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// On the 24 pictures of Kodak this is 6.5 times as fast as the usual level 6, for files 3.6 % larger.
const DEFLATE: png::DeflateCompression = png::DeflateCompression::Level(2);

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    _warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let limits = &options.limits;
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    let header = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = header.size();
    // Four samples of 16 bit at most; the kind is known for certain only after the chunk tRNS.
    limits.check_size(width, height, bytes_per_pixel_bound(header))?;

    // Chunks are held as they are and again decompressed, and a row is counted too. A colour profile over this
    // limit is skipped without an error by the crate, hence the room above the limit that is checked below.
    let row_bytes = u64::from(width) * 8 + 8;
    let chunk_bytes = limits.max_metadata.saturating_mul(4);
    decoder.set_limits(png::Limits {
        bytes: usize::try_from(chunk_bytes.saturating_add(row_bytes)).unwrap_or(usize::MAX),
    });
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(damaged)?;
    if let Some(animation) = reader.info().animation_control {
        return Err(animated(Format::Png, animation.num_frames));
    }

    check_palette(reader.info())?;

    let image = read_pixels(&mut reader, width, height)?;
    reader.finish().map_err(damaged)?;
    let metadata = metadata(reader.info(), limits)?;
    Ok(Picture { image, metadata })
}

/// Refuses a palette with a part of a colour: the crate takes it for valid, and panics when it looks a colour up.
fn check_palette(info: &png::Info) -> Result<(), PictureError> {
    match (&info.palette, info.color_type) {
        (Some(palette), png::ColorType::Indexed) if palette.len() % 3 != 0 => {
            Err(damaged(format_args!(
                "its palette takes {} bytes, which have to be 3 for each colour",
                palette.len()
            )))
        }
        _ => Ok(()),
    }
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
        png::ColorType::Indexed => {
            return Err(PictureError::Unsupported(format!(
                "PNG with {color:?} of {depth:?} bits is not read"
            )));
        }
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

fn metadata(info: &png::Info, limits: &crate::Limits) -> Result<Metadata, PictureError> {
    let exif = info.exif_metadata.as_deref().map(without_exif_prefix);
    let xmp = info
        .utf8_text
        .iter()
        .find(|text| text.keyword == XMP_KEYWORD)
        .map(|text| -> Result<String, png::DecodingError> {
            let mut text = text.clone();
            // One more than the limit tells a packet that is too large from a damaged one.
            let bound = limits.max_metadata.saturating_add(1);
            text.decompress_text_with_limit(usize::try_from(bound).unwrap_or(usize::MAX))?;
            text.get_text()
        })
        .transpose()
        .map_err(|error| damaged(format_args!("XMP packet: {error}")))?;
    Ok(Metadata {
        icc: limits.accept_block("the ICC profile, in bytes,", info.icc_profile.as_deref())?,
        exif: limits.accept_block("the EXIF data, in bytes,", exif)?,
        xmp: limits.accept_block(
            "the XMP packet, in bytes,",
            xmp.as_deref().map(str::as_bytes),
        )?,
        ..Metadata::default()
    })
}

pub(super) fn store(
    pixels: Pixels<'_>,
    metadata: &Metadata,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, PictureError> {
    let mut info = png::Info::with_size(pixels.width(), pixels.height());
    info.color_type = match pixels.channels() {
        Channels::Grey => png::ColorType::Grayscale,
        Channels::GreyAlpha => png::ColorType::GrayscaleAlpha,
        Channels::Rgb => png::ColorType::Rgb,
        Channels::Rgba => png::ColorType::Rgba,
    };
    info.bit_depth = match pixels.depth() {
        Depth::Eight => png::BitDepth::Eight,
        Depth::Sixteen => png::BitDepth::Sixteen,
    };
    info.icc_profile = present(&metadata.icc).map(Cow::Borrowed);
    info.exif_metadata = present(&metadata.exif).map(Cow::Borrowed);
    if let Some(xmp) = present(&metadata.xmp) {
        match std::str::from_utf8(xmp) {
            Ok(text) => info.utf8_text.push(ITXtChunk::new(XMP_KEYWORD, text)),
            Err(_) => warnings.extend(Warning::dropped(Format::Png.name(), vec![XMP.into()])),
        }
    }

    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut bytes, info).map_err(encode)?;
    encoder.set_deflate_compression(DEFLATE);
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header().map_err(encode)?;
    let mut stream = writer.stream_writer_with_size(1 << 16).map_err(encode)?;
    match pixels.depth() {
        Depth::Eight => write_eight(&mut stream, pixels),
        Depth::Sixteen => write_sixteen(&mut stream, pixels),
    }
    .map_err(encode)?;
    stream.finish().map_err(encode)?;
    writer.finish().map_err(encode)?;
    Ok(bytes)
}

fn write_eight(stream: &mut impl Write, pixels: Pixels<'_>) -> std::io::Result<()> {
    let mut rows = pixels.rows().into_iter().flatten();
    rows.try_for_each(|row| stream.write_all(row))
}

/// Writes samples in PNG's byte order, row by row so that no second copy is needed.
fn write_sixteen(stream: &mut impl Write, pixels: Pixels<'_>) -> std::io::Result<()> {
    let mut row_bytes = Vec::new();
    for row in pixels.rows::<u16>().into_iter().flatten() {
        row_bytes.clear();
        row_bytes.extend(row.iter().flat_map(|sample| sample.to_be_bytes()));
        stream.write_all(&row_bytes)?;
    }
    Ok(())
}

fn damaged(reason: impl std::fmt::Display) -> PictureError {
    PictureError::damaged(Format::Png, reason)
}

fn encode(reason: impl std::fmt::Display) -> PictureError {
    PictureError::encode(Format::Png, reason)
}
