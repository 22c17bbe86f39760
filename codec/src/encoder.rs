//! Pictures to files.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use image::DynamicImage;
use kiln_container::{Alpha, Boxes, Container, Frame, FrameKind, Header};
use kiln_models::ModelError;
use kiln_models::seam::{
    self, Analysed, Architecture, Checked, Given, Latents, Level, Levels, Search, Size, Unwatched,
    Watch,
};

use crate::decoder::device_line;
use crate::limits::{Costs, picture_bytes};
use crate::options::Aim;
use crate::picture::{Metadata, Warning, alpha};
use crate::pixels::{Channels, Pixels, PixelsMut, Sink, Source, new_image};
use crate::progress::{Progress, Silent, Stage, StageTimes, Staged};
use crate::threads::Threads;
use crate::verify::Reconstruction;
use crate::{EncodeOptions, Error, Limits, Model, Picture};

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
    /// The level it was coded at.
    pub level: u8,
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
        let size = Size {
            height: pixels.height() as usize,
            width: pixels.width() as usize,
        };
        let count = u64::from(pixels.width()) * u64::from(pixels.height());
        self.limits.check_pixels(count)?;
        let aim = options.target.aim(count, self.model.levels())?;
        let opened = self.model.for_pixels(count)?;
        let architecture = opened.architecture;
        let facts = architecture.facts();
        let mut warnings: Vec<String> = opened.warning.into_iter().collect();
        let search = options.effort.search().filter(|_| {
            if !facts.searches {
                warnings.push(format!(
                    "{} has no search for better latents: effort {} does what 0 does",
                    facts.name,
                    options.effort.get()
                ));
            }
            facts.searches
        });
        let searching = search.map_or(0, |search| architecture.search_bytes(size, search));
        let shown = match options.reconstruction {
            true => picture_bytes(count, pixels.channels(), pixels.depth()),
            false => 0,
        };
        let bytes = architecture
            .encode_bytes(size)
            .saturating_add(searching)
            .saturating_add(shown);
        self.limits.check_cost(architecture.as_ref(), size, bytes)?;

        let mut stages = StageTimes::default();
        let y = stages.time(Stage::Analyse, || {
            architecture.analyse(&Source::new(pixels, progress))
        })?;
        let plane = stages.time(Stage::Pack, || alpha::encode(pixels))?;
        let channels = pixels.channels();
        let alpha = match (channels.has_alpha(), &plane) {
            (false, _) => Alpha::None,
            (true, None) => Alpha::Opaque,
            (true, Some(_)) => Alpha::Coded,
        };
        let portable = facts.portability.is_portable();
        let (boxes, lost) = metadata.to_boxes();
        warnings.extend(lost.iter().map(Warning::to_string));
        let mut job = Job {
            header: Header {
                architecture: facts.id,
                decoder_set: facts.decoder_set.0,
                width: pixels.width(),
                height: pixels.height(),
                color: channels.color(),
                alpha,
                depth: pixels.depth(),
                portable,
                sequence: None,
            },
            boxes: Boxes {
                device: (!portable).then(|| device_line(architecture.as_ref()).into()),
                ..boxes
            },
            plane,
            levels: self.model.levels(),
            size,
            y,
            pixels,
            search,
            stages,
            warnings,
            keep_latents: options.reconstruction,
            progress,
            coded: 0,
            expected: 1,
            architecture,
        };
        let (level, coded) = match aim {
            Aim::Level(level) if job.search.is_some() => (level, job.refined(level)?.coded),
            Aim::Level(level) => (level, job.file(level)?),
            Aim::Bytes(budget) => job.within(budget)?,
            Aim::Lossless => return Err(Error::Parameter("this build has no lossless coding".into())),
        };
        let reconstruction = match &coded.latents {
            Some(latents) => Some(job.reconstruct(latents, level)?),
            None => None,
        };
        Ok(Encoded {
            bytes: coded.bytes,
            level: level.number(),
            lossless: false,
            stages: job.stages,
            warnings: job.warnings,
            reconstruction,
        })
    }
}

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

/// A file of one level.
struct Coded {
    bytes: Vec<u8>,
    /// The latents in it, if they are needed later.
    latents: Option<Latents>,
}

/// A file of a search.
struct Tried {
    level: Level,
    coded: Coded,
    /// Summed over the picture, of this file and of the one that the search began with.
    squared_error: f64,
    start_squared_error: f64,
}

/// What all levels of one picture share.
struct Job<'a> {
    architecture: Arc<dyn Architecture>,
    header: Header,
    boxes: Boxes<'a>,
    /// Coded alpha.
    plane: Option<Vec<u8>>,
    levels: Levels,
    size: Size,
    y: Analysed,
    pixels: Pixels<'a>,
    search: Option<Search>,
    stages: StageTimes,
    warnings: Vec<String>,
    keep_latents: bool,
    progress: &'a dyn Progress,
    coded: u64,
    expected: u64,
}

impl Job<'_> {
    /// The file of one level.
    fn file(&mut self, level: Level) -> Result<Coded, Error> {
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
            .time(Stage::Code, || self.architecture.encode(&self.y, &given))?;
        self.warnings.extend(warning);
        self.coded += 1;
        self.pack(level, coded)
    }

    /// The file of one level after the search that the effort asks for.
    fn refined(&mut self, level: Level) -> Result<Tried, Error> {
        let search = self.search.unwrap_or(Search {
            descents: 0,
            rounds: 0,
        });
        let silent = Silent;
        let source = Source::new(self.pixels, &silent);
        let given = Given {
            level,
            size: self.size,
            watch: &Staged {
                progress: self.progress,
                stage: Stage::Refine,
            },
        };
        let refined = self.stages.time(Stage::Refine, || {
            self.architecture.refine(&self.y, &source, &given, search)
        })?;
        Ok(Tried {
            level,
            squared_error: refined.end.squared_error,
            start_squared_error: refined.start.squared_error,
            coded: self.pack(level, refined.coded)?,
        })
    }

    fn pack(&mut self, level: Level, coded: seam::Coded) -> Result<Coded, Error> {
        let frame = Frame {
            kind: FrameKind::Intra,
            level: level.number(),
            symbols_crc: coded.checksum,
            graphics: None,
            alpha: self.plane.as_deref().map(Cow::Borrowed),
            streams: coded.streams.into_iter().map(Cow::Owned).collect(),
        };
        let container = Container {
            header: self.header,
            boxes: self.boxes.clone(),
            frames: vec![frame],
        };
        let bytes = self.stages.time(Stage::Pack, || container.write())?;
        Ok(Coded {
            bytes,
            latents: self.keep_latents.then_some(coded.latents),
        })
    }

    /// The picture that the encoder's own latents stand for.
    fn reconstruct(&mut self, latents: &Latents, level: Level) -> Result<Reconstruction, Error> {
        let image = self
            .stages
            .time(Stage::Synthesise, || -> Result<DynamicImage, Error> {
                let h = &self.header;
                let channels = Channels::of(h.color, h.alpha != Alpha::None);
                let mut image = new_image(h.width, h.height, channels, h.depth)?;
                let mut pixels = PixelsMut::try_from(&mut image)?;
                let given = Given {
                    level,
                    size: self.size,
                    watch: &Unwatched,
                };
                let mut sink = Sink::new(pixels.reborrow(), h.color, self.progress)?;
                self.architecture.synthesise(latents, &given, &mut sink)?;
                if let Some(bytes) = &self.plane {
                    // Its own alpha, of a size that the limits have allowed.
                    let limits = Limits::default()
                        .with_max_pixels(u64::MAX)
                        .with_max_memory(u64::MAX);
                    alpha::decode(bytes, h.depth, &limits, &mut pixels)?;
                }
                Ok(image)
            })?;
        Ok(Reconstruction {
            image,
            latents_checksum: latents.checksum(),
        })
    }

    /// The highest level whose file fits the budget, by bisection on real files.
    fn within(&mut self, budget: u64) -> Result<(Level, Coded), Error> {
        let levels = self.levels;
        // One file for the lowest level, then one for each halving of the others.
        self.expected = 1 + u64::from(usize::BITS - (levels.count() - 1).leading_zeros());
        let lowest = levels.require(0)?;
        let first = self.file(lowest)?;
        let least = first.bytes.len() as u64;
        if least > budget {
            return Err(Error::OutOfReach { budget, least });
        }
        // Invariant: the file of `best` fits; sizes grow with the level, but for a few bytes.
        let (mut best, mut over) = ((lowest, first), levels.count());
        while over - best.0.index() > 1 {
            // Between two numbers that a byte holds.
            let middle = levels.require(((best.0.index() + over) / 2) as u8)?;
            let coded = self.file(middle)?;
            if coded.bytes.len() as u64 <= budget {
                best = (middle, coded)
            } else {
                over = middle.index()
            }
        }
        match self.search {
            Some(_) => self.refined_within(budget, best),
            None => Ok(best),
        }
    }

    /// Among the files of a search at the level that fits without one, and around it, the one of the least error within
    /// the budget: a search moves bits as well as error.
    fn refined_within(
        &mut self,
        budget: u64,
        (level, coded): (Level, Coded),
    ) -> Result<(Level, Coded), Error> {
        let first = self.refined(level)?;
        let mut best = (first.start_squared_error, level, coded);
        let fits = |t: &Tried| t.coded.bytes.len() as u64 <= budget;
        let next = match fits(&first) {
            true => level.number().checked_add(1),
            false => level.number().checked_sub(1),
        };
        let second = next
            .and_then(|n| self.levels.get(n))
            .map(|level| self.refined(level))
            .transpose()?;
        for tried in std::iter::once(first).chain(second) {
            if fits(&tried) && tried.squared_error < best.0 {
                best = (tried.squared_error, tried.level, tried.coded);
            }
        }
        Ok((best.1, best.2))
    }
}
