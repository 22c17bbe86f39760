//! The graphics layer: blocks of pixels that are coded without loss beside the model's streams, and whole pictures without
//! a model.
//!
//! ```text
//! picture --candidates--> blocks that a model may code badly?   no: the model alone
//!    |                        | yes
//!    |                     Choice: bits and squared error of both ways, block by block
//!    |--fill-- blocks away --> model --> streams
//!    '---------- blocks ----> kiln-graphics --> layer
//! ```
//!
//! What a block costs on either side is weighed by the level: see [`choose`].

pub(crate) mod alpha;
mod apply;
mod choose;
mod error;
mod fill;
mod samples;

pub(crate) use apply::{Kind, apply, checksum, overlay, write_run};
pub(crate) use choose::{Evidence, Look, share_bits, weight_of};
pub(crate) use error::squared_errors;
pub(crate) use fill::{Free, fill, flatten_hidden, has_hidden};
pub(crate) use samples::{ColorSamples, hidden_row, layout};

/// Side of a block.
pub(crate) const BLOCK: usize = kiln_graphics::BLOCK as usize;
