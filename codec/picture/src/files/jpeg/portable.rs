//! Pixels by a decoder in Rust, for builds without a compiler of C. What it would read otherwise than libjpeg does is
//! refused by name.

use image::DynamicImage;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::damaged;
use super::frame::Frame;
use super::segments::{Segments, unsupported};
use crate::PictureError;
use crate::pixels::{Channels, blank, image_of};

/// The pixels. A file whose data are incomplete is refused: this decoder fills gaps without saying so.
pub(super) fn decode(
    bytes: &[u8],
    segments: &Segments<'_>,
    frame: &Frame,
) -> Result<(DynamicImage, bool), PictureError> {
    check(segments, frame)?;
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let (channels, space) = match frame.sampling.len() {
        1 => (Channels::Grey, ColorSpace::Luma),
        _ => (Channels::Rgb, ColorSpace::RGB),
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(space);
    let mut samples = blank::<u8>(width, height, channels)?;
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_into(&mut samples)
        .map_err(|_| damaged("its coded data are incomplete or wrong"))?;
    Ok((image_of(samples, width, height, channels)?, false))
}

fn check(segments: &Segments<'_>, frame: &Frame) -> Result<(), PictureError> {
    let refuse = |what: &str| Err(unsupported(&format!("{what}, in a build without libjpeg,")));
    if segments.end.is_none() {
        return Err(damaged("it ends before its end-of-image marker"));
    }
    if !frame.progressive && segments.scans != [frame.sampling.len() as u8] {
        return refuse("JPEG with a scan for each component");
    }
    if let [(h, v)] = frame.sampling[..] {
        // A single component is not sampled in proportion to others, but this decoder knows powers of two alone.
        return match h == 3 || v == 3 {
            true => refuse("JPEG with this sampling of components"),
            false => Ok(()),
        };
    }
    let transform = match (segments.jfif, segments.adobe) {
        (None, Some(transform)) => transform == 1,
        (None, None) => frame.names == [1, 2, 3],
        (Some(_), transform) => transform.is_none_or(|transform| transform == 1),
    };
    if !transform {
        return refuse("JPEG whose colours are not YCbCr by JFIF's rules");
    }
    match frame.sampling.as_slice() {
        [(1, 1) | (2, 1) | (1, 2) | (2, 2), (1, 1), (1, 1)] => Ok(()),
        _ => refuse("JPEG with this sampling of components"),
    }
}
