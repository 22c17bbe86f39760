//! What a caller allows a file to ask for.

use crate::error::ParseError;
use crate::header::Header;

/// Bounds on what a file may claim, held against it as soon as the claim is read and before anything is allocated.
///
/// The defaults are finite; state what differs and take the rest from them:
///
/// ```
/// use kiln_container::Limits;
/// let strict = Limits { max_pixels: 1_000_000, ..Limits::default() };
/// assert_eq!(strict.max_frames, Limits::default().max_frames);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest `width * height`. Default: 128 million.
    pub max_pixels: u64,
    /// Most frames. Default: 65,536.
    pub max_frames: u32,
    /// Most bytes in the contents of all boxes together. Default: 128 million.
    pub max_box_bytes: u64,
    /// Most streams in a frame. Default: 262,144.
    pub max_streams: u32,
    /// Most bytes in the parts and streams of one frame. Default: 512 million, four for each pixel allowed.
    pub max_frame_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 128_000_000,
            max_frames: 1 << 16,
            max_box_bytes: 128_000_000,
            max_streams: 1 << 18,
            max_frame_bytes: 512_000_000,
        }
    }
}

impl Limits {
    /// Every bound at the largest value that it can have: for bytes that are trusted.
    pub(crate) const NONE: Self = Self {
        max_pixels: u64::MAX,
        max_frames: u32::MAX,
        max_box_bytes: u64::MAX,
        max_streams: u32::MAX,
        max_frame_bytes: u64::MAX,
    };

    /// Checks the size of a picture, for one who has only [peeked](crate::peek) at a file.
    ///
    /// # Errors
    /// [`ParseError::Limit`] when the picture has more than [`max_pixels`](Self::max_pixels).
    pub fn check_size(&self, header: &Header) -> Result<(), ParseError> {
        check("pixels", header.pixels(), self.max_pixels)
    }

    pub(crate) fn check_frames(&self, frames: u64) -> Result<(), ParseError> {
        check("frames", frames, self.max_frames.into())
    }

    pub(crate) fn check_box_bytes(&self, bytes: u64) -> Result<(), ParseError> {
        check("bytes of boxes", bytes, self.max_box_bytes)
    }

    pub(crate) fn check_streams(&self, streams: u64) -> Result<(), ParseError> {
        check("streams in a frame", streams, self.max_streams.into())
    }

    pub(crate) fn check_frame_bytes(&self, bytes: u64) -> Result<(), ParseError> {
        check("bytes of a frame", bytes, self.max_frame_bytes)
    }
}

fn check(what: &'static str, value: u64, limit: u64) -> Result<(), ParseError> {
    if value > limit {
        return Err(ParseError::Limit { what, value, limit });
    }
    Ok(())
}
