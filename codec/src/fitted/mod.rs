//! Pictures whose networks and latents were fitted to them alone and travel in the file: the crates `kiln-fitted`, which
//! decodes, and `kiln-fit`, which fits.
//!
//! ```text
//! picture --base at the same level--> its cost, blocks for the layer
//!    |                                              |
//!    '--colours, smooth where nobody counts errors--+--> kiln-fit --> streams --> kiln-fitted --> pixels
//! ```

mod decode;
mod image;

pub(crate) use decode::{Content, parameters};
pub(crate) use image::{Planes, write};

use kiln_container::{ColorKind, Header};
use kiln_fitted::Size;

/// Colour channels of a picture.
pub(crate) fn channels(color: ColorKind) -> usize {
    match color {
        ColorKind::Grey => 1,
        ColorKind::Rgb => 3,
    }
}

/// The size that the head of a file states.
pub(crate) fn size(header: &Header) -> Size {
    Size {
        height: header.height as usize,
        width: header.width as usize,
    }
}
