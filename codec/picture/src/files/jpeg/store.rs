//! Writing JPEG: pixels by the crate `image`, segments here.

use image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use image::{ExtendedColorType, ImageEncoder};
use kiln_container::ColorKind;

use super::metadata::{IPTC_RESOURCE, extension_name};
use super::segments::{
    APP0, APP1, APP2, APP13, COM, EXIF_PREFIX, EXTENSION_PREFIX, ICC_PREFIX, PHOTOSHOP_PREFIX, SOI,
    XMP_PREFIX,
};
use crate::files::eight_bits;
use crate::metadata::present;
use crate::parts::{Part, names_of_texts};
use crate::pixels::{Channels, Pixels};
use crate::{Density, DensityUnit, Format, Metadata, PictureError, Text, Warning};

/// Most bytes in a segment: its length field counts itself.
const MAX_SEGMENT: usize = 65_533;
/// Most bytes of a colour profile in one segment: prefix, number and count come first.
const MAX_ICC_PART: usize = MAX_SEGMENT - ICC_PREFIX.len() - 2;
/// Most bytes of an extension in one segment: prefix, name, length and offset come first.
const MAX_EXTENSION_PART: usize = MAX_SEGMENT - EXTENSION_PREFIX.len() - 40;

/// What a JPEG file has a place for, if it is not too large.
const HELD: [Part; 7] = [
    Part::Icc,
    Part::Exif,
    Part::Xmp,
    Part::ExtendedXmp,
    Part::Iptc,
    Part::Density,
    Part::Text,
];

pub(in crate::files) fn store(
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
    let mut lost = metadata.names_but(&HELD);
    let density = metadata.density.and_then(jfif_density);
    if density.is_none() && metadata.density.is_some() {
        lost.push(Part::Density.into());
    }
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100));
    if let Some(density) = density {
        encoder.set_pixel_density(density);
    }
    encoder
        .write_image(&samples, pixels.width(), pixels.height(), color)
        .map_err(|error| PictureError::encode(Format::Jpeg, error))?;

    let segments = metadata_segments(metadata, &mut lost);
    let at = metadata_position(&bytes);
    bytes.splice(at..at, segments);
    warnings.extend(Warning::dropped(Format::Jpeg.name(), lost));
    Ok(bytes)
}

/// The density in pixels per inch or per centimetre, whichever says the same, or else the nearest number per inch.
/// `None` if it is too large.
fn jfif_density(density: Density) -> Option<PixelDensity> {
    let per_inch = |n: u32| (u64::from(n) * 254 + 5_000) / 10_000;
    let is_per_inch = |n: u32| (per_inch(n) * 10_000 + 127) / 254 == u64::from(n);
    let build = |x: u64, y: u64, unit| {
        let number = |n: u64| u16::try_from(n).ok().filter(|&n| n > 0);
        let density = (number(x)?, number(y)?);
        Some(PixelDensity { density, unit })
    };
    let Density { x, y, unit } = density;
    if unit == DensityUnit::Unknown {
        return build(x.into(), y.into(), PixelDensityUnit::PixelAspectRatio);
    }
    let inches = build(per_inch(x), per_inch(y), PixelDensityUnit::Inches);
    let centimetres = match x % 100 == 0 && y % 100 == 0 {
        true => build(
            (x / 100).into(),
            (y / 100).into(),
            PixelDensityUnit::Centimeters,
        ),
        false => None,
    };
    match is_per_inch(x) && is_per_inch(y) {
        true => inches.or(centimetres),
        false => centimetres.or(inches),
    }
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

/// All segments. What does not fit goes to `lost`.
fn metadata_segments(metadata: &Metadata, lost: &mut Vec<String>) -> Vec<u8> {
    let mut out = Vec::new();
    let single = [
        (Part::Exif, &metadata.exif, APP1, EXIF_PREFIX),
        (Part::Xmp, &metadata.xmp, APP1, XMP_PREFIX),
    ];
    for (part, block, marker, prefix) in single {
        let Some(block) = present(block) else {
            continue;
        };
        if !push_segment(&mut out, marker, &[prefix, block]) {
            lost.push(part.into());
        }
    }
    if let Some(extension) = present(&metadata.extended_xmp)
        && !push_extension(&mut out, metadata, extension)
    {
        lost.push(Part::ExtendedXmp.into());
    }
    if let Some(icc) = present(&metadata.icc) {
        let parts = icc.chunks(MAX_ICC_PART);
        match u8::try_from(parts.len()) {
            Ok(count) => {
                for (number, part) in (1..=count).zip(parts) {
                    push_segment(&mut out, APP2, &[ICC_PREFIX, &[number, count], part]);
                }
            }
            Err(_) => lost.push(Part::Icc.into()),
        }
    }
    if let Some(iptc) = present(&metadata.iptc)
        && !push_iptc(&mut out, iptc)
    {
        lost.push(Part::Iptc.into());
    }
    let dropped = metadata
        .text
        .iter()
        .filter(|text| !push_comment(&mut out, text));
    lost.extend(names_of_texts(dropped));
    out
}

/// A text that is a comment, or nothing and `false`: others have no place.
fn push_comment(out: &mut Vec<u8>, text: &Text) -> bool {
    text.keyword() == Text::COMMENT && push_segment(out, COM, &[text.text.as_bytes()])
}

/// The extension of the XMP packet in parts, or nothing and `false` if the packet does not name it.
fn push_extension(out: &mut Vec<u8>, metadata: &Metadata, extension: &[u8]) -> bool {
    let main = present(&metadata.xmp).filter(|main| main.len() <= MAX_SEGMENT - XMP_PREFIX.len());
    let name = main.and_then(extension_name);
    let (Some(name), Ok(length)) = (name, u32::try_from(extension.len())) else {
        return false;
    };
    let mut offset = 0_u32;
    for part in extension.chunks(MAX_EXTENSION_PART) {
        let numbers = [length.to_be_bytes(), offset.to_be_bytes()].concat();
        push_segment(out, APP1, &[EXTENSION_PREFIX, name, &numbers, part]);
        offset += part.len() as u32;
    }
    true
}

/// IPTC as the one image resource of a segment of Photoshop.
fn push_iptc(out: &mut Vec<u8>, iptc: &[u8]) -> bool {
    let Ok(length) = u32::try_from(iptc.len()) else {
        return false;
    };
    let number = IPTC_RESOURCE.to_be_bytes();
    let padding: &[u8] = if iptc.len() % 2 == 1 { &[0] } else { &[] };
    // The name is empty, and filled up to an even length.
    let head = [&b"8BIM"[..], &number, &[0, 0], &length.to_be_bytes()].concat();
    push_segment(out, APP13, &[PHOTOSHOP_PREFIX, &head, iptc, padding])
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
