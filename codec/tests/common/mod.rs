//! What the end-to-end tests share: the bundled weights, pictures, a measure of likeness, seeded randomness.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use std::sync::OnceLock;

use image::{ColorType, DynamicImage, RgbImage};
use kiln::picture::{self, Metadata};
use kiln::{
    Decoded, Decoder, DeviceChoice, EncodeOptions, Encoded, Encoder, Model, Picture, Target,
};

/// The eight kinds of pictures.
pub const KINDS: [ColorType; 8] = [
    ColorType::L8,
    ColorType::La8,
    ColorType::Rgb8,
    ColorType::Rgba8,
    ColorType::L16,
    ColorType::La16,
    ColorType::Rgb16,
    ColorType::Rgba16,
];

/// The bundled weights on the CPU, read once per test binary.
pub fn model() -> Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL
        .get_or_init(|| Model::bundled(&DeviceChoice::Cpu).unwrap())
        .clone()
}

/// A picture without metadata.
pub fn plain(image: DynamicImage) -> Picture {
    Picture {
        image,
        metadata: Metadata::default(),
    }
}

pub fn encode(picture: &Picture, target: Target) -> Encoded {
    let options = EncodeOptions::default().with_target(target);
    Encoder::new(model()).encode(picture, &options).unwrap()
}

pub fn decode(bytes: &[u8]) -> Decoded {
    Decoder::new(model()).decode(bytes).unwrap()
}

/// A photo of Kodak from its upper left corner, continued by its mirror image where it ends.
pub fn photo(number: u32, width: u32, height: u32) -> RgbImage {
    let path = format!(
        "{}/../datasets/kodak/kodim{number:02}.png",
        env!("CARGO_MANIFEST_DIR")
    );
    let file = std::fs::read(path).unwrap();
    let whole = picture::load(&file, &Default::default())
        .unwrap()
        .picture
        .image
        .into_rgb8();
    let mirrored = |at: u32, side: u32| match at % (2 * side) {
        at if at < side => at,
        at => 2 * side - 1 - at,
    };
    RgbImage::from_fn(width, height, |x, y| {
        *whole.get_pixel(mirrored(x, whole.width()), mirrored(y, whole.height()))
    })
}

/// The picture as another kind. Where there is alpha, `alpha` gives it for each pixel, 65535 being opaque.
pub fn of_kind(image: &RgbImage, kind: ColorType, alpha: impl Fn(u32, u32) -> u16) -> DynamicImage {
    let mut rgba = DynamicImage::ImageRgb8(image.clone()).into_rgba16();
    for (x, y, pixel) in rgba.enumerate_pixels_mut() {
        pixel.0[3] = alpha(x, y);
    }
    let rgba = DynamicImage::ImageRgba16(rgba);
    match kind {
        ColorType::L8 => rgba.into_luma8().into(),
        ColorType::La8 => rgba.into_luma_alpha8().into(),
        ColorType::Rgb8 => rgba.into_rgb8().into(),
        ColorType::Rgba8 => rgba.into_rgba8().into(),
        ColorType::L16 => rgba.into_luma16().into(),
        ColorType::La16 => rgba.into_luma_alpha16().into(),
        ColorType::Rgb16 => rgba.into_rgb16().into(),
        ColorType::Rgba16 => rgba,
        other => panic!("{other:?} is not stored"),
    }
}

/// The alpha channel as 16 bits, if there is one.
pub fn alpha(image: &DynamicImage) -> Option<Vec<u16>> {
    let alpha = |image: &DynamicImage| image.to_rgba16().pixels().map(|p| p.0[3]).collect();
    image.color().has_alpha().then(|| alpha(image))
}

/// Peak signal-to-noise ratio of the colours, in dB; alpha is left out.
pub fn psnr(a: &DynamicImage, b: &DynamicImage) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let (a, b) = (a.to_rgb32f(), b.to_rgb32f());
    let squares = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| f64::from(a - b).powi(2));
    let mean = squares.sum::<f64>() / a.len() as f64;
    -10.0 * mean.log10()
}

/// A small generator (splitmix64): the same numbers on every machine, from a seed that stands in the test.
pub struct Random(pub u64);

impl Random {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.word() % bound as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.word() as u8).collect()
    }
}
