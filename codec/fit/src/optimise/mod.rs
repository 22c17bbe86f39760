//! How gradients become steps.

mod adam;
mod linear;
mod soap;

pub(crate) use adam::{LatentAdam, Sources};
pub(crate) use soap::Soap;
