//! Which blocks of a coding go to the layer.

use std::sync::Arc;

use kiln_graphics::Blocks;
use kiln_models::seam::Level;

use super::job::{Job, Layer, Modelled, Weighed};
use crate::Error;
use crate::layer::{self, Evidence};
use crate::pixels::{Pixels, Source};
use crate::progress::{Stage, Staged};

/// Most times that blocks are added to a layer.
const ROUNDS: usize = 2;

/// Most passes that a level takes beside those of its stages, without levels beside it: errors, costs, rounds of a layer with
/// its analysis, coding and errors, a patch, and the whole.
const PASSES: usize = 4 + 4 * ROUNDS;

/// Passes that so many files take at most, alpha included.
pub(super) fn most_passes(files: usize) -> usize {
    // A level and those beside it; few small pictures try more.
    1 + files * 3 * PASSES
}

/// A further round is for blocks that cost the model this part of everything: others are not worth the time.
const WORTHWHILE: f64 = 0.02;

impl Job<'_> {
    /// Moves blocks of a coding to the layer as long as that pays. `weight`: that of the level that was asked for, if the
    /// weights tell it.
    pub(super) fn with_blocks(
        &mut self,
        plain: Modelled,
        weight: Option<f64>,
    ) -> Result<Weighed, Error> {
        let level = plain.level;
        let mut errors = self.errors(&plain)?;
        let own = self.architecture.weight(level);
        let own = own.unwrap_or_else(|| layer::weight_of(&errors));
        let weight = weight.unwrap_or(own);
        let weigh = |modelled: Modelled, errors: &[f64]| {
            let error = errors.iter().sum();
            Weighed {
                cost: modelled.bits() + weight * error,
                modelled,
                error,
            }
        };
        let mut best = weigh(plain, &errors);
        if !self.graphics.may_help(own) {
            return Ok(best);
        }
        let costs = self.stage(|job| {
            let pass = job.passes.next();
            job.graphics.costs(&pass)
        })?;
        let mut blocks = self.graphics.no_blocks();
        for round in 0..ROUNDS {
            let bits = layer::share_bits(
                &best.modelled.coded.latents,
                self.size,
                self.architecture.facts().cell,
                best.modelled.stream_bits(),
            );
            let evidence = Evidence {
                costs: &costs,
                bits: &bits,
                errors: &errors,
                weight: own,
            };
            let choice = evidence.choose(&blocks);
            let enough = round == 0 || choice.modelled > WORTHWHILE * best.cost;
            if choice.more == 0 || !enough || choice.blocks.is_all() {
                break;
            }
            blocks = choice.blocks;
            let next = self.with_layer(blocks.clone(), level)?;
            let next_errors = self.errors(&next)?;
            let next = weigh(next, &next_errors);
            if next.cost >= best.cost {
                break;
            }
            (best, errors) = (next, next_errors);
        }
        if best.modelled.layer.is_some() {
            self.patch(&mut best, errors, &costs, own, weight)?;
        }
        Ok(best)
    }

    /// Adds blocks that the filling around them has spoilt, without coding the rest again: what the model spends on them is
    /// spent.
    fn patch(
        &mut self,
        best: &mut Weighed,
        mut errors: Vec<f64>,
        costs: &[f32],
        own: f64,
        weight: f64,
    ) -> Result<(), Error> {
        let Some(layer) = &best.modelled.layer else {
            return Ok(());
        };
        let evidence = Evidence {
            costs,
            bits: &vec![0.0; errors.len()],
            errors: &errors,
            weight: own,
        };
        let choice = evidence.choose(&layer.blocks);
        if choice.more == 0 {
            return Ok(());
        }
        let blocks = choice.blocks;
        let bytes = self.stage(|job| {
            let pass = job.passes.next();
            job.graphics.layer(&blocks, &pass)
        })?;
        for (error, covered) in errors.iter_mut().zip(blocks.iter()) {
            if covered {
                *error = 0.0;
            }
        }
        best.modelled.layer = Some(Layer { blocks, bytes });
        best.error = errors.iter().sum();
        best.cost = best.modelled.bits() + weight * best.error;
        Ok(())
    }

    /// A coding with these blocks in the layer.
    fn with_layer(&mut self, blocks: Blocks, level: Level) -> Result<Modelled, Error> {
        let (bytes, image) = self.stage(|job| {
            let image = job.graphics.filled(Some(&blocks))?;
            let pass = job.passes.next();
            Ok((job.graphics.layer(&blocks, &pass)?, image))
        })?;
        let pixels = Pixels::try_from(&image)?;
        let pass = self.passes.next();
        let y = Arc::new(self.stages.time(Stage::Analyse, || {
            self.architecture.analyse(&Source::new(pixels, &pass))
        })?);
        let pass = self.passes.next();
        let watch = Staged {
            progress: &pass,
            stage: Stage::Graphics,
        };
        Ok(Modelled {
            level,
            coded: self.model(&y, level, &watch)?,
            layer: Some(Layer { blocks, bytes }),
            image: Some(image),
            y,
        })
    }

    /// Squared errors of the blocks of a coding.
    pub(super) fn errors(&mut self, modelled: &Modelled) -> Result<Vec<f64>, Error> {
        let pass = self.passes.next();
        let image = self.decoded(modelled, &pass)?;
        Ok(self.graphics.squared_errors(Pixels::try_from(&image)?))
    }
}
