//! The alpha channel, which is coded without loss as a grey picture of its own.

use kiln_container::{ColorKind, Depth};
use kiln_graphics::Blocks;

use super::samples::{AlphaSamples, layout};
use crate::pixels::{Pixels, PixelsMut, Sample, nearest};
use crate::progress::{Progress, Stage};
use crate::{Error, Limits, picture};

/// The first byte of a PNG file, which is the other way to store alpha. A layer never begins with it.
const PNG: u8 = 0x89;

/// Bytes that [`encode`] takes. Errs on the high side.
pub(crate) fn bytes(pixels: Pixels<'_>) -> u64 {
    match pixels.channels().has_alpha() {
        true => kiln_graphics::encode_bytes(&AlphaSamples(pixels).layout()),
        false => 0,
    }
}

/// Codes the alpha channel; `None` if there is none, or it is opaque everywhere.
pub(crate) fn encode(
    pixels: Pixels<'_>,
    progress: &dyn Progress,
) -> Result<Option<Vec<u8>>, Error> {
    if pixels.is_opaque() {
        return Ok(None);
    }
    let source = AlphaSamples(pixels);
    let layout = source.layout();
    let watch = |done, total| progress.update(Stage::Graphics, done, total);
    let layer = kiln_graphics::encode(&layout, &Blocks::all(&layout), &source, &watch)?;
    // Patterns that repeat exactly are the one thing that PNG is better at.
    let png = picture::alpha::encode(pixels)?.filter(|png| png.len() < layer.len());
    Ok(Some(png.unwrap_or(layer)))
}

/// Decodes the alpha channel of a picture whose samples are of `depth` into pixels of the same size, which have one.
pub(crate) fn decode(
    bytes: &[u8],
    depth: Depth,
    limits: &Limits,
    pixels: &mut PixelsMut<'_>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    if bytes.first() == Some(&PNG) {
        return Ok(picture::alpha::decode(bytes, depth, limits, pixels)?);
    }
    let layout = layout(pixels.width(), pixels.height(), ColorKind::Grey, depth);
    let watch = |done, total| progress.update(Stage::Graphics, done, total);
    let mut sink = |y: u32, x: u32, samples: &[u16]| match pixels.depth() {
        Depth::Eight => write::<u8>(pixels, (x, y), samples, depth),
        Depth::Sixteen => write::<u16>(pixels, (x, y), samples, depth),
    };
    let blocks = kiln_graphics::decode(bytes, &layout, &mut sink, &watch)?;
    match blocks.is_all() {
        true => Ok(()),
        false => Err(Error::Graphics(
            "damaged file: parts of the alpha channel are missing".into(),
        )),
    }
}

fn write<S: Sample>(pixels: &mut PixelsMut<'_>, (x, y): (u32, u32), alpha: &[u16], depth: Depth) {
    let count = pixels.channels().count();
    let row = pixels.row_mut::<S>(y).unwrap_or_default();
    for (pixel, alpha) in row.chunks_exact_mut(count).skip(x as usize).zip(alpha) {
        pixel[count - 1] = nearest::<S>(*alpha, depth);
    }
}
