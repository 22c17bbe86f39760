//! Errors, by who must act.

use kiln_entropy::CodeError;
use thiserror::Error;

use crate::shape::Role;

/// Why a picture could not be coded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The data is damaged, cut short, or belongs to a picture of another size.
    #[error("damaged fitted picture: {0}")]
    Damaged(&'static str),
    /// The symbols of a stream are damaged.
    #[error("damaged fitted picture: {0}")]
    Symbols(#[from] CodeError),
    /// The data was made by a newer program.
    #[error("networks start from number {0} (this program knows 0, from nothing)")]
    Start(u8),
    /// Sums of a layer could leave 32 bits: damage, or an encoder at fault.
    #[error("weights of {role:?} are too large: row {row} could leave 32 bits")]
    Bound {
        /// The tensor, or the first of those that are added up.
        role: Role,
        /// Its row.
        row: usize,
    },
    /// Parameters that no file can hold.
    #[error("parameters of a fitted picture: {0}")]
    Parameters(&'static str),
    /// A latent that no file can hold, or grids of another size.
    #[error("latents of a fitted picture: {0}")]
    Latents(&'static str),
    /// The caller's `watch` stopped the work.
    #[error("stopped")]
    Stopped,
}
