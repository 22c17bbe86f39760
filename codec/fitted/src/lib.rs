//! The decoder of pictures whose networks travel in the file, in integers.
//!
//! A picture is a pyramid of small integers, the [`Latents`], a network that predicts each of them from its neighbours,
//! filters that bring them to one resolution, and a small network that makes colours of them. All of it was fitted to
//! the one picture; [`Parameters`] are the networks. Designs of this family: Ladune et al., "COOL-CHIC: Coordinate-based
//! low complexity hierarchical image codec" (2023), and what followed from it.
//!
//! No floating-point number takes part in decoding: the pixels of a file are the same on every machine. The format is
//! specified in [`FITTED.md`](https://github.com/kiln-codec/kiln/blob/main/codec/fitted/FITTED.md).
//!
//! ```
//! use std::ops::ControlFlow;
//! use kiln_fitted::{
//!     Depth, Latents, Parameters, Precision, Role, Shape, Size, checksum, decode, encode, synthesise,
//! };
//!
//! # fn main() -> Result<(), kiln_fitted::Error> {
//! // One level, two neighbours, and the brightness of a pixel is its latent: all in steps of 1/128.
//! let shape = Shape {
//!     channels: 1, levels: 1, hyper: 0, contexts: 2, features: 0, hidden: 0, width: 0, convolutions: 0,
//! };
//! let mut parameters = Parameters {
//!     shape,
//!     precision: Precision { planes: 7, hidden: 8, output: 12 },
//!     exponents: [7, 7, 0, 0, 0, 7, 7],
//!     values: shape.tensors().iter().map(|tensor| vec![0; tensor.len()]).collect(),
//!     band: 0,
//! };
//! for (tensor, values) in shape.tensors().iter().zip(&mut parameters.values) {
//!     if tensor.role == Role::Linear {
//!         values[0] = 1;
//!     }
//! }
//! let size = Size { height: 3, width: 50 };
//! let mut latents = Latents::new(&shape, size);
//! latents.grid_mut(0)[7] = 64;
//!
//! let go_on = &|_, _| ControlFlow::Continue(());
//! let streams = encode(&parameters, size, &latents, go_on)?;
//! let slices: Vec<&[u8]> = streams.iter().map(Vec::as_slice).collect();
//! let (read, found) = decode(&slices, size, 1, go_on)?;
//! assert_eq!(checksum(&read, &found), checksum(&parameters, &latents));
//! synthesise(&read, &found, size, Depth::Eight, &mut |row, samples| {
//!     assert_eq!(samples[7], if row == 0 { 128 } else { 0 });
//! })
//! # }
//! ```

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
