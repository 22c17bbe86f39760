//! JPEG: pixels by libjpeg, or by a decoder in Rust where there is no compiler of C; segments by our own walk.
//!
//! The walk refuses by name what is not read, before a decoder allocates for it, and takes what is beside the pixels.

mod frame;
#[cfg(feature = "libjpeg")]
mod libjpeg;
mod metadata;
#[cfg(any(test, not(feature = "libjpeg")))]
mod portable;
mod segments;
mod store;
#[cfg(all(test, feature = "libjpeg"))]
mod tests;

use crate::{Format, Limits, LoadOptions, Picture, PictureError, Warning};
use frame::Frame;
use segments::Segments;

pub(super) use store::store;

/// Most scans of a file: libjpeg's own tests stop there. Each takes a pass over the picture, and next to no bytes.
const MAX_SCANS: usize = 500;
/// How often the pixels that the limits allow may be passed over.
const MAX_PASSES: u64 = 16;

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let limits = &options.limits;
    let mut segments = Segments::scan(bytes)?;
    let Some(frame) = &segments.frame else {
        return Err(damaged("its pixels have no frame header"));
    };
    if frame.height == 0 {
        return Err(segments::unsupported(
            "JPEG whose height stands behind its pixels",
        ));
    }
    if frame.width == 0 {
        return Err(damaged("the picture has no pixels"));
    }
    check_cost(frame, &segments, limits)?;
    #[cfg(feature = "libjpeg")]
    let (image, is_damaged) = libjpeg::decode(&bytes[..segments.whole], frame)?;
    #[cfg(not(feature = "libjpeg"))]
    let (image, is_damaged) = portable::decode(bytes, &segments, frame)?;
    let fault = match (segments.end, is_damaged) {
        (None, _) => Some("it ends before its end-of-image marker"),
        (Some(_), true) => Some("its coded data are incomplete or wrong"),
        (Some(_), false) => None,
    };
    warnings.extend(fault.map(|reason| Warning::Damaged {
        file: "JPEG",
        reason: reason.to_owned(),
    }));
    if let Some(end) = segments.end {
        segments.left_out.extend(super::trailing(&bytes[end..]));
    }
    let metadata = metadata::read(segments, limits, warnings)?;
    Ok(Picture { image, metadata })
}

fn check_cost(frame: &Frame, segments: &Segments<'_>, limits: &Limits) -> Result<(), PictureError> {
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    limits.check_size(width, height, frame.sampling.len() as u64)?;
    let pixels = u64::from(width) * u64::from(height);
    let scans = segments.scans.len();
    if scans > MAX_SCANS {
        return Err(PictureError::Limit {
            what: "the number of scans",
            value: scans as u64,
            limit: MAX_SCANS as u64,
        });
    }
    limits.check_passes(pixels.saturating_mul(scans as u64), MAX_PASSES)?;
    // Where there are several scans, all coefficients are kept until the end, 16 bits each.
    let kept = match frame.progressive || scans > 1 {
        true => frame.coefficients() * 2,
        false => 0,
    };
    limits.check_memory(pixels * frame.sampling.len() as u64 + kept)
}

fn damaged(reason: impl std::fmt::Display) -> PictureError {
    PictureError::damaged(Format::Jpeg, reason)
}
