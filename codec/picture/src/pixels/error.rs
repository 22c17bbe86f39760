//! Why a buffer is not the picture that its caller says it is.

use std::collections::TryReserveError;

use image::ColorType;

use super::Channels;

/// A view that cannot be made, or does not fit what is to be read or written. The caller must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PixelsError {
    /// A side is 0.
    #[error("a picture of {width}x{height} pixels is empty: each side has to be 1 or more")]
    Empty {
        /// Number of columns.
        width: u32,
        /// Number of rows.
        height: u32,
    },
    /// Rows would overlap.
    #[error("a stride of {stride} samples is too short: one row takes {least}")]
    Stride {
        /// Samples from the start of a row to the start of the next.
        stride: usize,
        /// Samples in a row, the least stride.
        least: usize,
    },
    /// The buffer ends before the last row does.
    #[error("a buffer of {length} samples is too short: the picture takes {least}")]
    Buffer {
        /// Samples in the buffer.
        length: usize,
        /// Samples up to the end of the last row.
        least: usize,
    },
    /// The number of samples is beyond what the machine can address.
    #[error(
        "{width}x{height} pixels of {channels} samples, {stride} a row, are more than this machine can address"
    )]
    TooLarge {
        /// Number of columns.
        width: u32,
        /// Number of rows.
        height: u32,
        /// Kind of pixels.
        channels: Channels,
        /// Samples from the start of a row to the start of the next.
        stride: usize,
    },
    /// The pixels are of a type that kiln does not store.
    #[error("{} are not supported; use integers of 8 or 16 bits", kind_of(*.0))]
    Unsupported(ColorType),
    /// A buffer is for a picture of another size.
    #[error(
        "pixels for {width}x{height} do not fit a picture of {picture_width}x{picture_height}: sizes have to be equal"
    )]
    Size {
        /// Columns of the buffer.
        width: u32,
        /// Rows of the buffer.
        height: u32,
        /// Columns of the picture.
        picture_width: u32,
        /// Rows of the picture.
        picture_height: u32,
    },
    /// Colour was to be written to a buffer without colour.
    #[error("pixels that are {0} cannot hold a picture in colour: use RGB or RGBA")]
    NoColor(Channels),
    /// Alpha was to be written to a buffer without alpha.
    #[error("pixels that are {0} cannot hold alpha: use grey with alpha, or RGBA")]
    NoAlpha(Channels),
    /// An array of planes or pixels has another shape than the rectangle it is for.
    #[error("an array of shape {shape:?} was given where {needed} is needed")]
    Shape {
        /// The shape.
        shape: [usize; 3],
        /// What it has to be.
        needed: String,
    },
    /// The machine has too little memory for the picture.
    #[error("out of memory: {0}")]
    OutOfMemory(#[from] TryReserveError),
}

/// What people call pixels that are not stored.
fn kind_of(color: ColorType) -> &'static str {
    match color {
        ColorType::Rgb32F | ColorType::Rgba32F => "floating-point pixels",
        _ => "pixels of this type",
    }
}
