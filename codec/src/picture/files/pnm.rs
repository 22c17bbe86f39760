//! PNM: read by the crate `image`, written here as PGM, PPM, or PAM where there is alpha.

use super::{Picture, PictureError, PictureLimits, Warning};
use super::{decode_within, warn_no_metadata};
use crate::picture::{Format, Metadata};
use image::DynamicImage;
use image::codecs::pnm::PnmDecoder;
use std::io::Cursor;

pub(super) fn load(bytes: &[u8], limits: &PictureLimits) -> Result<Picture, PictureError> {
    let decoder = PnmDecoder::new(Cursor::new(bytes))
        .map_err(|error| PictureError::from_decoder(Format::Pnm, error))?;
    Ok(Picture {
        image: decode_within(Format::Pnm, decoder, 0, limits)?,
        metadata: Metadata::default(),
    })
}

pub(super) fn store(
    picture: &Picture,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<u8>, PictureError> {
    warn_no_metadata(&picture.metadata, Format::Pnm, warnings);
    let image = &picture.image;
    if image.width() == 0 || image.height() == 0 {
        return Err(PictureError::encode(Format::Pnm, "it has no pixels"));
    }
    let color = image.color();
    let sample_bytes = color.bytes_per_pixel() / color.channel_count();
    let mut out = header(image, if sample_bytes == 2 { 65_535 } else { 255 }).into_bytes();
    out.try_reserve_exact(image.as_bytes().len())?;
    match image {
        DynamicImage::ImageLuma16(b) => push_big_endian(&mut out, b),
        DynamicImage::ImageLumaA16(b) => push_big_endian(&mut out, b),
        DynamicImage::ImageRgb16(b) => push_big_endian(&mut out, b),
        DynamicImage::ImageRgba16(b) => push_big_endian(&mut out, b),
        _ => out.extend(image.as_bytes()),
    }
    Ok(out)
}

fn header(image: &DynamicImage, max: u32) -> String {
    let (width, height) = (image.width(), image.height());
    let arbitrary = |depth, kind| {
        format!(
            "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {max}\nTUPLTYPE {kind}\nENDHDR\n"
        )
    };
    match image.color().channel_count() {
        1 => format!("P5\n{width} {height}\n{max}\n"),
        2 => arbitrary(2, "GRAYSCALE_ALPHA"),
        3 => format!("P6\n{width} {height}\n{max}\n"),
        _ => arbitrary(4, "RGB_ALPHA"),
    }
}

fn push_big_endian(out: &mut Vec<u8>, samples: &[u16]) {
    out.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
}
