//! Writing WebP: pixels by the crate `image`, which does not take all of the metadata, so that chunks are written here.

use image::ExtendedColorType;
use image::codecs::webp::WebPEncoder;

use super::chunks::{FLAG_ALPHA, RIFF_HEADER, push_chunk};
use crate::files::eight_bits;
use crate::metadata::present;
use crate::parts::Part;
use crate::pixels::{Channels, Pixels};
use crate::{Format, Metadata, PictureError, Warning};

const FLAG_XMP: u8 = 1 << 2;
const FLAG_EXIF: u8 = 1 << 3;
const FLAG_ICC: u8 = 1 << 5;

pub(in crate::files) fn store(
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
    let lost = metadata.names_but(&[Part::Icc, Part::Exif, Part::Xmp]);
    warnings.extend(Warning::dropped(Format::WebP.name(), lost));
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
    push(&mut out, b"VP8X", &extended)?;
    if let Some(icc) = icc {
        push(&mut out, b"ICCP", icc)?;
    }
    // The encoder's own file holds one chunk, the picture.
    out.extend(simple.get(RIFF_HEADER..).unwrap_or_default());
    if let Some(exif) = exif {
        push(&mut out, b"EXIF", exif)?;
    }
    if let Some(xmp) = xmp {
        push(&mut out, b"XMP ", xmp)?;
    }
    let length = u32::try_from(out.len() - 8).map_err(|_| encode("it would be over 4 GiB"))?;
    out[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(out)
}

fn push(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) -> Result<(), PictureError> {
    push_chunk(out, name, data).ok_or_else(|| encode("its metadata is over 4 GiB"))
}

fn encode(reason: impl std::fmt::Display) -> PictureError {
    PictureError::encode(Format::WebP, reason)
}
