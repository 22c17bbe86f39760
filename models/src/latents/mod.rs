//! Orders in which latents are coded.

pub(crate) mod neighbours;
pub(crate) mod steps;
