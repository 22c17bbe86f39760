//! The decoder of pictures whose networks travel in the file, in integers.
//!
//! A picture is a pyramid of small integers, the [`Latents`], a network that predicts each of them from its neighbours,
//! filters that bring them to one resolution, and a small network that makes colours of them. All of it was fitted to
//! the one picture; [`Parameters`] are the networks. Designs of this family: Ladune et al., "COOL-CHIC: Coordinate-based
//! low complexity hierarchical image codec" (2023), and what followed from it.
//!
//! No floating-point number takes part in decoding: the pixels of a file are the same on every machine. The format is
//! specified in [`FITTED.md`](https://github.com/kiln-codec/kiln/blob/main/codec/fitted/FITTED.md).

mod coding;
mod error;
mod estimate;
mod features;
mod kernels;
mod latents;
mod memory;
mod networks;
mod parameters;
mod progress;
mod shape;
mod synthesis;
mod upsampling;
mod wave;
mod weights;

pub use coding::{checksum, decode, encode, stream_count};
pub use error::Error;
pub use estimate::bits;
pub use latents::{LATENT_MAX, Latents};
pub use memory::decode_bytes;
pub use parameters::{Parameters, Precision, default_value};
pub use progress::Watch;
pub use shape::{GROUPS, Grid, Group, NEIGHBOURS, Role, Shape, Size, Tensor, WITH_FEATURES};
pub use synthesis::{Depth, synthesise};
pub use weights::value_bits;
