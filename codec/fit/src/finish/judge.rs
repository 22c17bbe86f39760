//! What a choice of integers costs: the squared error of the samples that a decoder makes, and bits.

use std::ops::Range;

use kiln_fitted::{Latents, Parameters, Shape, Size};

use super::Brief;
use crate::{Depth, Error};

/// Part of a picture, or all of it.
struct Part {
    size: Size,
    latents: Latents,
    /// Samples of a pixel next to each other, in steps of the depth.
    samples: Vec<f32>,
    /// By pixel, how much its error counts; empty where all count fully.
    weights: Vec<f32>,
}

/// Judges parameters for a picture whose latents are given.
pub(super) struct Judge {
    parts: Vec<Part>,
    depth: Depth,
    /// `MSE + lambda * bits per pixel` is what counts.
    lambda: f64,
    /// Samples and pixels of all parts.
    samples: f64,
    pixels: f64,
    /// Pixels of the picture; the networks are paid for by all of them.
    picture: f64,
}

/// What parameters cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// Mean squared error, samples in 0..=1.
    pub mse: f64,
    /// Bits of latents for each pixel.
    pub latents: f64,
    /// Bits of the networks for each pixel of the picture.
    pub networks: f64,
}

impl Judge {
    /// The whole picture.
    pub(super) fn whole(brief: &Brief<'_>, latents: &Latents) -> Self {
        let all = 0..brief.image.height;
        Self::of(brief, latents, std::slice::from_ref(&all))
    }

    /// As much of the picture as stands for all of it: all of a picture of up to a million pixels. A quarter of a smaller
    /// one does not: steps that were best there made others 2 % more expensive.
    pub(super) fn enough(brief: &Brief<'_>, latents: &Latents) -> Self {
        Self::sample(brief, latents, brief.image.pixels().div_ceil(1_000_000))
    }

    /// Strips that stand for the whole picture, about 1 / `share` of it.
    fn sample(brief: &Brief<'_>, latents: &Latents, share: usize) -> Self {
        // A strip begins where latents of every grid begin. It is not narrower than the picture: borders are not
        // like the rest.
        let rows = 64.max(1 << (brief.shape.levels - 1));
        let height = brief.image.height;
        let strips: Vec<_> = (0..height)
            .step_by(rows)
            .enumerate()
            .filter(|(i, _)| i % share == share / 2)
            .map(|(_, top)| top..(top + rows).min(height))
            .collect();
        match strips.is_empty() {
            true => Self::whole(brief, latents),
            false => Self::of(brief, latents, &strips),
        }
    }

    fn of(brief: &Brief<'_>, latents: &Latents, strips: &[Range<usize>]) -> Self {
        let part = |rows: &Range<usize>| Part::new(brief, latents, rows.clone());
        let parts: Vec<Part> = strips.iter().map(part).collect();
        let pixels: usize = parts.iter().map(|p| p.size.height * p.size.width).sum();
        Self {
            parts,
            depth: brief.depth,
            lambda: brief.lambda,
            samples: (pixels * brief.image.channels) as f64,
            pixels: pixels as f64,
            picture: brief.image.pixels() as f64,
        }
    }

    /// All of it.
    pub(super) fn cost(&self, parameters: &Parameters) -> Result<Cost, Error> {
        Ok(Cost {
            mse: self.mse(parameters)?,
            latents: self.latents(parameters)?,
            networks: self.networks(parameters),
        })
    }

    /// One number for it.
    pub(super) fn total(&self, cost: Cost) -> f64 {
        cost.mse + self.lambda * (cost.latents + cost.networks)
    }

    pub(super) fn mse(&self, parameters: &Parameters) -> Result<f64, Error> {
        let mut sum = 0.0;
        for part in &self.parts {
            sum += part.squared_error(parameters, self.depth)?;
        }
        Ok(sum / self.samples)
    }

    /// `None` if no file can hold the parameters.
    pub(super) fn mse_if_valid(&self, parameters: &Parameters) -> Result<Option<f64>, Error> {
        match parameters.check() {
            Ok(()) => self.mse(parameters).map(Some),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn latents(&self, parameters: &Parameters) -> Result<f64, Error> {
        let mut sum = 0.0;
        for part in &self.parts {
            sum += kiln_fitted::bits(parameters, part.size, &part.latents)?
                .iter()
                .sum::<f64>();
        }
        Ok(sum / self.pixels)
    }

    pub(super) fn networks(&self, parameters: &Parameters) -> f64 {
        parameters.bits() / self.picture
    }
}

impl Part {
    fn new(brief: &Brief<'_>, latents: &Latents, rows: Range<usize>) -> Self {
        let image = brief.image;
        let largest = f32::from(brief.depth.largest());
        let places = rows.start * image.width..rows.end * image.width;
        let mut samples = Vec::with_capacity(places.len() * image.channels);
        for at in places.clone() {
            let planes = image.samples.chunks_exact(image.pixels());
            samples.extend(planes.map(|plane| plane[at] * largest));
        }
        let weights = image.weights.map_or(Vec::new(), |all| {
            let weights = all[places].iter();
            weights.map(|&w| f32::from(w) / 255.0).collect()
        });
        Self {
            size: Size {
                height: rows.len(),
                width: image.width,
            },
            latents: strip(&brief.shape, latents, rows, image.width),
            samples,
            weights,
        }
    }

    fn squared_error(&self, parameters: &Parameters, depth: Depth) -> Result<f64, Error> {
        let channels = parameters.shape.channels;
        let length = self.size.width * channels;
        let mut sum = 0.0;
        kiln_fitted::synthesise(
            parameters,
            &self.latents,
            self.size,
            depth,
            &mut |row, found| {
                let wanted = &self.samples[row * length..][..length];
                sum += if self.weights.is_empty() {
                    squares(found, wanted)
                } else {
                    let weights = &self.weights[row * self.size.width..][..self.size.width];
                    let pixels = found.chunks(channels).zip(wanted.chunks(channels));
                    let weighed = pixels.zip(weights);
                    weighed
                        .map(|((found, wanted), &w)| squares(found, wanted) * f64::from(w))
                        .sum::<f64>()
                };
            },
        )?;
        let largest = f64::from(depth.largest());
        Ok(sum / (largest * largest))
    }
}

fn squares(found: &[u16], wanted: &[f32]) -> f64 {
    let pairs = found.iter().zip(wanted);
    let sum: f32 = pairs.map(|(&f, w)| (f32::from(f) - w).powi(2)).sum();
    f64::from(sum)
}

/// The latents of some rows of a picture.
fn strip(shape: &Shape, latents: &Latents, rows: Range<usize>, width: usize) -> Latents {
    let size = Size {
        height: rows.len(),
        width,
    };
    let mut strip = Latents::new(shape, size);
    for (index, grid) in latents.grids().iter().enumerate() {
        let from = (rows.start >> grid.level) * grid.width;
        let to = strip.grid_mut(index);
        let length = to.len();
        to.copy_from_slice(&latents.grid(index)[from..][..length]);
    }
    strip
}
