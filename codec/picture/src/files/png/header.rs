//! The header chunk of a PNG file.

use super::damaged;
use crate::PictureError;

/// What the samples of a picture are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Grey,
    Rgb,
    Palette,
    GreyAlpha,
    Rgba,
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits of a sample.
    pub(super) depth: u8,
    pub(super) colour: Colour,
    pub(super) is_interlaced: bool,
}

impl Header {
    pub(super) fn read(data: &[u8]) -> Result<Self, PictureError> {
        let &[
            w3,
            w2,
            w1,
            w0,
            h3,
            h2,
            h1,
            h0,
            depth,
            colour,
            compression,
            filter,
            interlace,
        ] = data
        else {
            return Err(damaged("its header is not of 13 bytes"));
        };
        let colour = match (colour, depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Colour::Grey,
            (2, 8 | 16) => Colour::Rgb,
            (3, 1 | 2 | 4 | 8) => Colour::Palette,
            (4, 8 | 16) => Colour::GreyAlpha,
            (6, 8 | 16) => Colour::Rgba,
            _ => {
                return Err(damaged(format_args!(
                    "there are no pixels of kind {colour} with {depth} bits per sample"
                )));
            }
        };
        if (compression, filter) != (0, 0) || interlace > 1 {
            return Err(damaged("its header names methods that do not exist"));
        }
        let header = Self {
            width: u32::from_be_bytes([w3, w2, w1, w0]),
            height: u32::from_be_bytes([h3, h2, h1, h0]),
            depth,
            colour,
            is_interlaced: interlace == 1,
        };
        let sides = 1..=i32::MAX.unsigned_abs();
        if !sides.contains(&header.width) || !sides.contains(&header.height) {
            return Err(damaged("a side of the picture is 0, or too large"));
        }
        Ok(header)
    }

    /// Bytes of a pixel after unpacking, transparency included, which comes to light later.
    pub(super) fn pixel_bytes(&self) -> u64 {
        let samples = match self.colour {
            Colour::Grey | Colour::GreyAlpha => 2,
            Colour::Rgb | Colour::Palette | Colour::Rgba => 4,
        };
        let sample_bytes = if self.depth == 16 { 2 } else { 1 };
        // An interlaced picture of 16 bit is collected as bytes first.
        let copies = if self.is_interlaced { 2 } else { 1 };
        sample_bytes * samples * copies
    }

    /// The most bytes that the pixels take before they are compressed: each row of each pass begins with its filter.
    pub(super) fn stream_bytes(&self) -> u64 {
        let row = u64::from(self.width) * 8 + 8;
        row.saturating_mul(u64::from(self.height) * 2 + 16)
    }
}
