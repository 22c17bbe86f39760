//! Networks fitted to the picture, beside what the weights make of it.

mod within;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use image::DynamicImage;
use kiln_container::Depth;
use kiln_fit::{Budget, Next, Options, Status};
use kiln_models::seam::Level;

use super::job::{Content, Job, Layer, Made, OwnNetworks};
use crate::Error;
use crate::fitted::{self, Planes};
use crate::layer;
use crate::options::{Aim, Fit};
use crate::pixels::Pixels;
use crate::progress::{Progress, Stage};

/// Time that follows a fit: its pixels, their errors and the file. For each pixel, on the slow side.
const AFTER: Duration = Duration::from_nanos(300);
/// At least this part of the time is left to the fit, whatever came before it.
const LEAST: f64 = 0.1;

/// What came of a fit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fitted {
    /// Steps over the whole picture.
    pub iterations: u32,
    /// Length of its file.
    pub bytes: u64,
    /// Bytes of the networks in it.
    pub weight_bytes: u64,
    /// Its PSNR in dB over the whole picture; infinite if all samples are equal.
    pub psnr: f64,
    /// Length and PSNR of the file that the weights make for the same target. `None` where they make none so small.
    pub by_weights: Option<(u64, f64)>,
}

/// What a fit needs of the picture.
struct Ground {
    planes: Planes,
    layer: Option<Layer>,
    depth: kiln_fit::Depth,
    /// Bytes of the file beside the streams.
    around: u64,
    seed: u64,
}

/// A file, its squared error, and both in bits.
struct Priced {
    made: Made,
    error: f64,
    cost: f64,
}

/// A fit as a part of several, which can be asked to come to an end.
struct Part<'a> {
    progress: &'a dyn Progress,
    /// Part of the work before it, and its own.
    before: f64,
    share: f64,
    /// Bytes of the file beside the streams.
    around: u64,
    finish: &'a AtomicBool,
}

impl kiln_fit::Watch for Part<'_> {
    fn update(&self, status: &Status) -> Next {
        let status = Status {
            done: self.before + self.share * status.done,
            bytes: status.bytes + self.around as f64,
            ..*status
        };
        let next = self.progress.fit(&status);
        if next == Next::Finish {
            self.finish.store(true, Ordering::Relaxed);
        }
        match self.finish.load(Ordering::Relaxed) && next != Next::Cancel {
            true => Next::Finish,
            false => next,
        }
    }
}

/// Bytes that a fit of a picture takes, the picture not included. Errs on the high side.
pub(super) fn bytes(pixels: Pixels<'_>) -> u64 {
    let (height, width) = (pixels.height() as usize, pixels.width() as usize);
    kiln_fit::fit_bytes(height, width).saturating_add(Planes::bytes(pixels))
}

impl Job<'_> {
    /// The file of a target with networks of its own, or that of the weights where this is wished and costs less.
    pub(super) fn fitted(&mut self, fit: Fit, aim: Aim, started: Instant) -> Result<Made, Error> {
        let (base, budget) = match aim {
            Aim::Level(_) => (Some(self.made(aim)?), None),
            Aim::Bytes(budget) => match self.made(aim) {
                Ok(made) => (Some(made), Some(budget)),
                Err(Error::OutOfReach { .. }) => (None, Some(budget)),
                Err(error) => return Err(error),
            },
        };
        let reference = match base {
            Some(made) => made,
            // What the lowest level says of layer and trade-off holds, though its file is too large.
            None => {
                let lowest = self.levels.require(0)?;
                self.file(lowest)?
            }
        };
        let fits = budget.is_none_or(|budget| reference.bytes.len() as u64 <= budget);
        let modelled = match &reference.content {
            Content::Model(modelled) => modelled,
            // Without loss: nothing is left to fit.
            _ => return Ok(reference),
        };
        let errors = self.errors(modelled)?;
        let weight = self.architecture.weight(reference.asked);
        let weight = weight.unwrap_or_else(|| layer::weight_of(&errors));
        let ground = self.ground(&reference, fit)?;
        let base = priced(reference, errors.iter().sum(), weight);

        let spent = started.elapsed() + AFTER * (self.size.width * self.size.height) as u32;
        let left = match fit.budget {
            Budget::Time(time) => Budget::Time(time.saturating_sub(spent).max(time.mul_f64(LEAST))),
            iterations => iterations,
        };
        let finish = AtomicBool::new(false);
        // The cost per squared error of three channels against the mean squared error per bit: grey counts three times in
        // the one and once in the other.
        let lambda = 1.0 / (3.0 * weight);
        let own = match budget {
            None => {
                let fit = self.fit(&ground, lambda, left, (0.0, 1.0), &finish)?;
                self.own(fit, &ground, lambda, base.made.asked)?
            }
            Some(budget) => {
                let found = self.fit_within(&ground, budget, lambda, left, &finish);
                match found {
                    Err(Error::OutOfReach { .. }) if fits && finish.load(Ordering::Relaxed) => {
                        let text = "the fit was ended before it was small enough: the file is that of the weights";
                        self.warnings.push(text.into());
                        return Ok(base.made);
                    }
                    found => found?,
                }
            }
        };
        let error = self.fitted_error(&own)?;
        let own = priced(own, error, weight);
        Ok(self.choose(fit, own, base, fits))
    }

    /// The better of the two, or the fit with a warning.
    fn choose(&mut self, fit: Fit, own: Priced, base: Priced, fits: bool) -> Made {
        let samples = 3.0 * (self.size.width * self.size.height) as f64;
        let psnr = |error: f64| 10.0 * (samples / error).log10();
        let length = |priced: &Priced| priced.made.bytes.len() as u64;
        if let Content::Fitted(networks) = &own.made.content {
            self.fitted = Some(Fitted {
                iterations: networks.fit.iterations,
                bytes: length(&own),
                weight_bytes: networks.fit.weight_bytes as u64,
                psnr: psnr(own.error),
                by_weights: fits.then(|| (length(&base), psnr(base.error))),
            });
        }
        match fits && base.cost < own.cost {
            true if fit.or_weights => base.made,
            worse => {
                if worse {
                    self.warnings.push(format!(
                        "the weights cost less here: {} bytes and {:.2} dB, the fit takes {} bytes for {:.2} dB; a longer \
                         fit may be better",
                        length(&base),
                        psnr(base.error),
                        length(&own),
                        psnr(own.error)
                    ));
                }
                own.made
            }
        }
    }

    /// What is fitted: the picture without the blocks that the weights leave to the layer.
    fn ground(&self, reference: &Made, fit: Fit) -> Result<Ground, Error> {
        let (layer, image) = match &reference.content {
            Content::Model(modelled) => (modelled.layer.clone(), modelled.image.as_ref()),
            _ => (None, None),
        };
        let shown = match image {
            Some(image) => Pixels::try_from(image)?,
            None => self.shown,
        };
        let blocks = layer.as_ref().map(|layer| &layer.blocks);
        let (picture, hides) = (self.graphics.pixels, self.graphics.hides);
        let planes = Planes::new(shown, picture, hides, blocks)?;
        let bytes = layer.as_ref().map(|layer| layer.bytes.as_slice());
        let empty = self.packing.fitted(reference.asked, &[], 0, bytes)?;
        Ok(Ground {
            planes,
            layer,
            depth: match picture.depth() {
                Depth::Eight => kiln_fit::Depth::Eight,
                Depth::Sixteen => kiln_fit::Depth::Sixteen,
            },
            around: empty.len() as u64,
            seed: fit.seed,
        })
    }

    /// One fit; `part`: what comes before it, and its own part of all fits.
    fn fit(
        &mut self,
        ground: &Ground,
        lambda: f64,
        budget: Budget,
        (before, share): (f64, f64),
        finish: &AtomicBool,
    ) -> Result<kiln_fit::Fit, Error> {
        let options = Options {
            lambda,
            budget,
            seed: ground.seed,
            preset: None,
            depth: ground.depth,
        };
        let watch = Part {
            progress: self.progress,
            before,
            share,
            around: ground.around,
            finish,
        };
        let image = ground.planes.image();
        Ok(self
            .stages
            .time(Stage::Fit, || kiln_fit::fit(&image, &options, &watch))?)
    }

    /// The file of a fit.
    fn own(
        &mut self,
        fit: kiln_fit::Fit,
        ground: &Ground,
        lambda: f64,
        asked: Level,
    ) -> Result<Made, Error> {
        let content = Content::Fitted(Box::new(OwnNetworks {
            level: self.nearest(lambda, asked),
            fit,
            layer: ground.layer.clone(),
        }));
        self.pack(asked, content)
    }

    /// The level of the nearest trade-off; `otherwise` where the weights do not say theirs.
    fn nearest(&self, lambda: f64, otherwise: Level) -> Level {
        let off = |level: &Level| {
            let weight = self.architecture.weight(*level)?;
            Some((3.0 * weight * lambda).ln().abs())
        };
        let known = self.levels.iter().filter_map(|l| Some((off(&l)?, l)));
        known
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(otherwise, |(_, level)| level)
    }

    /// What a decoder makes of a fit.
    pub(super) fn fitted_image(
        &mut self,
        own: &OwnNetworks,
        progress: &dyn Progress,
    ) -> Result<DynamicImage, Error> {
        let blocks = own.layer.as_ref().map(|layer| &layer.blocks);
        let depth = self.graphics.pixels.depth();
        self.stages.time(Stage::Synthesise, || {
            self.graphics.reconstructed(blocks, |pixels| {
                let (networks, latents) = (&own.fit.parameters, &own.fit.latents);
                let watch = |done, total| progress.update(Stage::Synthesise, done, total);
                fitted::write(networks, latents, depth, pixels, &watch)
            })
        })
    }

    /// Squared error of a fit.
    fn fitted_error(&mut self, made: &Made) -> Result<f64, Error> {
        let Content::Fitted(own) = &made.content else {
            return Ok(0.0);
        };
        let pass = self.passes.next();
        let image = self.fitted_image(own, &pass)?;
        let errors = self.graphics.squared_errors(Pixels::try_from(&image)?);
        Ok(errors.iter().sum())
    }
}

fn priced(made: Made, error: f64, weight: f64) -> Priced {
    Priced {
        cost: 8.0 * made.bytes.len() as f64 + weight * error,
        made,
        error,
    }
}
