//! Formats that hold bare pixels and are read alone, by the crate `image`: BMP, QOI and TGA.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::qoi::QoiDecoder;
use image::codecs::tga::TgaDecoder;
use image::{ImageDecoder, ImageResult};

use super::decode_within;
use crate::parts::Part;
use crate::{Density, DensityUnit, Format, Limits, LoadOptions, Metadata, Picture, PictureError};

pub(super) fn load_bmp(bytes: &[u8], options: &LoadOptions) -> Result<Picture, PictureError> {
    let decoder = BmpDecoder::new(Cursor::new(bytes));
    let mut picture = decode(Format::Bmp, decoder, &options.limits)?;
    picture.metadata.density = bmp_density(bytes);
    Ok(picture)
}

/// Pixels per metre, which the header of 40 bytes and the longer ones have.
fn bmp_density(bytes: &[u8]) -> Option<Density> {
    let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (x, y) = (number(38)?, number(42)?);
    let has_density = number(14)? >= 40 && x > 0 && y > 0 && (x | y) >> 31 == 0;
    has_density.then_some(Density {
        x,
        y,
        unit: DensityUnit::Metre,
    })
}

pub(super) fn load_qoi(bytes: &[u8], options: &LoadOptions) -> Result<Picture, PictureError> {
    let decoder = QoiDecoder::new(Cursor::new(bytes));
    decode(Format::Qoi, decoder, &options.limits)
}

pub(super) fn load_tga(bytes: &[u8], options: &LoadOptions) -> Result<Picture, PictureError> {
    let decoder = TgaDecoder::new(Cursor::new(bytes));
    decode(Format::Tga, decoder, &options.limits)
}

fn decode<D: ImageDecoder>(
    format: Format,
    decoder: ImageResult<D>,
    limits: &Limits,
) -> Result<Picture, PictureError> {
    let mut decoder = decoder.map_err(|error| PictureError::from_decoder(format, error))?;
    let icc = decoder.icc_profile().ok().flatten();
    let metadata = Metadata {
        icc: limits.accept_block(Part::Icc, icc.as_deref())?,
        ..Metadata::default()
    };
    // TGA is unpacked, then turned around.
    let image = decode_within(format, decoder, 4, limits)?;
    Ok(Picture { image, metadata })
}
