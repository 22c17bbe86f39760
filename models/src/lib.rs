//! The networks of kiln, in [Burn](https://burn.dev), and the exact integer path that makes its files portable.
//!
//! A [`Model`] is one set of weights on one device. Its stages carry the names of the literature:
//!
//! | stage | function | arithmetic |
//! |---|---|---|
//! | analysis `g_a`, hyper analysis `h_a` | [`Model::analyse`], [`Model::encode_latents`] | float, encoder only |
//! | hyper synthesis `h_s`, context model | inside [`Model::encode_latents`] and [`Model::decode_latents`] | integers, the same on every machine |
//! | search for better latents | [`Model::refine_latents`] | float gradients, encoder only; symbols by the exact path |
//! | fine-tuning | [`Trainer`] | float, with the rounding of integers in the loop |
//! | synthesis `g_s` | [`Model::synthesise`] | float: a last-bit difference moves a pixel by at most one step |
//!
//! Everything that picks a probability is integer-valued and checked for exactness when weights load: see
//! [`exact`] and `models/EXACT.md`, which specifies it for other implementations.
#![warn(missing_docs)]

mod analysed;
mod check;
pub mod config;
#[doc(hidden)]
pub mod cost;
pub mod device;
mod differentiable;
mod error;
pub mod exact;
mod host;
mod hyper;
mod hyper_rows;
mod latents;
mod layers;
mod model;
mod objective;
mod quantise;
mod refine;
mod steps;
mod tensors;
mod tiles;
mod trace;
mod train;
mod transforms;
mod weights;

pub use analysed::Analysed;
pub use check::Checked;
pub use config::Config;
pub use error::{ModelError, WeightsError};
pub use hyper_rows::{Z_CLASSES, Z_EDGES};
pub use latents::{CodedLatents, STRIPE_ROWS, grid, stripes};
pub use model::{Model, PixelSink, PixelSource};
pub use objective::{LAMBDA_MAX, LAMBDA_MIN, lambda_of};
pub use quantise::BITS_PER_ERROR;
pub use refine::{Cost, Refined, Search};
pub use tiles::TileSize;
pub use trace::{StripeTrace, Trace, latents_checksum};
pub use train::{CROP_UNIT, ROWS, SIGMA_MAX, SIGMA_MIN, StepReport, TrainError, Trainer};
pub use weights::{BUNDLED, DecoderSet, Weights};

/// Sets how many threads the CPU work of this process uses. To be called once, before anything else.
///
/// # Errors
/// Threads are already running.
pub fn set_threads(threads: usize) -> Result<(), String> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|e| e.to_string())
}
