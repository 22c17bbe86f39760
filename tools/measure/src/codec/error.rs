//! Why a codec cannot be measured.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::metrics::MetricError;

/// Why a codec cannot be opened, or cannot code a picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The caller asks for a setting that the codec does not have.
    #[error("{setting} {value} is not allowed, only {allowed}")]
    Setting {
        /// What the setting is called.
        setting: String,
        /// The value asked for.
        value: f64,
        /// What is allowed.
        allowed: String,
    },
    /// The format or the tool has no pictures of this size.
    #[error("pictures of {width}x{height} pixels are not possible, only {allowed}")]
    Size {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A tool is not in `PATH`; any of these names would do.
    #[error("{} is not installed", .0.join(" or "))]
    NotInstalled(Vec<String>),
    /// A file that a tool needs beside itself is not where it is looked for.
    #[error("{0}")]
    Configuration(String),
    /// A tool cannot be started.
    #[error("cannot start {}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A tool ran and reported a failure.
    #[error("{tool} failed ({status}): {last_words}")]
    Tool {
        /// Name of the tool.
        tool: String,
        /// Its exit status.
        status: String,
        /// The last lines of its output.
        last_words: String,
    },
    /// A file that is exchanged with a tool cannot be written or read.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `write`, `read` or `make`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A picture that is exchanged with a tool cannot be written or read.
    #[error("cannot {action} the picture {}", path.display())]
    Picture {
        /// `encode` or `decode`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the library `image` says.
        source: image::ImageError,
    },
    /// A codec that is compiled in fails.
    #[error("{library} failed: {reason}")]
    Library {
        /// Name of the library.
        library: &'static str,
        /// What the library says.
        reason: String,
    },
    /// The decoded picture cannot be compared with its original.
    #[error("the decoded picture cannot be measured")]
    Metric(#[from] MetricError),
    /// A failure of a codec that this crate does not know.
    #[error(transparent)]
    Other(#[from] Box<dyn Error + Send + Sync>),
}
