//! What can go wrong, told apart by who must act.

use kiln_container::{ParseError, WriteError};
use kiln_models::{ModelError, WeightsError};

use crate::picture::PictureError;

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
    /// The file was made with other weights.
    #[error("the file needs the weights with decoder set {}, these are {}: choose the right ones with `--weights`", hex(*needed), hex(*have))]
    WrongWeights {
        /// The decoder set that the file names.
        needed: [u8; 8],
        /// The decoder set of the weights in use.
        have: [u8; 8],
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
    /// An argument outside its range.
    #[error("{0}")]
    Parameter(String),
    /// The device is absent or failed.
    #[error("{0}")]
    Device(String),
    /// The container could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A weights file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
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
            Self::File(ParseError::Unsupported { .. }) => ErrorKind::Unsupported,
            Self::File(ParseError::Limit { .. }) | Self::Limit { .. } => ErrorKind::Limit,
            Self::File(_) | Self::Symbols(_) => ErrorKind::Damaged,
            Self::WrongWeights { .. } | Self::Weights { .. } => ErrorKind::Weights,
            Self::Picture(e) => match e {
                PictureError::Decode { .. } => ErrorKind::Damaged,
                PictureError::Unsupported(_)
                | PictureError::UnknownFormat { .. }
                | PictureError::Encode { .. } => ErrorKind::Unsupported,
                PictureError::Limit { .. } => ErrorKind::Limit,
                PictureError::Parameter(_) => ErrorKind::Parameter,
                PictureError::OutOfMemory(_) => ErrorKind::Machine,
            },
            Self::Parameter(_) => ErrorKind::Parameter,
            Self::Device(_) | Self::Write(_) | Self::Io { .. } | Self::Verify(_) => {
                ErrorKind::Machine
            }
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}

impl From<ModelError> for Error {
    fn from(e: ModelError) -> Self {
        match e {
            ModelError::Cancelled => Self::Cancelled,
            ModelError::Device(what) => Self::Device(what),
            ModelError::Level { .. } => Self::Parameter(e.to_string()),
            e => Self::Symbols(e),
        }
    }
}

pub(crate) fn hex(bytes: [u8; 8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
