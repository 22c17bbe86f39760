//! Pictures as everything is measured on them.

use anyhow::Context;
use image::RgbImage;
use kiln::picture;

use super::{Source, read};

/// Reads a picture as 8-bit RGB, and the bytes of its file. Other kinds of pixels are converted, alpha is dropped.
pub fn read_rgb8(source: &Source) -> anyhow::Result<(RgbImage, Vec<u8>)> {
    let bytes = read(source)?;
    let pixels = decode_rgb8(&bytes).with_context(|| source.to_string())?;
    Ok((pixels, bytes))
}

/// The same from bytes in memory.
pub fn decode_rgb8(bytes: &[u8]) -> anyhow::Result<RgbImage> {
    let loaded = picture::load(bytes, &Default::default())?;
    Ok(loaded.picture.image.into_rgb8())
}
