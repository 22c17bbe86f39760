//! Errors of loading weights and of running a model, told apart by who must act.

use thiserror::Error;

/// Weights that cannot be used: the file is damaged, made for another architecture, or breaks the exactness bounds.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// Not a safetensors file, or one that is cut short.
    #[error("weights cannot be read: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// The metadata names an architecture that this version does not run.
    #[error("weights are for the architecture `{0}`, which this version does not know")]
    Architecture(String),
    /// The metadata lacks the architecture description, or it is not one that this version runs.
    #[error("weights have no usable description of their architecture: {0}")]
    Config(String),
    /// A tensor that the architecture needs is absent.
    #[error("tensor `{0}` is missing from the weights")]
    Missing(String),
    /// Tensors that the architecture has no use for.
    #[error("weights hold tensors that this architecture does not use: {0}")]
    Unused(String),
    /// A tensor of another shape or number type than the architecture needs.
    #[error("tensor `{name}` is {found}, the architecture needs {needed}")]
    Mismatch {
        /// Name of the tensor.
        name: String,
        /// Type and shape found in the file.
        found: String,
        /// Type and shape that the architecture needs.
        needed: String,
    },
    /// An integer layer that could leave the range in which float arithmetic is exact.
    #[error("layer `{layer}` is not exact: {what}")]
    Inexact {
        /// Name of the layer.
        layer: String,
        /// The bound that is broken.
        what: String,
    },
    /// Probability tables that are not valid.
    #[error("probability tables `{name}`: {source}")]
    Tables {
        /// Name of the tables.
        name: &'static str,
        /// What is wrong.
        source: kiln_entropy::TableError,
    },
}

/// A failure while coding or running a network.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The coded symbols are not ones that an encoder writes: the file is damaged.
    #[error("coded symbols are damaged: {0}")]
    Code(#[from] kiln_entropy::CodeError),
    /// The number of streams does not fit the size of the picture: the file is damaged.
    #[error("{found} streams of symbols where the size of the picture asks for {needed}")]
    Streams {
        /// Streams given.
        found: usize,
        /// Streams that the picture size asks for.
        needed: usize,
    },
    /// Latents of another picture or network than the one at work.
    #[error("latents of {found:?} where the picture asks for {needed:?} (rows, channels, columns)")]
    Latents {
        /// The grids given.
        found: Vec<(usize, usize, usize)>,
        /// The grid that the picture asks for.
        needed: (usize, usize, usize),
    },
    /// The decoded symbols do not match their checksum.
    #[error(
        "decoded symbols do not match their checksum ({found:08x}, the file says {needed:08x})"
    )]
    Checksum {
        /// Checksum of what was decoded.
        found: u32,
        /// Checksum stored in the file.
        needed: u32,
    },
    /// A level that the model does not have.
    #[error("level {level} is outside 0..={max}")]
    Level {
        /// The level asked for.
        level: u8,
        /// The highest level of the model.
        max: u8,
    },
    /// The encoder of this architecture cannot search for better latents.
    #[error("`{architecture}` has no search for better latents: use effort 0")]
    NoSearch {
        /// Name of the architecture.
        architecture: &'static str,
    },
    /// The device failed (lost, or out of memory).
    #[error("the device failed: {0}")]
    Device(String),
    /// The caller's progress callback asked to stop.
    #[error("cancelled")]
    Cancelled,
}
