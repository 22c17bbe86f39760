//! Drawn pictures: what people bring that is no photograph.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use image::{DynamicImage, Rgb, RgbImage};
use kiln::picture;

/// Pictures of `data/graphics`, drawn for these tests: dithering, lines, fine patterns, coloured text.
pub const DRAWN: [&str; 4] = ["dither-fs", "lineart", "screen-checker", "text-coloured"];

/// A picture of `data/graphics`.
pub fn drawn(name: &str) -> DynamicImage {
    let path = format!(
        "{}/tests/data/graphics/{name}.png",
        env!("CARGO_MANIFEST_DIR")
    );
    let file = std::fs::read(path).unwrap();
    let loaded = picture::load(&file, &Default::default()).unwrap();
    loaded.picture.image
}

/// The picture with another one over it, its upper left corner at (`x`, `y`).
pub fn paste(mut onto: RgbImage, drawn: &RgbImage, x: u32, y: u32) -> RgbImage {
    image::imageops::replace(&mut onto, drawn, x.into(), y.into());
    onto
}

/// Noise of independent samples.
pub fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    RgbImage::from_fn(width, height, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [r, g, b, ..] = state.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        Rgb([r, g, b])
    })
}
