//! WebP: pixels by the crate `image`, chunks by our own walk.
//!
//! The walk checks sizes before the decoder sees the file, because the decoder allocates what a chunk header
//! claims, and because metadata may be written that the encoder does not take.

use super::{animated, decode_within, eight_bits, present, without_exif_prefix};
use crate::pixels::{Channels, Pixels};
use crate::{Format, LoadOptions, Metadata, Picture, PictureError, Warning};
use image::ExtendedColorType;
use image::codecs::webp::{WebPDecoder, WebPEncoder};
use std::io::Cursor;

/// Bytes before the first chunk: `RIFF`, length, `WEBP`.
const RIFF_HEADER: usize = 12;

const FLAG_XMP: u8 = 1 << 2;
const FLAG_EXIF: u8 = 1 << 3;
const FLAG_ALPHA: u8 = 1 << 4;
const FLAG_ICC: u8 = 1 << 5;
const FLAG_ANIMATION: u8 = 1 << 1;

/// A lossless picture without alpha is unpacked as RGBA first; a lossy one has planes, and alpha of its own.
const WORKING_BYTES: u64 = 8;

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    _warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let limits = &options.limits;
    let chunks = Chunks::scan(bytes)?;
    if let Some(frames) = chunks.animation {
        return Err(animated(Format::WebP, frames));
    }
    let metadata = Metadata {
        icc: limits.accept_block("the ICC profile, in bytes,", chunks.icc)?,
        exif: limits.accept_block(
            "the EXIF data, in bytes,",
            chunks.exif.map(without_exif_prefix),
        )?,
        xmp: limits.accept_block("the XMP packet, in bytes,", chunks.xmp)?,
        ..Metadata::default()
    };
    let decoder = WebPDecoder::new(Cursor::new(&bytes[..chunks.end]))
        .map_err(|error| PictureError::from_decoder(Format::WebP, error))?;
    let image = decode_within(Format::WebP, decoder, WORKING_BYTES, limits)?;
    Ok(Picture { image, metadata })
}

/// What the chunks of a file say.
#[derive(Default)]
struct Chunks<'a> {
    /// Where the last chunk ends.
    end: usize,
    /// Number of frames, if it is an animation.
    animation: Option<u32>,
    icc: Option<&'a [u8]>,
    exif: Option<&'a [u8]>,
    xmp: Option<&'a [u8]>,
}

impl<'a> Chunks<'a> {
    fn scan(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let cut_short = || damaged("it was cut short");
        let length = little_endian(bytes, 4, 4).ok_or_else(cut_short)?;
        let end = 8usize.saturating_add(length);
        let mut rest = bytes.get(RIFF_HEADER..end).ok_or_else(cut_short)?;
        let mut chunks = Self {
            end,
            ..Self::default()
        };
        let mut canvas = None;
        let mut picture = None;
        let mut flagged_animation = false;
        let mut frames = 0;
        while rest.len() >= 8 {
            let length = little_endian(rest, 4, 4).ok_or_else(cut_short)?;
            let data = rest[8..].get(..length).ok_or_else(cut_short)?;
            match &rest[..4] {
                b"VP8X" => {
                    flagged_animation = data.first().is_some_and(|f| f & FLAG_ANIMATION != 0);
                    canvas = extended_size(data);
                }
                b"VP8 " => picture = picture.or(lossy_size(data)),
                b"VP8L" => picture = picture.or(lossless_size(data)),
                b"ANMF" => frames += 1,
                b"ICCP" => chunks.icc = chunks.icc.or(Some(data)),
                b"EXIF" => chunks.exif = chunks.exif.or(Some(data)),
                b"XMP " => chunks.xmp = chunks.xmp.or(Some(data)),
                _ => {}
            }
            // Chunks start at even positions; the last one may lack its padding.
            rest = &rest[(8 + length + (length & 1)).min(rest.len())..];
        }
        if flagged_animation || frames > 0 {
            chunks.animation = Some(frames);
            return Ok(chunks);
        }
        // The decoder allocates by the size of the picture before it compares it with the canvas.
        match (canvas, picture) {
            (_, None) => Err(damaged("there is no picture in it")),
            (Some(canvas), Some(picture)) if canvas != picture => Err(damaged(
                "its picture is not of the size that its header says",
            )),
            _ => Ok(chunks),
        }
    }
}

/// An unsigned number of `length` bytes at `at`.
fn little_endian(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let number = bytes.get(at..at + length)?;
    Some(
        number
            .iter()
            .rfold(0, |sum, &byte| sum << 8 | usize::from(byte)),
    )
}

fn extended_size(data: &[u8]) -> Option<(usize, usize)> {
    Some((
        little_endian(data, 4, 3)? + 1,
        little_endian(data, 7, 3)? + 1,
    ))
}

fn lossy_size(data: &[u8]) -> Option<(usize, usize)> {
    // The upper two bits ask for scaling after decoding, which nobody does.
    let side = |at| Some(little_endian(data, at, 2)? & 0x3FFF);
    Some((side(6)?, side(8)?))
}

fn lossless_size(data: &[u8]) -> Option<(usize, usize)> {
    let bits = little_endian(data, 1, 4)?;
    Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
}

pub(super) fn store(
    pixels: Pixels<'_>,
    metadata: &Metadata,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, PictureError> {
    let (width, height, channels) = (pixels.width(), pixels.height(), pixels.channels());
    let samples = eight_bits(pixels, channels, Format::WebP, warnings)?;
    let color = match channels {
        Channels::Grey => ExtendedColorType::L8,
        Channels::GreyAlpha => ExtendedColorType::La8,
        Channels::Rgb => ExtendedColorType::Rgb8,
        Channels::Rgba => ExtendedColorType::Rgba8,
    };
    let mut simple = Vec::new();
    WebPEncoder::new_lossless(&mut simple)
        .encode(&samples, width, height, color)
        .map_err(encode)?;

    let [icc, exif, xmp] = [&metadata.icc, &metadata.exif, &metadata.xmp].map(present);
    if icc.is_none() && exif.is_none() && xmp.is_none() {
        return Ok(simple);
    }
    let mut flags = 0;
    for (set, flag) in [
        (channels.has_alpha(), FLAG_ALPHA),
        (icc.is_some(), FLAG_ICC),
        (exif.is_some(), FLAG_EXIF),
        (xmp.is_some(), FLAG_XMP),
    ] {
        flags |= if set { flag } else { 0 };
    }
    let mut extended = vec![flags, 0, 0, 0];
    extended.extend(&(width - 1).to_le_bytes()[..3]);
    extended.extend(&(height - 1).to_le_bytes()[..3]);

    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    push_chunk(&mut out, b"VP8X", &extended)?;
    if let Some(icc) = icc {
        push_chunk(&mut out, b"ICCP", icc)?;
    }
    // The encoder's own file holds one chunk, the picture.
    out.extend(simple.get(RIFF_HEADER..).unwrap_or_default());
    if let Some(exif) = exif {
        push_chunk(&mut out, b"EXIF", exif)?;
    }
    if let Some(xmp) = xmp {
        push_chunk(&mut out, b"XMP ", xmp)?;
    }
    let length = u32::try_from(out.len() - 8).map_err(|_| encode("it would be over 4 GiB"))?;
    out[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(out)
}

fn push_chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) -> Result<(), PictureError> {
    let length = u32::try_from(data.len()).map_err(|_| encode("its metadata is over 4 GiB"))?;
    out.extend(name);
    out.extend(length.to_le_bytes());
    out.extend(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
    Ok(())
}

fn damaged(reason: &str) -> PictureError {
    PictureError::damaged(Format::WebP, reason)
}

fn encode(reason: impl std::fmt::Display) -> PictureError {
    PictureError::encode(Format::WebP, reason)
}
