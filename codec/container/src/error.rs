//! What can go wrong, grouped by who must act.

use std::fmt;

use thiserror::Error;

/// Why a file was not parsed.
///
/// The variants say who must act; [`ParseError::Damaged`] and [`ParseError::Truncated`] call for another copy of
/// the file, [`ParseError::Unsupported`] for a newer reader, [`ParseError::Limit`] for a decision of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The bytes are something else: they do not begin with the signature.
    #[error("not a kiln file: the signature is missing")]
    NotKiln,
    /// The bytes contradict themselves or a checksum: get another copy of the file.
    #[error("the file is damaged: {what} at byte {offset}")]
    Damaged {
        /// What is wrong, as a noun phrase.
        what: &'static str,
        /// Where the offending field begins, in bytes from the start of the file.
        offset: u64,
    },
    /// The file uses something that this version of the reader does not know: use a newer one.
    #[error("the file needs a newer reader: {what} is not supported")]
    Unsupported {
        /// What is not known.
        what: Feature,
    },
    /// The file asks for more than the caller allows: raise [`Limits`](crate::Limits) if it is trusted.
    #[error("the file is over a limit: {value} {what}, at most {limit} allowed")]
    Limit {
        /// What is counted, as a plural noun.
        what: &'static str,
        /// What the file asks for.
        value: u64,
        /// What the limits allow.
        limit: u64,
    },
    /// The file ends too early: get the rest of it.
    #[error("the file is cut short: it has {have} bytes, at least {need} are needed")]
    Truncated {
        /// Bytes given.
        have: u64,
        /// Bytes that are needed at least, as far as known; the length of the whole file once its header is complete.
        need: u64,
    },
}

/// A part of the format that this reader does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feature {
    /// Another version of the format.
    Version(u8),
    /// An architecture number that is reserved (0).
    Architecture(u8),
    /// A format byte with reserved bits or a reserved alpha state.
    FormatByte(u8),
    /// A sequence of so many frames; version 1 holds still pictures.
    Sequence(u64),
    /// A kind of frame other than intra.
    FrameKind(u8),
    /// A box of a type that is not known and must not be skipped.
    Box(u8),
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(v) => write!(f, "format version {v}"),
            Self::Architecture(a) => write!(f, "architecture number {a}"),
            Self::FormatByte(b) => write!(f, "format byte {b:#04x}"),
            Self::Sequence(n) => write!(f, "a sequence of {n} frames"),
            Self::FrameKind(k) => write!(f, "frame kind {k}"),
            Self::Box(k) => write!(f, "box type {k:#04x}"),
        }
    }
}

/// Why a container was not written: the caller built one that no file can hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A side of the picture is outside `1..=MAX_SIDE`.
    #[error("a picture of {width}x{height} pixels cannot be stored: each side must be 1 to 2^30")]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Architecture number 0 is reserved.
    #[error("architecture number 0 is reserved")]
    Architecture,
    /// The alpha state is [`Alpha::Coded`](crate::Alpha::Coded) and there is no alpha box.
    #[error("the header says that alpha is coded, but there is no alpha box")]
    MissingAlpha,
    /// There is an alpha box and the alpha state is not [`Alpha::Coded`](crate::Alpha::Coded).
    #[error("there is an alpha box, but the header does not say that alpha is coded")]
    UnexpectedAlpha,
    /// A box holds no bytes; leave it out instead.
    #[error("the box of type {kind:#04x} is empty; leave it out")]
    EmptyBox {
        /// The type of the box.
        kind: u8,
    },
    /// A box in [`Boxes::other`](crate::Boxes::other) has a type with a field of its own, or one that readers must not skip.
    #[error("box type {kind:#04x} cannot be written as an other box")]
    BoxType {
        /// The type of the box.
        kind: u8,
    },
    /// The boxes in [`Boxes::other`](crate::Boxes::other) are not in strictly increasing order of type.
    #[error(
        "other boxes must be in increasing order of type, each type once: {kind:#04x} is out of order"
    )]
    BoxOrder {
        /// The first type out of order.
        kind: u8,
    },
    /// Version 1 holds exactly one frame.
    #[error("version 1 stores exactly one frame, not {frames}")]
    Frames {
        /// Number of frames given.
        frames: usize,
    },
    /// The level is above [`MAX_LEVEL`](crate::MAX_LEVEL).
    #[error("level {level} is outside 0..=63")]
    Level {
        /// The level given.
        level: u8,
    },
    /// The number of chunks is not the one that the picture size asks for.
    #[error("the picture size asks for {expected} chunks, not {given}")]
    Chunks {
        /// What [`expected_chunks`](crate::expected_chunks) says.
        expected: u32,
        /// Number of chunks given.
        given: usize,
    },
    /// The file does not fit in memory.
    #[error("the file would not fit in memory")]
    TooLarge,
}
