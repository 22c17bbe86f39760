//! Fits networks and latents to one picture.
#![forbid(unsafe_code)]

mod error;
mod float;
mod image;
mod options;
mod standin;
mod watch;

pub use error::Error;
pub use float::Float;
pub use image::Image;
pub use options::{Budget, Depth, Options, Preset};
pub use standin::{Fit, fit, fit_bytes};
pub use watch::{Next, Status, Watch};
