//! graphics
#![forbid(unsafe_code)]
mod analysis;
mod binary;
mod colour;
mod error;
mod hits;
mod layout;
mod logistic;
mod maps;
mod mix;
mod predict;
mod residual;
mod rows;
mod strip;
mod work;
pub use error::Error;
pub use layout::{BLOCK, Blocks, Channels, Depth, Layout};
pub use work::*;
