//! What can go wrong, told apart by who must act.

use kiln_container::{ParseError, ReadError, WriteError};
use kiln_models::{DecoderSet, ModelError, WeightsError};

use crate::picture::PictureError;
use crate::pixels::PixelsError;
use crate::threads::ThreadsError;

/// A failure of encoding or decoding. [`Error::kind`] says who can do something about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a kiln file that this version can read within the limits.
    #[error(transparent)]
    File(#[from] ParseError),
    /// The file is a kiln file, but its coded symbols are not what an encoder wrote.
    #[error("damaged file: {0}")]
    Symbols(ModelError),
    /// The file is a kiln file, but its graphics layer or its alpha channel is not what an encoder wrote.
    #[error("{0}")]
    Graphics(String),
    /// The file is a kiln file, but its fitted networks or latents are not what an encoder wrote, or a later one wrote them.
    #[error(transparent)]
    Fitted(kiln_fitted::Error),
    /// A picture could not be fitted.
    #[error("the fit failed: {0}")]
    Fit(String),
    /// The file is not portable, and this machine comes to other symbols than the one that wrote it: or it is damaged.
    #[error(
        "the file was written on {writer} and is not portable: on {here} its symbols come out wrong ({source}), unless \
         the file is damaged"
    )]
    OtherMachine {
        /// The device that wrote the file.
        writer: String,
        /// The device that read it.
        here: String,
        /// What is wrong with the symbols.
        source: ModelError,
    },
    /// The file is not portable, and the decoder was not [allowed](crate::Decoder::allow_not_portable) to try it.
    #[error(
        "the file is not portable: it decodes right where it was written ({}), and may come out wrong here; allow it to \
         try", device.as_deref().unwrap_or("a device that it does not name")
    )]
    NotPortable {
        /// The device that wrote the file, if the file names it.
        device: Option<String>,
    },
    /// The decoder has no weights for this file.
    #[error(
        "the file needs weights of {} with decoder set {needed}, there are {}",
        architecture_name(*architecture), list(have)
    )]
    NoWeights {
        /// The architecture that the file names.
        architecture: u8,
        /// The decoder set that the file names.
        needed: DecoderSet,
        /// What the decoder has: names of architectures and their decoder sets.
        have: Vec<(&'static str, DecoderSet)>,
    },
    /// The file is a sequence, which this version does not decode as one picture.
    #[error("the file is a sequence of {} frames, not a still picture", frames.map_or("any number of".into(), |n| n.to_string()))]
    Sequence {
        /// Frames, if their number is known.
        frames: Option<u32>,
    },
    /// Weights that cannot be used.
    #[error("{name}: {source}")]
    Weights {
        /// The file, or `bundled weights`.
        name: String,
        /// What is wrong with them.
        source: WeightsError,
    },
    /// A picture that cannot be read, converted or written.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A file or picture needs more than the [`Limits`](crate::Limits) allow.
    #[error("{what} is {value}, over the limit of {limit}")]
    Limit {
        /// The quantity.
        what: &'static str,
        /// What is needed.
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// No level of the model makes a file so small.
    #[error(
        "a size of {budget} bytes is out of reach: at the lowest level this picture takes {least} bytes"
    )]
    OutOfReach {
        /// The size asked for.
        budget: u64,
        /// The size at the lowest level.
        least: u64,
    },
    /// An argument outside its range.
    #[error("{0}")]
    Parameter(String),
    /// The device is absent or failed.
    #[error("{0}")]
    Device(String),
    /// Threads that could not be had.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
    /// The container could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file, or what stands for it.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file does not decode to what its encoder expects: the machine or one of its devices computes wrong.
    #[error("the file was not verified: {0}")]
    Verify(String),
    /// The progress callback asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Who must act on an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file is damaged: get an intact copy.
    Damaged,
    /// The file or picture is of a kind that this version does not handle.
    Unsupported,
    /// It is over a limit: raise it if the source can be trusted.
    Limit,
    /// The weights are missing or wrong.
    Weights,
    /// The file is for another machine: decode it there, or allow it to be tried here.
    NotPortable,
    /// The caller passed a wrong argument.
    Parameter,
    /// The machine failed: device, memory or disk.
    Machine,
    /// The caller asked to stop.
    Cancelled,
}

impl Error {
    /// Who must act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(ParseError::Unsupported { .. }) | Self::Sequence { .. } => {
                ErrorKind::Unsupported
            }
            Self::Fitted(kiln_fitted::Error::Start(_)) => ErrorKind::Unsupported,
            Self::File(ParseError::Limit { .. }) | Self::Limit { .. } => ErrorKind::Limit,
            Self::File(_) | Self::Symbols(_) | Self::Graphics(_) | Self::Fitted(_) => {
                ErrorKind::Damaged
            }
            Self::OtherMachine { .. } | Self::NotPortable { .. } => ErrorKind::NotPortable,
            Self::NoWeights { .. } | Self::Weights { .. } => ErrorKind::Weights,
            Self::Picture(e) => match e {
                PictureError::Decode { .. } | PictureError::Panicked { .. } => ErrorKind::Damaged,
                PictureError::Unsupported(_)
                | PictureError::UnknownFormat { .. }
                | PictureError::Encode { .. } => ErrorKind::Unsupported,
                PictureError::Limit { .. } => ErrorKind::Limit,
                PictureError::Parameter(_) => ErrorKind::Parameter,
                PictureError::OutOfMemory(_) => ErrorKind::Machine,
                // What a later version of that crate may add.
                _ => ErrorKind::Unsupported,
            },
            Self::Parameter(_) | Self::OutOfReach { .. } => ErrorKind::Parameter,
            Self::Threads(ThreadsError::None) => ErrorKind::Parameter,
            Self::Device(_)
            | Self::Threads(_)
            | Self::Write(_)
            | Self::Io { .. }
            | Self::Fit(_)
            | Self::Verify(_) => ErrorKind::Machine,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}

impl From<ModelError> for Error {
    fn from(e: ModelError) -> Self {
        match e {
            ModelError::Cancelled => Self::Cancelled,
            ModelError::Device(what) => Self::Device(what),
            ModelError::Level { .. } | ModelError::NoSearch { .. } => {
                Self::Parameter(e.to_string())
            }
            e => Self::Symbols(e),
        }
    }
}

impl From<kiln_graphics::Error> for Error {
    fn from(e: kiln_graphics::Error) -> Self {
        match e {
            kiln_graphics::Error::Stopped => Self::Cancelled,
            e => Self::Graphics(e.to_string()),
        }
    }
}

impl From<kiln_fitted::Error> for Error {
    fn from(e: kiln_fitted::Error) -> Self {
        match e {
            kiln_fitted::Error::Stopped => Self::Cancelled,
            e => Self::Fitted(e),
        }
    }
}

impl From<kiln_fit::Error> for Error {
    fn from(e: kiln_fit::Error) -> Self {
        match e {
            kiln_fit::Error::Stopped => Self::Cancelled,
            e => Self::Fit(e.to_string()),
        }
    }
}

impl From<PixelsError> for Error {
    fn from(e: PixelsError) -> Self {
        Self::Picture(e.into())
    }
}

impl From<ReadError> for Error {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::Parse(e) => Self::File(e),
            ReadError::Io(source) => Self::Io {
                path: "reading the file".into(),
                source,
            },
            // What a later version of the container may add.
            other => Self::Io {
                path: "reading the file".into(),
                source: std::io::Error::other(other),
            },
        }
    }
}

/// The name of an architecture, or its number where this version does not run it.
fn architecture_name(id: u8) -> String {
    match crate::architecture_name(id) {
        Some(name) => format!("the architecture {name}"),
        None => format!("architecture number {id}, which this version does not know,"),
    }
}

fn list(have: &[(&'static str, DecoderSet)]) -> String {
    let all: Vec<String> = have
        .iter()
        .map(|(name, set)| format!("{name} {set}"))
        .collect();
    match all.as_slice() {
        [] => "none".into(),
        all => all.join(", "),
    }
}
