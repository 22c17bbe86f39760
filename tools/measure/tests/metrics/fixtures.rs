//! Damaged pictures, and what reference programs say of them, as `tests/reference/perceptual.py` wrote it.

use image::imageops::crop_imm;
use image::{Rgb, RgbImage};
use serde::Deserialize;

/// A pair of pictures and what the reference programs say of it.
#[derive(Deserialize)]
pub struct Case {
    image: String,
    crop: [u32; 4],
    pub damage: String,
    pub ssimulacra2: f64,
    pub butteraugli: f64,
    pub butteraugli_3norm: f64,
    pub psnr_y: f64,
    pub psnr_yuv: f64,
}

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

/// All cases.
pub fn cases() -> Vec<Case> {
    let text = include_str!("../reference/perceptual.json");
    serde_json::from_str::<File>(text).unwrap().cases
}

impl Case {
    /// Names the case in messages.
    pub fn name(&self) -> String {
        format!("{} with {}", self.image, self.damage)
    }

    /// Original and damaged picture.
    pub fn pictures(&self) -> [RgbImage; 2] {
        let original = crop(&self.image, self.crop);
        let damaged = damage(&original, &self.damage);
        [original, damaged]
    }
}

/// A part of a Kodak picture: left, top, width and height.
pub fn crop(name: &str, [left, top, width, height]: [u32; 4]) -> RgbImage {
    let kodak = kiln_datasets::kodak_folder().unwrap();
    let picture = image::open(kodak.join(format!("{name}.png"))).unwrap();
    crop_imm(&picture.into_rgb8(), left, top, width, height).to_image()
}

/// The same as `damage` in the script: `step`, `blur` or `tint`, and how much.
pub fn damage(original: &RgbImage, kind: &str) -> RgbImage {
    let (name, amount) = kind.split_once(' ').unwrap();
    let amount: u8 = amount.parse().unwrap();
    let mut out = original.clone();
    match name {
        "step" => {
            for sample in out.iter_mut() {
                *sample = (*sample / amount * amount).saturating_add(amount / 2);
            }
        }
        "blur" => {
            for _ in 0..amount {
                out = blur(&out);
            }
        }
        "tint" => {
            for Rgb([red, _, blue]) in out.pixels_mut() {
                *red = red.saturating_add(amount);
                *blue = blue.saturating_sub(amount);
            }
        }
        other => panic!("{other} is not a kind of damage"),
    }
    out
}

/// Rounded mean of 3x3 pixels, edges repeated.
fn blur(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let inside = |at: u32, step: u32, size: u32| (at + step).saturating_sub(1).min(size - 1);
    RgbImage::from_fn(width, height, |x, y| {
        let mut sums = [4u32; 3];
        for (dx, dy) in (0..9).map(|i| (i % 3, i / 3)) {
            let pixel = picture.get_pixel(inside(x, dx, width), inside(y, dy, height));
            for (sum, &sample) in sums.iter_mut().zip(&pixel.0) {
                *sum += u32::from(sample);
            }
        }
        Rgb(sums.map(|sum| (sum / 9) as u8))
    })
}
