//! Pixels in memory: views of the caller's own buffers, read by the encoder and written by the decoder.
//!
//! ```text
//! &[u8] or &[u16], ImageBuffer, DynamicImage --> Pixels --read_rgb--> planes [3, h, w] f32 in -0.5..=0.5   (encoder)
//!
//! planes --write_rgb--> PixelsMut <-- &mut [u8] or &mut [u16], ImageBuffer, DynamicImage                   (decoder)
//! ```
//!
//! A view borrows samples and copies none. Rows may be further apart than they are long, so a part of a larger picture
//! and a buffer with padded rows are views as well. All of this is the crate `kiln-picture`'s, and is here for programs
//! that use `kiln` alone.

mod tiles;

pub use kiln_picture::pixels::{
    Channels, Depth, Pixels, PixelsError, PixelsMut, Sample, new_image,
};

// For the benches and tests that run single stages.
#[doc(hidden)]
pub use kiln_picture::pixels::{Rect, is_rgb8, nearest, read_rgb, write_rgb, write_rgb8};
#[doc(hidden)]
pub use tiles::{Sink, Source};
