//! The networks of kiln, in [Burn](https://burn.dev), and the exact integer path that makes its files portable.
//!
//! A [`Model`] is one set of weights on one device. Its stages carry the names of the literature:
//!
//! | stage | function | arithmetic |
//! |---|---|---|
//! | analysis `g_a`, hyper analysis `h_a` | [`Model::analyse`], [`Model::encode_latents`] | float, encoder only |
//! | hyper synthesis `h_s`, context model | inside [`Model::encode_latents`] and [`Model::decode_latents`] | integers, the same on every machine |
//! | synthesis `g_s` | [`Model::synthesise`] | float: a last-bit difference moves a pixel by at most one step |
//!
//! Everything that picks a probability is integer-valued and checked for exactness when weights load: see
//! [`exact`] and `models/EXACT.md`, which specifies it for other implementations.
#![warn(missing_docs)]

pub mod config;
pub mod device;
mod error;
pub mod exact;
mod hyper;
mod latents;
mod layers;
mod model;
mod quantise;
mod tensors;
mod tiles;
mod transforms;
mod weights;

pub use config::Config;
pub use error::{ModelError, WeightsError};
pub use latents::{CodedLatents, STRIPE_ROWS, grid, stripes};
pub use model::{Model, PixelSink, PixelSource};
pub use tiles::TileSize;
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
