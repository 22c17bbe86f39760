//! WebP: pixels by the crate `image`, chunks by our own walk.
//!
//! The walk checks sizes before the decoder sees the file, because the decoder allocates what a chunk header claims,
//! and hands it the chunks of one picture alone, because it refuses files that libwebp reads.

mod chunks;
mod store;

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, GenericImage};

use super::{check_frames, decode_within, is_tiff, trailing, without_exif_prefix};
use crate::parts::Part;
use crate::pixels::{Channels, Depth, new_image};
use crate::{Format, Limits, LoadOptions, Metadata, Picture, PictureError, Warning};
use chunks::{Chunks, Frame, Still};

pub(super) use store::store;

/// A lossless picture without alpha is unpacked as RGBA first; a lossy one has planes, and alpha of its own.
const WORKING_BYTES: u64 = 8;

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let limits = &options.limits;
    let mut chunks = Chunks::scan(bytes)?;
    let frames = chunks.frames.len();
    let image = if chunks.is_animation {
        // An animation of one frame is a still.
        let several = u32::try_from(frames).ok().filter(|&frames| frames != 1);
        check_frames(Format::WebP, several, options, warnings)?;
        first_frame(&chunks, limits)?
    } else {
        // The decoder allocates by the size of the picture before it compares it with the canvas.
        let size = chunks.still.size()?;
        if chunks.canvas.is_some_and(|canvas| canvas != size) {
            return Err(damaged(
                "its picture is not of the size that its header says",
            ));
        }
        if frames > 0 {
            chunks.left_out.push("an animation".to_owned());
        }
        decode(&chunks.still, limits)?
    };
    let exif = chunks.exif.map(without_exif_prefix);
    let is_broken = exif.is_some_and(|exif| !exif.is_empty() && !is_tiff(exif));
    if is_broken {
        let parts = vec![Part::Exif.into()];
        warnings.extend(Warning::unreadable(Format::WebP.name(), parts));
    }
    let mut left_out = chunks.left_out;
    left_out.extend(trailing(&bytes[chunks.end..]));
    warnings.extend(Warning::left_out(Format::WebP.name(), left_out));
    let metadata = Metadata {
        icc: limits.accept_block(Part::Icc, chunks.icc)?,
        exif: limits.accept_block(Part::Exif, exif.filter(|_| !is_broken))?,
        xmp: limits.accept_block(Part::Xmp, chunks.xmp)?,
        ..Metadata::default()
    };
    Ok(Picture { image, metadata })
}

fn decode(still: &Still<'_>, limits: &Limits) -> Result<DynamicImage, PictureError> {
    let (width, height) = still.size()?;
    limits.check_size(width as u32, height as u32, WORKING_BYTES)?;
    let file = still.file()?;
    let decoder = WebPDecoder::new(Cursor::new(&file[..]))
        .map_err(|error| PictureError::from_decoder(Format::WebP, error))?;
    decode_within(Format::WebP, decoder, WORKING_BYTES, limits)
}

/// The canvas as it is shown first: transparent but for the first frame.
fn first_frame(chunks: &Chunks<'_>, limits: &Limits) -> Result<DynamicImage, PictureError> {
    let canvas = chunks.canvas.unwrap_or_default();
    let frame = chunks
        .frames
        .first()
        .ok_or_else(|| damaged("there is no picture in it"))?;
    let frame = Frame::read(frame)?;
    let (right, bottom) = (frame.x + frame.width, frame.y + frame.height);
    if right > canvas.0 || bottom > canvas.1 {
        return Err(damaged("a frame reaches beyond the picture"));
    }
    let image = decode(&frame.still, limits)?;
    if (frame.width, frame.height) == canvas {
        return Ok(image);
    }
    let (width, height) = (canvas.0 as u32, canvas.1 as u32);
    limits.check_size(width, height, WORKING_BYTES)?;
    let mut whole = new_image(width, height, Channels::Rgba, Depth::Eight)?;
    if let DynamicImage::ImageRgba8(buffer) = &mut whole {
        buffer.fill(0);
    }
    whole
        .copy_from(&image, frame.x as u32, frame.y as u32)
        .map_err(|error| PictureError::from_decoder(Format::WebP, error))?;
    Ok(whole)
}

fn damaged(reason: &str) -> PictureError {
    PictureError::damaged(Format::WebP, reason)
}
