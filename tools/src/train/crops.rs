//! Random crops of photographs.

use std::path::Path;

use anyhow::{Context, bail};
use image::RgbImage;
use image::imageops::{self, FilterType};
use kiln::picture;
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
            let loaded =
                picture::load(&bytes, &Default::default()).with_context(|| source.to_string())?;
            let rgb = loaded.picture.image.into_rgb8();
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

    /// Levels of a range for `count` crops: one of each of as many equal parts, which gives less noise than independent ones.
    pub fn levels(&mut self, count: usize, (first, last): (u8, u8)) -> Vec<usize> {
        let (first, last) = (usize::from(first), usize::from(last));
        let width = (last + 1 - first) as f64 / count as f64;
        (0..count)
            .map(|part| {
                let at = (part as f64 + self.random.random::<f64>()) * width;
                (first + at as usize).min(last)
            })
            .collect()
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
        let mut seen = [0; 64];
        for _ in 0..200 {
            // Each part of two levels gives one.
            let levels = c.levels(3, (4, 9));
            assert!(
                levels
                    .iter()
                    .zip([4, 6, 8])
                    .all(|(l, low)| (low..low + 2).contains(l))
            );
            levels.iter().for_each(|&l| seen[l] += 1);
            assert_eq!(c.levels(1, (7, 7)), [7]);
        }
        assert!(seen[4..=9].iter().all(|n| *n > 50), "{seen:?}");
        assert_eq!(seen.iter().sum::<i32>(), 600);
    }
}
