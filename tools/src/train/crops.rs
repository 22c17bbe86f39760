//! Random crops of photographs.

use std::path::Path;

use anyhow::{Context, bail};
use image::RgbImage;
use image::imageops::{self, FilterType};
use kiln::picture::{self, PictureLimits};
use kiln_datasets::Dataset;
use ndarray::Array4;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::files::{self, Source};

/// Part of the crops that are taken from a larger place and scaled down.
const SCALED: f64 = 0.3;
/// Largest factor of that.
const MAX_SCALE: f64 = 2.0;

/// Pictures in memory and the state of the draw.
pub struct Crops {
    pictures: Vec<RgbImage>,
    side: u32,
    random: Xoshiro256PlusPlus,
}

impl Crops {
    /// Reads the pictures of a folder that have at least `side` pixels on each side. `seed` decides what is drawn.
    pub fn read(folder: &Path, side: usize, seed: u64) -> anyhow::Result<Self> {
        let side = u32::try_from(side)?;
        let mut pictures = Vec::new();
        for item in &Dataset::folder(folder)? {
            let source = Source::File(item.path.clone());
            let bytes = files::read(&source)?;
            let picture = picture::load(&bytes, &PictureLimits::default())
                .with_context(|| source.to_string())?;
            let rgb = picture.image.into_rgb8();
            if rgb.width().min(rgb.height()) >= side {
                pictures.push(rgb);
            }
        }
        if pictures.is_empty() {
            bail!(
                "{} holds no picture of at least {side}x{side} pixels",
                folder.display()
            );
        }
        Ok(Self {
            pictures,
            side,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
        })
    }

    /// Number of pictures that are drawn from.
    pub fn pictures(&self) -> usize {
        self.pictures.len()
    }

    /// A level of a range.
    pub fn level(&mut self, (first, last): (u8, u8)) -> usize {
        self.random.random_range(first..=last).into()
    }

    /// Crops [count, 3, side, side] in -1/2..=1/2.
    pub fn batch(&mut self, count: usize) -> Array4<f32> {
        let n = self.side as usize;
        let mut out = Array4::zeros((count, 3, n, n));
        for i in 0..count {
            let crop = self.crop();
            for (x, y, pixel) in crop.enumerate_pixels() {
                for (c, &v) in pixel.0.iter().enumerate() {
                    out[(i, c, y as usize, x as usize)] = f32::from(v) / 255.0 - 0.5;
                }
            }
        }
        out
    }

    /// One crop: scaled down at times, turned at random, from the more textured of two places half of the time.
    fn crop(&mut self) -> RgbImage {
        let picture = &self.pictures[self.random.random_range(0..self.pictures.len())];
        let (w, h) = picture.dimensions();
        let room = f64::from(w.min(h)) / f64::from(self.side);
        let scale = match self.random.random_bool(SCALED) {
            true => self.random.random_range(1.0..=room.min(MAX_SCALE)),
            false => 1.0,
        };
        let n = ((f64::from(self.side) * scale) as u32).min(w.min(h));
        let tries = 1 + usize::from(self.random.random_bool(0.5));
        let mut best: Option<(u64, u32, u32)> = None;
        for _ in 0..tries {
            let x = self.random.random_range(0..=w - n);
            let y = self.random.random_range(0..=h - n);
            let texture = texture(picture, x, y, n);
            if best.is_none_or(|(t, ..)| texture > t) {
                best = Some((texture, x, y));
            }
        }
        let (_, x, y) = best.unwrap_or_default();
        let mut crop = imageops::crop_imm(picture, x, y, n, n).to_image();
        if n != self.side {
            crop = imageops::resize(&crop, self.side, self.side, FilterType::Lanczos3);
        }
        if self.random.random_bool(0.5) {
            imageops::flip_horizontal_in_place(&mut crop);
        }
        if self.random.random_bool(0.5) {
            crop = imageops::rotate90(&crop);
        }
        crop
    }
}

/// Differences of green between every fourth pixel, summed.
fn texture(picture: &RgbImage, x: u32, y: u32, n: u32) -> u64 {
    let green = |i: u32, j: u32| picture.get_pixel(x + j, y + i).0[1];
    let mut sum = 0;
    for i in (4..n).step_by(4) {
        for j in (4..n).step_by(4) {
            let here = green(i, j);
            sum += u64::from(here.abs_diff(green(i - 4, j)));
            sum += u64::from(here.abs_diff(green(i, j - 4)));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crops(seed: u64) -> Crops {
        let picture = RgbImage::from_fn(200, 150, |x, y| {
            image::Rgb([x as u8, y as u8, (x * y) as u8])
        });
        Crops {
            pictures: vec![picture],
            side: 64,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
        }
    }

    #[test]
    fn crops_are_those_of_the_seed() {
        let batch = |seed| crops(seed).batch(6);
        assert_eq!(batch(1).dim(), (6, 3, 64, 64));
        assert_eq!(batch(1), batch(1));
        assert_ne!(batch(1), batch(2));
    }

    #[test]
    fn levels_fill_their_range() {
        let mut c = crops(3);
        let mut seen: Vec<usize> = (0..200).map(|_| c.level((4, 7))).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [4, 5, 6, 7]);
    }
}
