//! What can go wrong, grouped by who must act.

use std::{fmt, io};

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
        /// Bytes that are needed at least, as far as known: the end of the field or record at which the file ends.
        need: u64,
    },
}

/// Shorthand for [`ParseError::Damaged`] in a result of any source.
pub(crate) fn damaged<T, E: From<ParseError>>(what: &'static str, offset: u64) -> Result<T, E> {
    Err(ParseError::Damaged { what, offset }.into())
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
    /// A box of a type that is not known and must not be skipped.
    Box(u8),
    /// A record, told by its first byte, that is neither a frame of a known kind nor the end of a sequence.
    Record(u8),
    /// A frame with a part of which nothing is known: the field that announces parts and streams.
    Parts(u64),
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(v) => write!(f, "format version {v}"),
            Self::Architecture(a) => write!(f, "architecture number {a}"),
            Self::FormatByte(b) => write!(f, "format byte {b:#04x}"),
            Self::Box(k) => write!(f, "box type {k:#04x}"),
            Self::Record(k) => write!(f, "a record that begins with {k:#04x}"),
            Self::Parts(p) => write!(f, "a frame with parts {:#05b}", p & 0b111),
        }
    }
}

/// Why a file could not be read from a stream.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The underlying reader failed, or memory did not suffice for bytes that were there.
    #[error("the file could not be read: {0}")]
    Io(#[from] io::Error),
    /// What was read is not a file that can be accepted.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// Why a file could not be written to a stream.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriterError {
    /// The underlying writer failed.
    #[error("the file could not be written: {0}")]
    Io(#[from] io::Error),
    /// No file can hold what was given.
    #[error(transparent)]
    Refused(#[from] WriteError),
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
    /// The alpha state is [`Alpha::Coded`](crate::Alpha::Coded) and an intra frame has no alpha channel.
    #[error("the header says that alpha is coded, but an intra frame has no alpha channel")]
    MissingAlpha,
    /// A frame has an alpha channel and the alpha state is not [`Alpha::Coded`](crate::Alpha::Coded).
    #[error("a frame has an alpha channel, but the header does not say that alpha is coded")]
    UnexpectedAlpha,
    /// A part of a frame holds no bytes; leave it out instead.
    #[error("the {what} of a frame is empty; leave it out")]
    EmptyPart {
        /// The part.
        what: &'static str,
    },
    /// The name of the device is empty, too long or has control characters.
    #[error("a device name must have 1 to 255 bytes and no control characters")]
    Device,
    /// A box holds no bytes; leave it out instead.
    #[error("the box of type {kind:#04x} is empty; leave it out")]
    EmptyBox {
        /// The type of the box.
        kind: u8,
    },
    /// A box in [`Boxes::other`](crate::Boxes::other) has a type with a field of its own, or one that readers must
    /// not skip.
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
    /// The number of frames is not the one that the header gives; a sequence needs a frame at least.
    #[error("{given} frames, where the header asks for {expected}")]
    Frames {
        /// What the header asks for.
        expected: u32,
        /// Number of frames given.
        given: u64,
    },
    /// The first frame is predicted: there is none before it to predict it from.
    #[error("the first frame must be an intra frame")]
    FirstFrame,
    /// The level is above [`MAX_LEVEL`](crate::MAX_LEVEL).
    #[error("level {level} is outside 0..=63")]
    Level {
        /// The level given.
        level: u8,
    },
    /// The file does not fit in memory.
    #[error("the file would not fit in memory")]
    TooLarge,
}
