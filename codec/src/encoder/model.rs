//! The model's passes over a picture.

use image::DynamicImage;
use kiln_models::ModelError;
use kiln_models::seam::{Analysed, Checked, Coded, Given, Level, Unwatched, Watch};

use super::job::{Job, Modelled};
use crate::Error;
use crate::pixels::Sink;
use crate::progress::{Progress, Stage, Staged};

/// The coding of one of several levels, as a part of all of them.
struct OfLevels<'a> {
    staged: Staged<'a>,
    coded: u64,
    expected: u64,
}

impl Watch for OfLevels<'_> {
    fn update(&self, done: u64, total: u64) -> Result<(), ModelError> {
        let all = self.expected.max(self.coded + 1) * total;
        self.staged.update(self.coded * total + done, all)
    }
}

impl Job<'_> {
    /// The model alone, as the stage of coding.
    pub(super) fn plain(&mut self, level: Level) -> Result<Modelled, Error> {
        let staged = Staged {
            progress: self.progress,
            stage: Stage::Code,
        };
        let watch = OfLevels {
            staged,
            coded: self.coded,
            expected: self.expected,
        };
        let y = self.y.clone();
        let coded = self.model(&y, level, &watch)?;
        self.coded += 1;
        Ok(self.modelled(level, coded))
    }

    /// The model alone, as one of the ways that are tried.
    pub(super) fn plain_too(&mut self, level: Level) -> Result<Modelled, Error> {
        let pass = self.passes.next();
        let watch = Staged {
            progress: &pass,
            stage: Stage::Graphics,
        };
        let y = self.y.clone();
        let coded = self.model(&y, level, &watch)?;
        Ok(self.modelled(level, coded))
    }

    fn modelled(&self, level: Level, coded: Coded) -> Modelled {
        Modelled {
            level,
            coded,
            layer: None,
            image: None,
            y: self.y.clone(),
        }
    }

    /// The model's part of a picture.
    pub(super) fn model(
        &mut self,
        y: &Analysed,
        level: Level,
        watch: &dyn Watch,
    ) -> Result<Coded, Error> {
        let given = Given {
            level,
            size: self.size,
            watch,
        };
        let Checked {
            value: coded,
            warning,
        } = self
            .stages
            .time(Stage::Code, || self.architecture.encode(y, &given))?;
        self.warnings.extend(warning);
        Ok(coded)
    }

    /// What a decoder makes of a coding.
    pub(super) fn decoded(
        &mut self,
        modelled: &Modelled,
        progress: &dyn Progress,
    ) -> Result<DynamicImage, Error> {
        let blocks = modelled.layer.as_ref().map(|layer| &layer.blocks);
        let given = Given {
            level: modelled.level,
            size: self.size,
            watch: &Unwatched,
        };
        self.stages.time(Stage::Synthesise, || {
            self.graphics.reconstructed(blocks, |pixels| {
                let color = pixels.channels().color();
                let mut sink = Sink::new(pixels.reborrow(), color, progress)?;
                let latents = &modelled.coded.latents;
                Ok(self.architecture.synthesise(latents, &given, &mut sink)?)
            })
        })
    }
}
