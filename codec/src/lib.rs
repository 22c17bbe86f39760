//! kiln: a learned image codec whose files decode identically on every machine.
//!
//! ```no_run
//! use kiln::{Decoder, DeviceChoice, EncodeOptions, Encoder, Model, Target, picture};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "bundled")] {
//! let model = Model::bundled(&DeviceChoice::Auto)?;
//! let photo = picture::load(&std::fs::read("photo.png")?, &Default::default())?.picture;
//!
//! let options = EncodeOptions::default().with_target(Target::Quality(60));
//! let encoded = Encoder::new(model.clone()).encode(&photo, &options)?;
//! std::fs::write("photo.kiln", &encoded.bytes)?;
//!
//! let decoded = Decoder::new(model).decode(&encoded.bytes)?;
//! assert_eq!(decoded.picture.image.color(), photo.image.color());
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! [`Encoder`] and [`Decoder`] are `Send`, hold no state between pictures, are cheap to clone and may be used from several
//! threads. They read and write the caller's own [pixels], a slice or a reader and writer; both keep to [`Limits`], report
//! to a [`Progress`] that may stop them in every stage, and work on the caller's rayon threads or on [`Threads`] of their
//! own. Decoding is safe on untrusted bytes: sizes are checked before anything is allocated for them, and every damaged
//! file ends in an [`Error`], which says [who must act](ErrorKind). The [`examples`] are for programs that embed kiln.
//!
//! | cargo feature | what |
//! |---|---|
//! | `bundled` (default) | the weights that travel inside the library: 10 MB |
//! | `libjpeg` (default) | JPEG read by libjpeg-turbo, which needs a compiler of C |
//! | `gpu` | graphics adapters through wgpu: Vulkan, Metal, DX12 |
//! | `cuda` | NVIDIA's cards through CUDA |
//! | `ndarray` | one more backend on the CPU, to compare with |

mod architectures;
mod decoder;
mod encoder;
mod error;
pub mod examples;
mod fitted;
#[doc(hidden)]
pub mod fuzz;
mod info;
mod layer;
mod limits;
mod model;
mod options;
pub mod picture;
pub mod pixels;
mod progress;
#[cfg(feature = "bundled")]
pub mod selftest;
pub mod threads;
mod verify;

pub use architectures::{FITTED, LOSSLESS, WEIGHTLESS, Weightless, architecture_name};
pub use decoder::{About, Decoded, Decoder};
pub use encoder::{Encoded, Encoder, Fitted};
pub use error::{Error, ErrorKind};
pub use info::{FittedInfo, GridBytes, Info, info};
pub use kiln_container::{Alpha, ColorKind, Depth, Header, MAX_PEEK_BYTES, Sequence, peek};
pub use kiln_fit::{Budget, Next, Status as FitStatus};
pub use kiln_fitted::Shape;
pub use kiln_models::arch::ARCHITECTURES;
pub use kiln_models::seam::{
    DeviceChoice, DeviceInfo, DeviceKind, ExactChoice, Levels, Macs, Placement, TileSize, devices,
};
pub use kiln_models::{DecoderSet, Portability};
pub use kiln_picture::Limits;
pub use model::Model;
pub use options::{Effort, EncodeOptions, Fit, Target};
pub use picture::Picture;
pub use pixels::{Channels, Pixels, PixelsMut};
pub use progress::{Progress, Silent, Stage, StageTimes};
pub use threads::Threads;
pub use verify::{PixelDifference, Reconstruction, Verified, verify};

/// Compiles and runs what the README shows.
#[cfg(all(doctest, feature = "bundled"))]
#[doc = include_str!("../../README.md")]
struct Readme;
