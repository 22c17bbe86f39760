//! Pictures to files.

mod blocks;
mod fit;
mod graphics;
mod job;
mod levels;
mod model;
mod pack;
mod passes;
mod target;

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use kiln_container::Boxes;
use kiln_models::seam::{Facts, Search, Size};

use crate::LOSSLESS;
use crate::layer;
use crate::limits::{Costs, picture_bytes};
use crate::options::Aim;
use crate::picture::{Metadata, Warning};
use crate::pixels::{Pixels, Source};
use crate::progress::{Progress, Silent, Stage, StageTimes};
use crate::threads::Threads;
use crate::verify::Reconstruction;
use crate::{EncodeOptions, Error, Limits, Model, Picture};

use blocks::most_passes;
pub use fit::Fitted;
use graphics::Graphics;
use job::Job;
use pack::Packing;
use passes::Passes;

/// Turns pictures into kiln files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Encoder {
    model: Model,
    limits: Limits,
    threads: Threads,
}

/// A file and how it came about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The level it was coded at; of a fit, the level whose trade-off of bits and error is nearest to its own.
    pub level: u8,
    /// The architecture of the file: see [`architecture_name`](crate::architecture_name).
    pub architecture: u8,
    /// What came of the fit, if [`EncodeOptions::fit`] asks for one. It is not in the file where the weights cost less and
    /// [`Fit::or_weights`](crate::Fit::or_weights) is set.
    pub fitted: Option<Fitted>,
    /// Whether every sample is in the file exactly as it was, the colours beneath fully transparent pixels aside.
    pub lossless: bool,
    /// Where the time went.
    pub stages: StageTimes,
    /// What went wrong on the way without harm to the file, such as a device that was found not to be exact.
    pub warnings: Vec<String>,
    /// What a decoder must make of the file, if [`EncodeOptions::reconstruction`] asks for it.
    pub reconstruction: Option<Reconstruction>,
}

impl Encoder {
    /// An encoder with the given weights, the default [`Limits`], and the caller's rayon threads.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            limits: Limits::default(),
            threads: Threads::current(),
        }
    }

    /// The same encoder with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same encoder working on other threads.
    #[must_use]
    pub fn with_threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Encodes a picture with its metadata.
    ///
    /// # Errors
    /// The picture is of a kind that kiln does not store (floating point) or over a limit, a target is out of range or out
    /// of reach, or the device fails.
    pub fn encode(&self, picture: &Picture, options: &EncodeOptions) -> Result<Encoded, Error> {
        self.encode_with(picture, options, &Silent)
    }

    /// Encodes, reporting to `progress`.
    ///
    /// # Errors
    /// As [`Encoder::encode`], and [`Error::Cancelled`].
    pub fn encode_with(
        &self,
        picture: &Picture,
        options: &EncodeOptions,
        progress: &dyn Progress,
    ) -> Result<Encoded, Error> {
        self.encode_pixels(picture.pixels()?, &picture.metadata, options, progress)
    }

    /// Encodes the caller's pixels, which are read where they lie.
    ///
    /// # Errors
    /// As [`Encoder::encode_with`].
    pub fn encode_pixels(
        &self,
        pixels: Pixels<'_>,
        metadata: &Metadata,
        options: &EncodeOptions,
        progress: &dyn Progress,
    ) -> Result<Encoded, Error> {
        self.threads
            .install(|| self.run(pixels, metadata, options, progress))
    }

    /// Encodes the caller's pixels and writes the file. The bytes of [`Encoded`] are then empty.
    ///
    /// Nothing is written before the whole file is known.
    ///
    /// # Errors
    /// As [`Encoder::encode_with`], and [`Error::Io`].
    pub fn encode_to(
        &self,
        mut writer: impl Write,
        pixels: Pixels<'_>,
        metadata: &Metadata,
        options: &EncodeOptions,
        progress: &dyn Progress,
    ) -> Result<Encoded, Error> {
        let mut encoded = self.encode_pixels(pixels, metadata, options, progress)?;
        let failed = |source| Error::Io {
            path: "writing the file".into(),
            source,
        };
        writer.write_all(&encoded.bytes).map_err(failed)?;
        writer.flush().map_err(failed)?;
        encoded.bytes = Vec::new();
        Ok(encoded)
    }

    fn run(
        &self,
        pixels: Pixels<'_>,
        metadata: &Metadata,
        options: &EncodeOptions,
        progress: &dyn Progress,
    ) -> Result<Encoded, Error> {
        let started = Instant::now();
        let count = u64::from(pixels.width()) * u64::from(pixels.height());
        self.limits.check_pixels(count)?;
        if let Some(fit) = &options.fit {
            fit.check()?;
        }
        let aim = options.target.aim(count, self.model.levels())?;
        let hides = !options.keep_hidden && layer::has_hidden(pixels);
        let flat = match hides {
            true => Some(layer::flatten_hidden(pixels)?),
            false => None,
        };
        let exact = match &flat {
            Some(image) => Pixels::try_from(image)?,
            None => pixels,
        };
        let (boxes, lost) = metadata.to_boxes();
        let subject = Subject {
            graphics: Graphics::new(pixels, exact, hides),
            boxes,
            warnings: lost.iter().map(Warning::to_string).collect(),
            options,
            progress,
            started,
        };
        match aim {
            Some(aim) => self.modelled(subject, aim),
            None => self.lossless(subject),
        }
    }

    /// The layer alone.
    fn lossless(&self, subject: Subject<'_>) -> Result<Encoded, Error> {
        let Subject {
            mut graphics,
            options,
            ..
        } = subject;
        let pixels = graphics.pixels;
        self.limits
            .check_memory(graphics.bytes().max(layer::alpha::bytes(pixels)))?;
        let mut stages = StageTimes::default();
        let mut passes = Passes::new(subject.progress, 2);
        let pass = passes.next();
        let alpha = stages.time(Stage::Graphics, || layer::alpha::encode(pixels, &pass))?;
        let packing = Packing::new(pixels, subject.boxes, alpha);
        let pass = passes.next();
        let layer = stages.time(Stage::Graphics, || graphics.lossless(&pass))?;
        passes.finish()?;
        Ok(Encoded {
            bytes: packing.lossless(&layer, graphics.checksum())?,
            level: self.model.levels().last().number(),
            architecture: LOSSLESS,
            fitted: None,
            lossless: true,
            stages,
            warnings: subject.warnings,
            reconstruction: match options.reconstruction {
                true => Some(graphics.reconstruction()?),
                false => None,
            },
        })
    }

    /// A model, and a layer where it is worth it.
    fn modelled(&self, subject: Subject<'_>, aim: Aim) -> Result<Encoded, Error> {
        let Subject {
            mut graphics,
            boxes,
            mut warnings,
            options,
            progress,
            started,
        } = subject;
        let pixels = graphics.pixels;
        let size = Size {
            height: pixels.height() as usize,
            width: pixels.width() as usize,
        };
        let count = size.width as u64 * size.height as u64;
        let opened = self.model.for_pixels(count)?;
        let architecture = opened.architecture;
        warnings.extend(opened.warning);
        let search = match options.fit {
            // What the weights make of it serves a comparison alone.
            Some(fit) if !fit.or_weights => None,
            _ => self.search(architecture.facts(), options, &mut warnings),
        };
        let searching = search.map_or(0, |search| architecture.search_bytes(size, search));
        let shown_bytes = picture_bytes(count, pixels.channels(), pixels.depth());
        let reconstructed = match options.reconstruction {
            true => shown_bytes,
            false => 0,
        };
        let bytes = architecture
            .encode_bytes(size)
            .saturating_add(searching)
            .saturating_add(reconstructed)
            .max(layer::alpha::bytes(pixels))
            .max(match options.fit {
                Some(_) => fit::bytes(pixels).saturating_add(reconstructed),
                None => 0,
            });
        self.limits.check_cost(architecture.as_ref(), size, bytes)?;
        // A picture for each round, and what is decoded of it.
        let layered = bytes
            .saturating_add(graphics.bytes())
            .saturating_add(shown_bytes.saturating_mul(3));
        let fits = self.limits.check_memory(layered).is_ok();
        if options.graphics && !fits && graphics.is_drawn() {
            warnings.push(
                "no blocks were coded without loss: that needs more memory than the limit allows"
                    .into(),
            );
        }

        let mut stages = StageTimes::default();
        let files = match aim {
            Aim::Level(_) => 1,
            // A bisection, and a search beside it.
            Aim::Bytes(_) => 9,
        };
        let mut passes = Passes::new(progress, most_passes(files));
        let alpha = match pixels.channels().has_alpha() {
            true => {
                let pass = passes.next();
                stages.time(Stage::Graphics, || layer::alpha::encode(pixels, &pass))?
            }
            false => None,
        };
        let smooth = match graphics.hides {
            true => Some(graphics.filled(None)?),
            false => None,
        };
        let shown = match &smooth {
            Some(image) => Pixels::try_from(image)?,
            None => pixels,
        };
        let y = stages.time(Stage::Analyse, || {
            architecture.analyse(&Source::new(shown, progress))
        })?;
        let mut job = Job {
            levels: self.model.levels(),
            size,
            shown,
            y: Arc::new(y),
            search,
            graphics,
            passes,
            layers: options.graphics && fits,
            whole: true,
            packing: Packing::new(pixels, boxes, alpha),
            stages,
            warnings,
            progress,
            coded: 0,
            expected: 1,
            fitted: None,
            architecture,
        };
        let made = match (options.fit, aim) {
            (Some(fit), aim) => job.fitted(fit, aim, started)?,
            (None, aim) => job.made(aim)?,
        };
        job.finish(made, options.reconstruction)
    }

    /// The search that an effort asks for, if the network has one.
    fn search(
        &self,
        facts: &Facts,
        options: &EncodeOptions,
        warnings: &mut Vec<String>,
    ) -> Option<Search> {
        options.effort.search().filter(|_| {
            if !facts.searches {
                warnings.push(format!(
                    "{} has no search for better latents: effort {} does what 0 does",
                    facts.name,
                    options.effort.get()
                ));
            }
            facts.searches
        })
    }
}

/// What to encode, and how.
struct Subject<'a> {
    graphics: Graphics<'a>,
    boxes: Boxes<'a>,
    warnings: Vec<String>,
    options: &'a EncodeOptions,
    progress: &'a dyn Progress,
    started: Instant,
}
