//! Pictures to encode and decode.

use image::{DynamicImage, RgbImage};
use kiln::Picture;

/// The photo that all pictures are made of: 768x512, with fine and coarse detail.
const KODAK: &str = "kodim08.png";
/// Width and height of the pictures: a thumbnail, a Kodak photo, and four of them.
pub const SIZES: [(u32, u32); 3] = [(256, 256), (768, 512), (1536, 1024)];

/// The photo from its upper left corner, continued by its mirror image where it ends.
///
/// # Errors
/// The bundled pictures are not there.
pub fn photo(width: u32, height: u32) -> Result<RgbImage, Box<dyn std::error::Error>> {
    let whole = image::open(kiln_datasets::kodak_folder()?.join(KODAK))?.into_rgb8();
    let mirrored = |at: u32, side: u32| match at % (2 * side) {
        at if at < side => at,
        at => 2 * side - 1 - at,
    };
    Ok(RgbImage::from_fn(width, height, |x, y| {
        *whole.get_pixel(mirrored(x, whole.width()), mirrored(y, whole.height()))
    }))
}

/// The same without metadata, as the codec takes it.
///
/// # Errors
/// As [`photo`].
pub fn picture(width: u32, height: u32) -> Result<Picture, Box<dyn std::error::Error>> {
    Ok(DynamicImage::ImageRgb8(photo(width, height)?).into())
}
