//! Errors, by who must act.

use thiserror::Error;

/// Why a picture could not be fitted.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The picture has no pixels, or its buffers do not belong to its size.
    #[error("{0}")]
    Image(&'static str),
    /// An option is out of its range.
    #[error("{0}")]
    Option(&'static str),
    /// What was fitted cannot be written.
    #[error(transparent)]
    Format(#[from] kiln_fitted::Error),
    /// The caller's `watch` cancelled the work.
    #[error("stopped")]
    Stopped,
}
