//! JPEG: pixels by the crate `image`, markers by our own scan.
//!
//! The scan is needed because the decoder fills up a truncated file with grey and says nothing, and because it
//! converts CMYK as if there were no profile.

use super::{EXIF, ICC, XMP, decode_within, eight_bits, present, without_exif_prefix};
use crate::pixels::{Channels, Pixels};
use crate::{Format, LoadOptions, Metadata, Picture, PictureError, Warning};
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{ExtendedColorType, ImageEncoder};
use kiln_container::ColorKind;
use std::io::Cursor;

const EXIF_PREFIX: &[u8] = b"Exif\0\0";
const XMP_PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC_PREFIX: &[u8] = b"ICC_PROFILE\0";

/// Most bytes in a segment: its length field counts itself.
const MAX_SEGMENT: usize = 65_533;
/// Most bytes of a colour profile in one segment: prefix, number and count come first.
const MAX_ICC_PART: usize = MAX_SEGMENT - ICC_PREFIX.len() - 2;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;

/// Progressive files keep all their coefficients, 16 bit each, until the end.
const WORKING_BYTES: u64 = 6;

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    _warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let limits = &options.limits;
    let segments = Segments::scan(bytes)?;
    let metadata = Metadata {
        icc: limits.accept_block("the ICC profile, in bytes,", segments.icc().as_deref())?,
        exif: limits.accept_block("the EXIF data, in bytes,", segments.exif)?,
        xmp: limits.accept_block("the XMP packet, in bytes,", segments.xmp)?,
        ..Metadata::default()
    };
    let decoder = JpegDecoder::new(Cursor::new(bytes))
        .map_err(|error| PictureError::from_decoder(Format::Jpeg, error))?;
    let image = decode_within(Format::Jpeg, decoder, WORKING_BYTES, limits)?;
    Ok(Picture { image, metadata })
}

/// What the markers of a file say.
#[derive(Default)]
struct Segments<'a> {
    exif: Option<&'a [u8]>,
    xmp: Option<&'a [u8]>,
    /// Parts of the colour profile: number from 1, count, bytes.
    icc_parts: Vec<(u8, u8, &'a [u8])>,
}

impl<'a> Segments<'a> {
    /// Walks the markers up to the end of the picture. What follows it (previews, gain maps) is ignored.
    fn scan(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let mut segments = Self::default();
        let mut frame_seen = false;
        let mut rest = bytes;
        loop {
            let (marker, after) = next_marker(rest).ok_or_else(|| {
                damaged("it ends before its end-of-image marker; it was cut short")
            })?;
            rest = after;
            match marker {
                EOI if frame_seen => return Ok(segments),
                EOI => return Err(damaged("there is no picture in it")),
                // Without a length: start of image and the marker for private use.
                SOI | 0x01 => continue,
                _ => {}
            }
            let payload = payload(rest).ok_or_else(|| damaged("a segment is cut short"))?;
            rest = &rest[2 + payload.len()..];
            match marker {
                APP1 => {
                    if payload.starts_with(EXIF_PREFIX) {
                        segments.exif.get_or_insert(without_exif_prefix(payload));
                    } else if let Some(xmp) = payload.strip_prefix(XMP_PREFIX) {
                        segments.xmp.get_or_insert(xmp);
                    }
                }
                APP2 => {
                    if let Some([number, count, part @ ..]) = payload.strip_prefix(ICC_PREFIX) {
                        segments.icc_parts.push((*number, *count, part));
                    }
                }
                // All start-of-frame markers; C4, C8 and CC among them mean something else.
                0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                    check_frame(marker, payload)?;
                    frame_seen = true;
                }
                _ => {}
            }
        }
    }

    /// The colour profile, if its parts are complete: numbered from 1 and each there once, in any order.
    fn icc(&self) -> Option<Vec<u8>> {
        let mut parts = self.icc_parts.clone();
        parts.sort_by_key(|&(number, _, _)| number);
        let complete = parts.iter().enumerate().all(|(i, &(number, count, _))| {
            usize::from(number) == i + 1 && usize::from(count) == parts.len()
        });
        complete.then(|| {
            parts
                .iter()
                .flat_map(|&(_, _, part)| part)
                .copied()
                .collect()
        })
    }
}

/// The next marker and what follows it. Entropy-coded data, restart markers and fill bytes are passed over.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.iter().position(|&byte| byte == 0xFF)?;
        bytes = &bytes[at + 1..];
        match bytes {
            [0x00 | 0xFF | 0xD0..=0xD7, ..] => {}
            [marker, after @ ..] => return Some((*marker, after)),
            [] => return None,
        }
    }
}

/// The bytes of the segment whose length field `bytes` starts with.
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes(*bytes.first_chunk::<2>()?));
    bytes.get(2..length)
}

/// Refuses by name the kinds of JPEG that are not read.
fn check_frame(marker: u8, payload: &[u8]) -> Result<(), PictureError> {
    let &[precision, _, _, _, _, components, ..] = payload else {
        return Err(damaged("its frame header is cut short"));
    };
    let unsupported = |what: &str| {
        Err(PictureError::Unsupported(format!(
            "{what} is not supported"
        )))
    };
    match (marker, precision, components) {
        (0xC3 | 0xC5..=0xC7, ..) => unsupported("lossless or hierarchical JPEG"),
        (0xC9..=0xCF, ..) => unsupported("JPEG with arithmetic coding"),
        (_, _, 4) => unsupported("CMYK JPEG"),
        (_, 8, 1 | 3) => Ok(()),
        (_, 8, n) => unsupported(&format!("JPEG with {n} components")),
        (_, bits, _) => unsupported(&format!("JPEG with {bits} bits per sample")),
    }
}

pub(super) fn store(
    pixels: Pixels<'_>,
    metadata: &Metadata,
    quality: u8,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, PictureError> {
    let (channels, color) = match pixels.channels().color() {
        ColorKind::Grey => (Channels::Grey, ExtendedColorType::L8),
        ColorKind::Rgb => (Channels::Rgb, ExtendedColorType::Rgb8),
    };
    let samples = eight_bits(pixels, channels, Format::Jpeg, warnings)?;
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
        .write_image(&samples, pixels.width(), pixels.height(), color)
        .map_err(|error| PictureError::encode(Format::Jpeg, error))?;

    let segments = metadata_segments(metadata, warnings);
    let at = metadata_position(&bytes);
    bytes.splice(at..at, segments);
    Ok(bytes)
}

/// Metadata goes behind the JFIF header, which has to come first.
fn metadata_position(bytes: &[u8]) -> usize {
    match bytes {
        [0xFF, SOI, 0xFF, APP0, high, low, ..] => {
            4 + usize::from(u16::from_be_bytes([*high, *low]))
        }
        _ => 2,
    }
    .min(bytes.len())
}

fn metadata_segments(metadata: &Metadata, warnings: &mut Vec<Warning>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut lost = Vec::new();
    if let Some(exif) = present(&metadata.exif)
        && !push_segment(&mut out, APP1, &[EXIF_PREFIX, exif])
    {
        lost.push(EXIF.to_owned());
    }
    if let Some(xmp) = present(&metadata.xmp)
        && !push_segment(&mut out, APP1, &[XMP_PREFIX, xmp])
    {
        lost.push(XMP.to_owned());
    }
    if let Some(icc) = present(&metadata.icc) {
        let parts = icc.chunks(MAX_ICC_PART);
        match u8::try_from(parts.len()) {
            Ok(count) => {
                for (number, part) in (1..=count).zip(parts) {
                    push_segment(&mut out, APP2, &[ICC_PREFIX, &[number, count], part]);
                }
            }
            Err(_) => lost.push(ICC.to_owned()),
        }
    }
    warnings.extend(Warning::dropped(Format::Jpeg.name(), lost));
    out
}

/// Appends a segment, or nothing and returns `false` if it would be too long.
fn push_segment(out: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) -> bool {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let Ok(length) = u16::try_from(length + 2) else {
        return false;
    };
    out.extend([0xFF, marker]);
    out.extend(length.to_be_bytes());
    out.extend(parts.concat());
    true
}

fn damaged(reason: &str) -> PictureError {
    PictureError::damaged(Format::Jpeg, reason)
}
