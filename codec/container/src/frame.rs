//! One coded picture, and the rule that cuts it into chunks.

use std::borrow::Cow;

use crate::cursor::Cursor;
use crate::error::{Feature, ParseError, WriteError};

/// Pixels per row (and per column) of the latent y.
pub const LATENT_STEP: u32 = 16;

/// Rows of the latent y in one stripe; the last stripe may have fewer.
pub const STRIPE_ROWS: u32 = 32;

/// Highest quality level.
pub const MAX_LEVEL: u8 = 63;

/// The level is in the low bits of the first byte of a frame, its kind in the rest.
const KIND_SHIFT: u32 = 6;
const KIND_INTRA: u8 = 0;

/// One intra-coded frame: a picture that needs no other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Quality level, 0 to [`MAX_LEVEL`].
    pub level: u8,
    /// Checksum over the decoded integers. It is stored, not verified: only the entropy decoder sees them.
    pub symbols_crc: u32,
    /// Entropy-coded bytes: the hyper latent z, then the stripes of y from the top; [`expected_chunks`] of them.
    pub chunks: Vec<Cow<'a, [u8]>>,
}

/// Number of chunks in a frame: one for the hyper latent z and one for each stripe of [`STRIPE_ROWS`] rows of y.
///
/// It follows from the size of the picture alone and is not stored. In version 1 stripes span the whole width, so
/// that the width has no influence.
pub fn expected_chunks(_width: u32, height: u32) -> u32 {
    1 + height.div_ceil(LATENT_STEP).div_ceil(STRIPE_ROWS)
}

impl Frame<'_> {
    /// Fails when no file can hold this frame in a picture that asks for `expected` chunks.
    pub(crate) fn validate(&self, expected: u32) -> Result<(), WriteError> {
        if self.level > MAX_LEVEL {
            return Err(WriteError::Level { level: self.level });
        }
        let given = self.chunks.len();
        if usize::try_from(expected) != Ok(given) {
            return Err(WriteError::Chunks { expected, given });
        }
        Ok(())
    }
}

/// The first byte of an intra frame.
pub(crate) fn head_byte(level: u8) -> u8 {
    KIND_INTRA << KIND_SHIFT | level
}

/// Reads the first byte of a frame and returns its level.
pub(crate) fn take_level(cursor: &mut Cursor<'_>) -> Result<u8, ParseError> {
    let byte = cursor.u8()?;
    match byte >> KIND_SHIFT {
        KIND_INTRA => Ok(byte & MAX_LEVEL),
        kind => Err(ParseError::Unsupported {
            what: Feature::FrameKind(kind),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::MAX_SIDE;

    #[test]
    fn chunks_follow_from_the_height() {
        for (height, chunks) in [
            (1, 2),
            (16, 2),
            (512, 2),
            (513, 3),
            (1024, 3),
            (1025, 4),
            (10_000, 21),
        ] {
            assert_eq!(expected_chunks(768, height), chunks, "{height}");
        }
        assert_eq!(expected_chunks(1, MAX_SIDE), 1 + (1 << 21));
    }

    #[test]
    fn levels_come_back_and_other_kinds_are_unsupported() {
        for byte in 0..=u8::MAX {
            let level = take_level(&mut Cursor::new(&[byte]));
            if byte <= MAX_LEVEL {
                assert_eq!(level.map(head_byte), Ok(byte));
            } else {
                let what = Feature::FrameKind(byte / 64);
                assert_eq!(level, Err(ParseError::Unsupported { what }));
            }
        }
    }
}
