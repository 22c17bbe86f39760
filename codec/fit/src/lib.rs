//! Fits networks and latents to one picture, which then travel in its file: the encoder of what `kiln-fitted` decodes.
//!
//! ```text
//! picture --fit_float--> networks and latents in floating point: an Engine takes steps, forward and back, on threads
//!                            |
//!                          finish: steps of integers, in long fits integers one by one, judged by the real decoder
//!                            |
//!                         streams
//! ```
//!
//! What is fitted follows version 5 of Cool-chic (Orange, 2026), as far as it is published: grids of latents, a network that
//! predicts them, filters, a synthesis of a few thousand products a pixel. One step over a picture of 768 x 512 takes about
//! 100 ms on one core with AVX2, 80 ms with AVX-512, and a good file some thousand steps. No training data, no GPU and no
//! weights are needed.
//! The file depends on the kind of processor that fits, not on the number of its threads; what a decoder makes of it is
//! the same everywhere.
//!
//! ```
//! use kiln_fit::{Budget, Depth, Image, Next, Options, Preset, Status, fit};
//!
//! # fn main() -> Result<(), kiln_fit::Error> {
//! let (height, width) = (24, 32);
//! let slope: Vec<f32> = (0..height * width).map(|i| (i % width) as f32 / width as f32).collect();
//! let image = Image { height, width, channels: 1, samples: &slope, weights: None };
//! let options = Options {
//!     lambda: 0.001,
//!     budget: Budget::Iterations(60),
//!     seed: 1,
//!     preset: Some(Preset::Low),
//!     depth: Depth::Eight,
//! };
//! let fit = fit(&image, &options, &|status: &Status| {
//!     eprintln!("{:.0} %, {:.0} bytes, {:.2} dB", 100.0 * status.done, status.bytes, status.psnr);
//!     Next::GoOn
//! })?;
//! assert!(fit.mse < 0.01);
//! # Ok(())
//! # }
//! ```
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
mod joint;
mod kernels;
mod laplace;
mod lattice;
mod networks;
mod optimise;
mod options;
mod picture;
mod quantise;
mod random;
mod rate;
mod schedule;
mod stack;
mod synthesis;
mod upsample;
mod watch;

pub use engine::{Engine, Loss, Soft, State, Step};
pub use error::Error;
pub use fit::{Fit, fit, fit_bytes};
pub use float::Float;
pub use image::Image;
pub use joint::{Joint, Means};
pub use kiln_fitted::Depth;
pub use options::{Budget, Options, Preset};
pub use schedule::fit_float;
pub use watch::{Next, Status, Watch};
