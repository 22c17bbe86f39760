//! kiln: a learned image codec whose files decode identically on every machine.
//!
//! ```no_run
//! use kiln::{DeviceChoice, Decoder, EncodeOptions, Encoder, Model, Target, picture};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Model::bundled(&DeviceChoice::Auto)?;
//! let photo = picture::load(&std::fs::read("photo.png")?, &Default::default())?;
//!
//! let options = EncodeOptions::default().with_target(Target::Quality(60));
//! let encoded = Encoder::new(model.clone()).encode(&photo, &options)?;
//! std::fs::write("photo.kiln", &encoded.bytes)?;
//!
//! let decoded = Decoder::new(model).decode(&encoded.bytes)?;
//! assert_eq!(decoded.picture.image.color(), photo.image.color());
//! # Ok(())
//! # }
//! ```
//!
//! [`Encoder`] and [`Decoder`] are `Send`, hold no state between pictures and may be used from several threads.
//! [`Model`] is cheap to clone. Decoding is safe on untrusted bytes: sizes are checked against [`Limits`] before
//! anything is allocated, and every damaged file ends in an [`Error`].

mod decoder;
mod encoder;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod info;
mod limits;
mod model;
mod options;
pub mod picture;
#[doc(hidden)]
pub mod pixels;
mod progress;
pub mod selftest;
mod verify;

pub use decoder::{Decoded, Decoder};
pub use encoder::{Encoded, Encoder};
pub use error::{Error, ErrorKind};
pub use info::{Info, info};
pub use kiln_container::{Alpha, ColorKind, Depth};
pub use kiln_models::TileSize;
pub use kiln_models::device::{DeviceChoice, ExactChoice};
pub use limits::Limits;
pub use model::{DeviceInfo, Model, devices, set_threads};
pub use options::{Effort, EncodeOptions, LEVELS, Target, level_of_quality};
pub use picture::Picture;
pub use progress::{Progress, Silent, StageTimes, stage};
pub use verify::{PixelDifference, Reconstruction, Verified, verify};

/// Architecture number of the bundled weights in a file's header. 1 to 3 were the same name before its context model and
/// quantisation had their present form; no release wrote them.
pub(crate) const ARCHITECTURE_BASE: u8 = 4;

/// Compiles and runs what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
