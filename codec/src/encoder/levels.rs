//! Which level a picture is coded at for one that is asked for.

use kiln_models::seam::Level;

use super::job::{Content, Job, Weighed};
use crate::Error;
use crate::layer;

/// Drawings are coded at this many levels only: what a layer changes is then less than what a level does, so that a higher
/// level is a better picture.
const STEPS: usize = 16;

/// Up to so many pixels, the steps beside the nearest one are tried as well.
const SMALL: usize = 1 << 18;

/// Up to so many pixels, a photograph is compared with levels below the one that is asked for: statistics do not smooth what
/// a few blocks do.
const TINY: usize = 1 << 16;
/// Which are to have less than this part of the error, 0.05 dB less...
const LESS: f64 = 0.9885;
/// ...down to the first one that has so many times the error, 1 dB more.
const CLEARLY_MORE: f64 = 1.26;

impl Job<'_> {
    /// Codes the picture for a level by the way that costs least at the weight of that level.
    pub(super) fn content(&mut self, asked: Level) -> Result<Content, Error> {
        let drawn = self.layers && self.graphics.is_drawn();
        let best = match drawn {
            true => self.drawing(asked)?,
            false => self.photograph(asked)?,
        };
        // Against the bits of a photograph alone: its error is not always known.
        let limit = match drawn {
            true => best.cost,
            false => best.modelled.bits(),
        };
        let whole = self.layers
            && self.whole
            && self.stage(|job| {
                let pass = job.passes.next();
                job.graphics.lossless_within(limit, &pass)
            })?;
        Ok(match whole {
            true => Content::Lossless,
            false => Content::Model(Box::new(best.modelled)),
        })
    }

    /// A picture that is mostly the model's.
    fn photograph(&mut self, asked: Level) -> Result<Weighed, Error> {
        let plain = self.plain(asked)?;
        let small = self.size.width * self.size.height <= TINY;
        let weight = self.architecture.weight(asked);
        let first = weight.unwrap_or_else(|| layer::weight_of(&[]));
        if !self.layers || !(small || self.graphics.may_help(first)) {
            return Ok(Weighed {
                cost: plain.bits(),
                modelled: plain,
                error: 0.0,
            });
        }
        let mut best = self.with_blocks(plain, weight)?;
        if small {
            // Where a level is a worse picture than one below it, that one is taken.
            for level in self.levels.iter().take(asked.index()).rev() {
                let plain = self.plain_too(level)?;
                let below = self.with_blocks(plain, weight)?;
                if below.error > CLEARLY_MORE * best.error {
                    break;
                }
                if below.error < LESS * best.error {
                    best = below;
                }
            }
        }
        Ok(best)
    }

    /// A picture of which the layer may take a good part: the best of a few levels that are the same for all that are asked
    /// for. Were all of them tried for each, a higher weight could not end at a greater error.
    fn drawing(&mut self, asked: Level) -> Result<Weighed, Error> {
        let weight = self.architecture.weight(asked);
        let step = self.levels.count().div_ceil(STEPS);
        let last = self.levels.last().index();
        let nearest = (asked.index() + step / 2) / step;
        let beside = usize::from(self.size.width * self.size.height <= SMALL && step > 1);
        let end = (nearest + beside).min((last + step / 2) / step);
        let levels = self.levels;
        let level = |i: usize| levels.require((i * step).min(last) as u8);
        let start = nearest.saturating_sub(beside);
        let plain = self.plain(level(start)?)?;
        let mut best = self.with_blocks(plain, weight)?;
        for i in start + 1..=end {
            let plain = self.plain_too(level(i)?)?;
            let found = self.with_blocks(plain, weight)?;
            if found.cost < best.cost {
                best = found;
            }
        }
        Ok(best)
    }
}
