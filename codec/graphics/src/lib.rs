//! The graphics layer of kiln: blocks of 16 x 16 pixels without loss, integers in and out.
//!
//! Text, interfaces, charts and line art are what a model of photographs codes badly. An encoder marks their
//! [`Blocks`], and this crate codes the pixels of the marked blocks exactly: by contexts that adapt, predictions that
//! learn, and binary decisions that `kiln-entropy` turns into bytes. With all blocks marked it is a lossless codec.
//!
//! The bytes are specified in [`GRAPHICS.md`](https://github.com/kiln-codec/kiln/blob/main/codec/graphics/GRAPHICS.md).
//! Size and kind of the picture come from outside: the [`Layout`].
//!
//! ```
//! use std::ops::ControlFlow;
//! use kiln_graphics::{Blocks, Channels, Depth, Layout, Source, decode, encode};
//!
//! /// A chequerboard.
//! struct Board;
//!
//! impl Source for Board {
//!     fn row(&self, y: u32, out: &mut [u16]) {
//!         for (x, sample) in out.iter_mut().enumerate() {
//!             *sample = if (x / 8 + y as usize / 8) % 2 == 0 { 255 } else { 0 };
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), kiln_graphics::Error> {
//! let layout = Layout { width: 100, height: 80, channels: Channels::One, depth: Depth::Eight };
//! let go_on = &|_, _| ControlFlow::Continue(());
//! let bytes = encode(&layout, &Blocks::all(&layout), &Board, go_on)?;
//! assert!(bytes.len() < 50);
//!
//! let mut samples = vec![0; 100 * 80];
//! decode(&bytes, &layout, &mut |y, x, run| {
//!     samples[y as usize * 100 + x as usize..][..run.len()].copy_from_slice(run);
//! }, go_on)?;
//! assert_eq!((samples[0], samples[8], samples[8 * 100]), (255, 0, 0));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod analysis;
mod around;
mod binary;
mod colour;
mod decode;
mod encode;
mod error;
mod estimate;
pub mod fuzz;
mod head;
mod hits;
mod layout;
mod literal;
mod logistic;
mod maps;
mod memory;
mod mix;
mod near;
mod part;
mod predict;
mod progress;
mod residual;
mod rows;
mod smooth;
mod strip;

pub use decode::{blocks, decode};
pub use encode::{Source, costs, encode};
pub use error::Error;
pub use estimate::estimate;
pub use layout::{BLOCK, Blocks, Channels, Depth, Layout};
pub use memory::{decode_bytes, encode_bytes};
pub use progress::Watch;
