//! Fits networks and latents to one picture.
#![forbid(unsafe_code)]

mod error;
mod finish;
mod float;
mod image;
mod options;
mod watch;

pub use error::Error;
pub use float::Float;
pub use image::Image;
pub use kiln_fitted::Depth;
pub use options::{Budget, Options, Preset};
pub use watch::{Next, Status, Watch};
