//! Fits networks and latents to one picture.
#![forbid(unsafe_code)]

mod arm;
mod convolution;
mod engine;
mod error;
mod features;
mod finish;
mod fit;
mod float;
#[cfg(test)]
mod gradient_tests;
mod image;
mod kernels;
mod laplace;
mod networks;
mod optimise;
mod options;
mod picture;
mod quantise;
mod random;
mod schedule;
mod stack;
mod synthesis;
mod tiles;
mod upsample;
mod watch;

pub use engine::{Engine, Loss, Soft, State, Step};
pub use error::Error;
pub use fit::{Fit, fit, fit_bytes};
pub use float::Float;
pub use image::Image;
pub use kiln_fitted::Depth;
pub use options::{Budget, Options, Preset};
pub use schedule::fit_float;
pub use watch::{Next, Status, Watch};
