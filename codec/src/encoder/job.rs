//! One picture at one level and another, with a model and with the layer.

use std::sync::Arc;

use image::DynamicImage;
use kiln_graphics::Blocks;
use kiln_models::seam::{Analysed, Architecture, Coded, Given, Level, Levels, Search, Size};

use super::Encoded;
use super::fit::Fitted;
use super::graphics::Graphics;
use super::pack::Packing;
use super::passes::Passes;
use crate::options::Aim;
use crate::pixels::{Pixels, Source};
use crate::progress::{Progress, Silent, Stage, StageTimes, Staged};
use crate::{Error, Reconstruction};
use crate::{FITTED, LOSSLESS};

/// What all levels of one picture share.
pub(super) struct Job<'a> {
    pub(super) architecture: Arc<dyn Architecture>,
    pub(super) levels: Levels,
    pub(super) size: Size,
    /// The picture that the model codes where there is no layer.
    pub(super) shown: Pixels<'a>,
    /// The same, analysed.
    pub(super) y: Arc<Analysed>,
    pub(super) search: Option<Search>,
    pub(super) graphics: Graphics<'a>,
    pub(super) passes: Passes<'a>,
    /// Whether there is memory for a layer.
    pub(super) layers: bool,
    /// Whether the layer may take the whole picture.
    pub(super) whole: bool,
    pub(super) packing: Packing<'a>,
    pub(super) stages: StageTimes,
    pub(super) warnings: Vec<String>,
    pub(super) progress: &'a dyn Progress,
    pub(super) coded: u64,
    pub(super) expected: u64,
    /// What came of a fit.
    pub(super) fitted: Option<Fitted>,
}

/// What a level comes to.
pub(super) struct Made {
    /// The level that was asked for.
    pub(super) asked: Level,
    pub(super) content: Content,
    /// The file.
    pub(super) bytes: Vec<u8>,
}

/// What the pixels of a file come from.
pub(super) enum Content {
    /// A model, and a layer if blocks are worth it.
    Model(Box<Modelled>),
    /// Networks of its own, and a layer if blocks are worth it.
    Fitted(Box<OwnNetworks>),
    /// The layer alone.
    Lossless,
}

/// A coding with networks that were fitted to the picture.
pub(super) struct OwnNetworks {
    /// The level whose trade-off is nearest to that of the fit.
    pub(super) level: Level,
    pub(super) fit: kiln_fit::Fit,
    pub(super) layer: Option<Layer>,
}

/// A coding with a model.
pub(super) struct Modelled {
    pub(super) level: Level,
    pub(super) coded: Coded,
    pub(super) layer: Option<Layer>,
    /// What the model was given, if that is not the picture itself.
    pub(super) image: Option<DynamicImage>,
    pub(super) y: Arc<Analysed>,
}

/// A coding, its squared error, and its bits with the error in bits. Where the error is not known, the bits alone.
pub(super) struct Weighed {
    pub(super) modelled: Modelled,
    pub(super) error: f64,
    pub(super) cost: f64,
}

/// Blocks that the model does not code.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) blocks: Blocks,
    pub(super) bytes: Vec<u8>,
}

/// A file of a search.
pub(super) struct Tried {
    pub(super) made: Made,
    /// Summed over the picture, of this file and of the one that the search began with.
    pub(super) squared_error: f64,
    pub(super) start_squared_error: f64,
}

impl Modelled {
    /// Bits of the streams and of the layer.
    pub(super) fn bits(&self) -> f64 {
        let layer = self.layer.as_ref().map_or(0, |layer| layer.bytes.len());
        self.stream_bits() + 8.0 * layer as f64
    }

    pub(super) fn stream_bits(&self) -> f64 {
        8.0 * self.coded.streams.iter().map(Vec::len).sum::<usize>() as f64
    }
}

impl Job<'_> {
    /// The file of a target, by the weights.
    pub(super) fn made(&mut self, aim: Aim) -> Result<Made, Error> {
        match aim {
            Aim::Bytes(budget) => self.within(budget),
            Aim::Level(level) if self.search.is_some() => Ok(self.refined(level)?.made),
            Aim::Level(level) => self.file(level),
        }
    }

    /// A level by the way that costs least, without a search.
    pub(super) fn file(&mut self, level: Level) -> Result<Made, Error> {
        let content = self.content(level)?;
        self.pack(level, content)
    }

    pub(super) fn pack(&mut self, asked: Level, content: Content) -> Result<Made, Error> {
        let bytes = match &content {
            Content::Model(m) => {
                let layer = m.layer.as_ref().map(|layer| layer.bytes.as_slice());
                self.stages.time(Stage::Pack, || {
                    self.packing
                        .modelled(self.architecture.as_ref(), m.level, &m.coded, layer)
                })?
            }
            Content::Fitted(own) => {
                let layer = own.layer.as_ref().map(|layer| layer.bytes.as_slice());
                let (streams, checksum) = (&own.fit.streams, own.fit.symbols_crc);
                self.stages.time(Stage::Pack, || {
                    self.packing.fitted(own.level, streams, checksum, layer)
                })?
            }
            Content::Lossless => self.lossless_file()?,
        };
        Ok(Made {
            asked,
            content,
            bytes,
        })
    }

    fn lossless_file(&mut self) -> Result<Vec<u8>, Error> {
        let pass = self.passes.next();
        let layer = self.graphics.lossless(&pass)?;
        let checksum = self.graphics.checksum();
        self.packing.lossless(&layer, checksum)
    }

    /// The file of a level after the search that the effort asks for.
    pub(super) fn refined(&mut self, level: Level) -> Result<Tried, Error> {
        let mut modelled = match self.content(level)? {
            Content::Model(modelled) => modelled,
            other => {
                return Ok(Tried {
                    made: self.pack(level, other)?,
                    squared_error: 0.0,
                    start_squared_error: 0.0,
                });
            }
        };
        let search = self.search.unwrap_or(Search {
            descents: 0,
            rounds: 0,
        });
        let silent = Silent;
        let pixels = match &modelled.image {
            Some(image) => Pixels::try_from(image)?,
            None => self.shown,
        };
        let source = Source::new(pixels, &silent);
        let given = Given {
            level: modelled.level,
            size: self.size,
            watch: &Staged {
                progress: self.progress,
                stage: Stage::Refine,
            },
        };
        let refined = self.stages.time(Stage::Refine, || {
            self.architecture
                .refine(&modelled.y, &source, &given, search)
        })?;
        modelled.coded = refined.coded;
        Ok(Tried {
            squared_error: refined.end.squared_error,
            start_squared_error: refined.start.squared_error,
            made: self.pack(level, Content::Model(modelled))?,
        })
    }

    /// Work of the graphics coder.
    pub(super) fn stage<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut stages = std::mem::take(&mut self.stages);
        let out = stages.time(Stage::Graphics, || run(self));
        self.stages = stages;
        out
    }

    /// A result for the caller, with what a decoder must make of it if that is asked for.
    pub(super) fn finish(mut self, made: Made, reconstructs: bool) -> Result<Encoded, Error> {
        self.passes.finish()?;
        let reconstruction = match (&made.content, reconstructs) {
            (_, false) => None,
            (Content::Lossless, true) => Some(self.graphics.reconstruction()?),
            (Content::Model(modelled), true) => {
                let image = self.decoded(modelled, self.progress)?;
                Some(Reconstruction {
                    image,
                    latents_checksum: modelled.coded.latents.checksum(),
                })
            }
            (Content::Fitted(own), true) => Some(Reconstruction {
                image: self.fitted_image(own, self.progress)?,
                latents_checksum: own.fit.symbols_crc,
            }),
        };
        Ok(Encoded {
            bytes: made.bytes,
            level: match &made.content {
                Content::Model(modelled) => modelled.level.number(),
                Content::Fitted(own) => own.level.number(),
                Content::Lossless => made.asked.number(),
            },
            architecture: match &made.content {
                Content::Model(_) => self.architecture.facts().id,
                Content::Fitted(_) => FITTED,
                Content::Lossless => LOSSLESS,
            },
            fitted: self.fitted,
            lossless: matches!(made.content, Content::Lossless),
            stages: self.stages,
            warnings: self.warnings,
            reconstruction,
        })
    }
}
