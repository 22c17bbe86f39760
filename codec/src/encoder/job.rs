//! One picture at one level and another, with a model and with the layer.

use std::sync::Arc;

use image::DynamicImage;
use kiln_graphics::Blocks;
use kiln_models::ModelError;
use kiln_models::seam::{
    Analysed, Architecture, Checked, Coded, Given, Level, Levels, Search, Size, Unwatched, Watch,
};

use super::Encoded;
use super::graphics::Graphics;
use super::pack::Packing;
use crate::layer::{self, Evidence};
use crate::pixels::{Pixels, PixelsMut, Sink, Source, new_image};
use crate::progress::{Progress, Silent, Stage, StageTimes, Staged};
use crate::{Error, Reconstruction};

/// Most times that blocks are added to a layer.
const ROUNDS: usize = 2;

/// A further round is for blocks that cost the model this part of everything: others are not worth the time.
const WORTHWHILE: f64 = 0.02;

/// Drawings are coded at this many levels only: what a layer changes is then less than what a level does, so that a higher
/// level is a better picture.
const STEPS: usize = 16;

/// Up to so many pixels, the steps beside the nearest one are tried as well.
const SMALL: usize = 1 << 18;

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
    /// The layer alone.
    Lossless,
}

/// A coding with a model.
pub(super) struct Modelled {
    level: Level,
    coded: Coded,
    layer: Option<Layer>,
    /// What the model was given, if that is not the picture itself.
    image: Option<DynamicImage>,
    y: Arc<Analysed>,
}

/// A coding, and its bits and squared error in bits.
struct Weighed {
    modelled: Modelled,
    cost: f64,
}

/// Blocks that the model does not code.
struct Layer {
    blocks: Blocks,
    bytes: Vec<u8>,
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
    fn bits(&self) -> f64 {
        let layer = self.layer.as_ref().map_or(0, |layer| layer.bytes.len());
        self.stream_bits() + 8.0 * layer as f64
    }

    fn stream_bits(&self) -> f64 {
        8.0 * self.coded.streams.iter().map(Vec::len).sum::<usize>() as f64
    }
}

impl<'a> Job<'a> {
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
            Content::Lossless => self.lossless_file()?,
        };
        Ok(Made {
            asked,
            content,
            bytes,
        })
    }

    fn lossless_file(&mut self) -> Result<Vec<u8>, Error> {
        let layer = self.graphics.lossless()?;
        let checksum = self.graphics.checksum();
        self.packing.lossless(&layer, checksum)
    }

    /// Codes the picture for a level by the way that costs least at the weight of that level.
    fn content(&mut self, asked: Level) -> Result<Content, Error> {
        if !self.layers {
            let y = self.y.clone();
            return Ok(Content::Model(Box::new(self.plain(&y, asked)?)));
        }
        let weight = self.architecture.weight(asked);
        let mut best: Option<Weighed> = None;
        for level in self.tried(asked) {
            let found = self.weighed(level, weight)?;
            if best.as_ref().is_none_or(|best| found.cost < best.cost) {
                best = Some(found);
            }
        }
        let Some(best) = best else {
            return Err(ModelError::Level {
                level: asked.number(),
                max: self.levels.last().number(),
            }
            .into());
        };
        let whole = self.whole
            && self
                .stage(|job| job.graphics.lossless_within(best.cost))?
                .is_some();
        Ok(match whole {
            true => Content::Lossless,
            false => Content::Model(Box::new(best.modelled)),
        })
    }

    /// The levels to choose from for one that is asked for: of drawings, only steps that are the same for all levels.
    fn tried(&mut self, asked: Level) -> Vec<Level> {
        let step = self.levels.count().div_ceil(STEPS);
        if step == 1 || !self.graphics.is_drawn() {
            return vec![asked];
        }
        let nearest = (asked.index() + step / 2) / step;
        let beside = match self.size.width * self.size.height <= SMALL {
            true => 1,
            false => 0,
        };
        let steps = nearest.saturating_sub(beside)..=nearest + beside;
        let levels = steps.filter_map(|i| self.levels.get((i * step).try_into().ok()?));
        let mut levels: Vec<_> = levels.collect();
        if levels.is_empty() || asked == self.levels.last() {
            levels.push(self.levels.last());
        }
        levels
    }

    /// The best of a level, with and without blocks in the layer. `weight`: that of the level that was asked for.
    fn weighed(&mut self, level: Level, weight: Option<f64>) -> Result<Weighed, Error> {
        let y = self.y.clone();
        let plain = self.plain(&y, level)?;
        // Weights that do not say for which rate they are: a first look with a weight that lets most blocks count.
        let own = self.architecture.weight(level);
        if !self
            .graphics
            .may_help(own.unwrap_or_else(|| layer::weight_of(&[])))
        {
            return Ok(Weighed {
                cost: plain.bits(),
                modelled: plain,
            });
        }
        let mut errors = self.errors(&plain)?;
        let own = own.unwrap_or_else(|| layer::weight_of(&errors));
        let weight = weight.unwrap_or(own);
        let costs = self.stage(|job| job.graphics.costs())?;
        let cost = |m: &Modelled, errors: &[f64]| m.bits() + weight * errors.iter().sum::<f64>();
        let mut best = Weighed {
            cost: cost(&plain, &errors),
            modelled: plain,
        };
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
            if choice.more == 0 || !enough || layer::is_all(&choice.blocks) {
                break;
            }
            blocks = choice.blocks;
            let next = self.with_layer(blocks.clone(), level)?;
            errors = self.errors(&next)?;
            let next = Weighed {
                cost: cost(&next, &errors),
                modelled: next,
            };
            if next.cost >= best.cost {
                break;
            }
            best = next;
        }
        Ok(best)
    }

    /// The model alone.
    fn plain(&mut self, y: &Arc<Analysed>, level: Level) -> Result<Modelled, Error> {
        Ok(Modelled {
            level,
            coded: self.model(y, level)?,
            layer: None,
            image: None,
            y: y.clone(),
        })
    }

    /// The model's part of a picture.
    fn model(&mut self, y: &Analysed, level: Level) -> Result<Coded, Error> {
        let given = Given {
            level,
            size: self.size,
            watch: &OfLevels {
                staged: Staged {
                    progress: self.progress,
                    stage: Stage::Code,
                },
                coded: self.coded,
                expected: self.expected,
            },
        };
        let Checked {
            value: coded,
            warning,
        } = self
            .stages
            .time(Stage::Code, || self.architecture.encode(y, &given))?;
        self.warnings.extend(warning);
        self.coded += 1;
        Ok(coded)
    }

    /// A coding with these blocks in the layer.
    fn with_layer(&mut self, blocks: Blocks, level: Level) -> Result<Modelled, Error> {
        let (bytes, image) = self.stage(|job| {
            let image = job.graphics.filled(Some(&blocks))?;
            Ok((job.graphics.layer(&blocks)?, image))
        })?;
        let pixels = Pixels::try_from(&image)?;
        let y = Arc::new(self.stages.time(Stage::Analyse, || {
            self.architecture
                .analyse(&Source::new(pixels, self.progress))
        })?);
        Ok(Modelled {
            level,
            coded: self.model(&y, level)?,
            layer: Some(Layer { blocks, bytes }),
            image: Some(image),
            y,
        })
    }

    /// Squared errors of the blocks of a coding.
    fn errors(&mut self, modelled: &Modelled) -> Result<Vec<f64>, Error> {
        let image = self.decoded(modelled)?;
        Ok(self.graphics.squared_errors(Pixels::try_from(&image)?))
    }

    /// What a decoder makes of a coding.
    fn decoded(&mut self, modelled: &Modelled) -> Result<DynamicImage, Error> {
        self.stages.time(Stage::Synthesise, || {
            let p = self.graphics.pixels;
            let mut image = new_image(p.width(), p.height(), p.channels(), p.depth())?;
            let mut pixels = PixelsMut::try_from(&mut image)?;
            if p.channels().has_alpha() {
                pixels.copy_from(p)?;
            }
            let given = Given {
                level: modelled.level,
                size: self.size,
                watch: &Unwatched,
            };
            let mut sink = Sink::new(pixels.reborrow(), p.channels().color(), self.progress)?;
            self.architecture
                .synthesise(&modelled.coded.latents, &given, &mut sink)?;
            if let Some(layer) = &modelled.layer {
                self.graphics.overlay(&mut pixels, &layer.blocks);
            }
            Ok(image)
        })
    }

    /// Work of the graphics coder.
    fn stage<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let mut stages = std::mem::take(&mut self.stages);
        let out = stages.time(Stage::Graphics, || run(self));
        self.stages = stages;
        out
    }

    /// The file of a level after the search that the effort asks for.
    pub(super) fn refined(&mut self, level: Level) -> Result<Tried, Error> {
        let mut modelled = match self.content(level)? {
            Content::Model(modelled) => modelled,
            Content::Lossless => {
                return Ok(Tried {
                    made: self.pack(level, Content::Lossless)?,
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

    /// A result for the caller, with what a decoder must make of it if that is asked for.
    pub(super) fn finish(mut self, made: Made, reconstructs: bool) -> Result<Encoded, Error> {
        let reconstruction = match (&made.content, reconstructs) {
            (_, false) => None,
            (Content::Lossless, true) => Some(self.graphics.reconstruction()?),
            (Content::Model(modelled), true) => {
                let image = self.decoded(modelled)?;
                Some(Reconstruction {
                    image,
                    latents_checksum: modelled.coded.latents.checksum(),
                })
            }
        };
        Ok(Encoded {
            bytes: made.bytes,
            level: match &made.content {
                Content::Model(modelled) => modelled.level.number(),
                Content::Lossless => made.asked.number(),
            },
            lossless: matches!(made.content, Content::Lossless),
            stages: self.stages,
            warnings: self.warnings,
            reconstruction,
        })
    }
}
