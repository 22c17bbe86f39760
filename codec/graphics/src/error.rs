//! Errors, by who must act.

use kiln_entropy::CodeError;
use thiserror::Error;

/// Why pixels could not be coded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The data is damaged, cut short, or belongs to a picture of another layout.
    #[error("damaged graphics layer: {0}")]
    Damaged(&'static str),
    /// The data was made by a newer program.
    #[error("graphics layer of version {0} (this program knows version 1)")]
    Version(u8),
    /// The symbols of a strip are damaged.
    #[error("damaged graphics layer: {0}")]
    Symbols(#[from] CodeError),
    /// The caller's blocks are those of a picture of another size.
    #[error("{columns} x {rows} blocks do not belong to a picture of {width} x {height} pixels")]
    Blocks {
        /// Blocks in a row.
        columns: usize,
        /// Rows of blocks.
        rows: usize,
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
    /// A sample is larger than the layout allows.
    #[error("sample {sample} is larger than {largest}")]
    Sample {
        /// The sample.
        sample: u16,
        /// The largest that the layout allows.
        largest: u16,
    },
    /// The caller's `watch` stopped the work.
    #[error("stopped")]
    Stopped,
}
