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
use super::passes::Passes;
use crate::layer::{self, Evidence};
use crate::pixels::{Pixels, PixelsMut, Sink, Source, new_image};
use crate::progress::{Progress, Silent, Stage, StageTimes, Staged};
use crate::{Error, Reconstruction};

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

/// A coding, its squared error, and its bits with the error in bits. Where the error is not known, the bits alone.
struct Weighed {
    modelled: Modelled,
    error: f64,
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
        let pass = self.passes.next();
        let layer = self.graphics.lossless(&pass)?;
        let checksum = self.graphics.checksum();
        self.packing.lossless(&layer, checksum)
    }

    /// Codes the picture for a level by the way that costs least at the weight of that level.
    fn content(&mut self, asked: Level) -> Result<Content, Error> {
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
            && self
                .stage(|job| {
                    let pass = job.passes.next();
                    job.graphics.lossless_within(limit, &pass)
                })?
                .is_some();
        Ok(match whole {
            true => Content::Lossless,
            false => Content::Model(Box::new(best.modelled)),
        })
    }

    /// A picture that is mostly the model's.
    fn photograph(&mut self, asked: Level) -> Result<Weighed, Error> {
        let plain = self.plain(asked)?;
        if !self.layers {
            return Ok(Weighed {
                cost: plain.bits(),
                modelled: plain,
                error: 0.0,
            });
        }
        let small = self.size.width * self.size.height <= TINY;
        let weight = self.architecture.weight(asked);
        let first = weight.unwrap_or_else(|| layer::weight_of(&[]));
        let mut best = match small || self.graphics.may_help(first) {
            true => self.with_blocks(plain, weight)?,
            false => {
                return Ok(Weighed {
                    cost: plain.bits(),
                    modelled: plain,
                    error: 0.0,
                });
            }
        };
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
        let mut best: Option<Weighed> = None;
        for i in nearest.saturating_sub(beside)..=nearest + beside {
            let Some(level) = (i * step <= last + step / 2)
                .then(|| (i * step).min(last) as u8)
                .and_then(|number| self.levels.get(number))
            else {
                continue;
            };
            let plain = match &best {
                None => self.plain(level)?,
                Some(_) => self.plain_too(level)?,
            };
            let found = self.with_blocks(plain, weight)?;
            if best.as_ref().is_none_or(|best| found.cost < best.cost) {
                best = Some(found);
            }
        }
        match best {
            Some(best) => Ok(best),
            None => self.photograph(asked),
        }
    }

    /// Moves blocks of a coding to the layer as long as that pays. `weight`: that of the level that was asked for, if the
    /// weights tell it.
    fn with_blocks(&mut self, plain: Modelled, weight: Option<f64>) -> Result<Weighed, Error> {
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
            if choice.more == 0 || !enough || layer::is_all(&choice.blocks) {
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

    /// The model alone, as the stage of coding.
    fn plain(&mut self, level: Level) -> Result<Modelled, Error> {
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
    fn plain_too(&mut self, level: Level) -> Result<Modelled, Error> {
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
    fn model(&mut self, y: &Analysed, level: Level, watch: &dyn Watch) -> Result<Coded, Error> {
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
    fn errors(&mut self, modelled: &Modelled) -> Result<Vec<f64>, Error> {
        let pass = self.passes.next();
        let image = self.decoded(modelled, &pass)?;
        Ok(self.graphics.squared_errors(Pixels::try_from(&image)?))
    }

    /// What a decoder makes of a coding.
    fn decoded(
        &mut self,
        modelled: &Modelled,
        progress: &dyn Progress,
    ) -> Result<DynamicImage, Error> {
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
            let mut sink = Sink::new(pixels.reborrow(), p.channels().color(), progress)?;
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
