//! Pixels in memory: views of the caller's own buffers, read by the encoder and written by the decoder.
//!
//! ```text
//! &[u8] or &[u16], ImageBuffer, DynamicImage --> Pixels --read_rgb--> planes [3, h, w] f32 in -0.5..=0.5   (encoder)
//!
//! planes --write_rgb--> PixelsMut <-- &mut [u8] or &mut [u16], ImageBuffer, DynamicImage                   (decoder)
//! ```
//!
//! A view borrows samples and copies none. Rows may be further apart than they are long, so a part of a larger picture
//! and a buffer with padded rows are views as well.
//!
//! ```
//! use kiln_picture::pixels::{Channels, Pixels, PixelsMut};
//!
//! let rgb = [255_u8, 0, 0, 0, 255, 0]; // a red and a green pixel
//! let picture = Pixels::new(&rgb, 2, 1, Channels::Rgb)?;
//!
//! let mut screen = [0_u8; 8];
//! PixelsMut::new(&mut screen, 2, 1, Channels::Rgba)?.copy_from(picture)?;
//! assert_eq!(screen, [255, 0, 0, 255, 0, 255, 0, 255]);
//! # Ok::<(), kiln_picture::pixels::PixelsError>(())
//! ```

mod channels;
mod convert;
mod error;
mod image;
mod read;
mod rows;
mod sample;
mod view;
mod view_mut;
mod write;

pub use channels::Channels;
pub use error::PixelsError;
pub use image::new_image;
pub(crate) use image::{blank, image_of};
pub use kiln_container::Depth;
pub use sample::Sample;
pub use view::Pixels;
pub use view_mut::PixelsMut;

// For `kiln`, and for the benches and tests that run single stages.
#[doc(hidden)]
pub use read::{Rect, read_rgb};
#[doc(hidden)]
pub use sample::nearest;
#[doc(hidden)]
pub use write::{is_rgb8, write_rgb, write_rgb8};
