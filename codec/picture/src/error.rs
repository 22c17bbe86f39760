//! What can go wrong with a picture.

use super::Format;
use crate::pixels::PixelsError;
use std::collections::TryReserveError;
use std::fmt;

/// Why a picture could not be read, converted or written. The variants tell who can do something about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The file breaks the rules of its format, or ends too early. Get an intact copy.
    #[error("damaged {format} file: {reason}")]
    Decode {
        /// What the file claims to be.
        format: Format,
        /// What is wrong with it.
        reason: String,
    },
    /// The decoder of the format stopped with a panic. The file is most likely damaged: get an intact copy. The decoder
    /// has a fault as well: whoever sends its authors the file helps.
    #[error("the decoder of {format} failed on this file, which may be damaged: {message}")]
    Panicked {
        /// What the file claims to be.
        format: Format,
        /// The panic's message, cut short.
        message: String,
    },
    /// The file or picture may be fine, but is of a kind that is not handled. Convert it first.
    #[error("{0}")]
    Unsupported(String),
    /// A file asks for more than the [`Limits`](crate::Limits) allow. Raise them if it can be trusted.
    #[error("{what} is {value}, over the limit of {limit}")]
    Limit {
        /// The quantity.
        what: &'static str,
        /// What the file asks for.
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The output format cannot hold this picture. Choose another one.
    #[error("cannot write this picture as {format}: {reason}")]
    Encode {
        /// The format asked for.
        format: Format,
        /// Why it does not work.
        reason: String,
    },
    /// A file extension or format name that is not in the list.
    #[error("unknown picture format {name:?}; known are {}", Format::KNOWN_NAMES)]
    UnknownFormat {
        /// The extension or name.
        name: String,
    },
    /// The caller passed arguments that contradict each other.
    #[error("wrong argument: {0}")]
    Parameter(PixelsError),
    /// The machine has too little memory for the picture.
    #[error("out of memory: {0}")]
    OutOfMemory(#[from] TryReserveError),
}

impl PictureError {
    pub(super) fn damaged(format: Format, reason: impl fmt::Display) -> Self {
        Self::Decode {
            format,
            reason: reason.to_string(),
        }
    }

    pub(super) fn encode(format: Format, reason: impl fmt::Display) -> Self {
        Self::Encode {
            format,
            reason: reason.to_string(),
        }
    }

    /// Sorts an error of a decoder of the crate `image` by who must act. Its own words are for programmers.
    pub(super) fn from_decoder(format: Format, error: image::ImageError) -> Self {
        match error {
            image::ImageError::Unsupported(_) => {
                Self::Unsupported(format!("{format} of this kind is not supported"))
            }
            image::ImageError::IoError(_) => Self::damaged(format, "it was cut short"),
            image::ImageError::Limits(_) => {
                Self::Unsupported(format!("{format} that takes this much memory is not read"))
            }
            _ => Self::damaged(format, "its headers or pixels are incomplete or wrong"),
        }
    }
}

impl From<PixelsError> for PictureError {
    fn from(error: PixelsError) -> Self {
        match error {
            PixelsError::OutOfMemory(error) => Self::OutOfMemory(error),
            PixelsError::Unsupported(_) => Self::Unsupported(error.to_string()),
            error => Self::Parameter(error),
        }
    }
}
