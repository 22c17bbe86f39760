//! Layers, and the arithmetic that a network is written for.

pub mod arithmetic;
pub mod count;
pub(crate) mod differentiable;
pub mod exact;
pub mod float;
pub(crate) mod host;
pub(crate) mod tensors;
