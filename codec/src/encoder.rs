//! Pictures to files.

use std::borrow::Cow;
use std::ops::ControlFlow;

use image::DynamicImage;
use kiln_container::{Alpha, Boxes, Container, Frame, Header};
use kiln_models::{Analysed, Checked, CodedLatents, ModelError, Search, latents_checksum};
use ndarray::Array3;

use crate::options::{Aim, LEVELS};
use crate::picture::{self, Canvas, alpha};
use crate::pixels::{Sink, Source};
use crate::progress::{Progress, Silent, StageTimes, stage};
use crate::verify::Reconstruction;
use crate::{ARCHITECTURE_BASE, EncodeOptions, Error, Model, Picture};

/// Turns pictures into kiln files.
#[derive(Clone, Debug)]
pub struct Encoder {
    model: Model,
}

/// A file and how it came about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The level it was coded at.
    pub level: u8,
    /// Where the time went.
    pub stages: StageTimes,
    /// What went wrong on the way without harm to the file: that a device was found not to be exact.
    pub warnings: Vec<String>,
    /// What a decoder must make of the file, if [`EncodeOptions::reconstruction`] asks for it.
    pub reconstruction: Option<Reconstruction>,
}

/// A file of one level.
struct Coded {
    bytes: Vec<u8>,
    /// The latents in it, if they are needed later: [h, M, w] in fixed point.
    y_hat: Option<Array3<i32>>,
}

/// What all levels of one picture share.
struct Job<'a> {
    model: &'a kiln_models::Model,
    header: Header,
    boxes: Boxes<'a>,
    y: Analysed,
    image: &'a DynamicImage,
    search: Option<Search>,
    stages: StageTimes,
    warnings: Vec<String>,
    keep_latents: bool,
    progress: &'a dyn Progress,
    coded: u64,
    expected: u64,
}

impl Encoder {
    /// An encoder with the given weights.
    pub fn new(model: Model) -> Self {
        Self { model }
    }

    /// Encodes a picture with its metadata.
    ///
    /// # Errors
    /// The picture is of a kind that kiln does not store (floating point), a target is out of range or out of reach, or the
    /// device fails.
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
        let image = &picture.image;
        let (width, height) = (image.width(), image.height());
        let (color, has_alpha, depth) = picture::color_kind(image).ok_or_else(|| {
            Error::Parameter(format!(
                "pictures of type {:?} cannot be encoded: use grey or RGB of 8 or 16 bits",
                image.color()
            ))
        })?;
        if width == 0 || height == 0 {
            return Err(Error::Parameter(format!(
                "a picture of {width}x{height} pixels cannot be encoded"
            )));
        }
        let pixels = u64::from(width) * u64::from(height);
        let aim = options.target.aim(pixels)?;
        let model = self.model.for_pixels(pixels);
        let mut stages = StageTimes::default();

        let y = stages.time(stage::ANALYSE, || {
            model.analyse(&Source::new(image, progress))
        })?;
        let plane = stages.time(stage::PACK, || {
            match has_alpha.then(|| alpha::extract(image)).flatten() {
                Some(plane) if !plane.is_opaque() => alpha::encode(&plane, width, height).map(Some),
                _ => Ok(None),
            }
        })?;
        let alpha = match (has_alpha, &plane) {
            (false, _) => Alpha::None,
            (true, None) => Alpha::Opaque,
            (true, Some(_)) => Alpha::Coded,
        };
        let m = &picture.metadata;
        let mut job = Job {
            model: &model,
            header: Header {
                architecture: ARCHITECTURE_BASE,
                decoder_set: model.decoder_set().0,
                width,
                height,
                color,
                alpha,
                depth,
            },
            boxes: Boxes {
                icc: borrow(&m.icc),
                exif: borrow(&m.exif),
                xmp: borrow(&m.xmp),
                alpha: borrow(&plane),
                other: Vec::new(),
            },
            y,
            image,
            search: options.effort.search(),
            stages,
            warnings: Vec::new(),
            keep_latents: options.reconstruction,
            progress,
            coded: 0,
            expected: 1,
        };
        let (level, coded) = match aim {
            Aim::Level(level) if job.search.is_some() => (level, job.refined(level)?.coded),
            Aim::Level(level) => (level, job.file(level)?),
            Aim::Bytes(budget) => job.search(budget)?,
        };
        let reconstruction = match &coded.y_hat {
            Some(y_hat) => Some(job.reconstruct(y_hat, level, plane.as_ref())?),
            None => None,
        };
        Ok(Encoded {
            bytes: coded.bytes,
            level,
            stages: job.stages,
            warnings: job.warnings,
            reconstruction,
        })
    }
}

impl Job<'_> {
    /// The file of one level.
    fn file(&mut self, level: u8) -> Result<Coded, Error> {
        let Checked { value, warning } = self
            .stages
            .time(stage::CODE, || self.model.encode_checked(&self.y, level))?;
        let (coded, y_hat) = value;
        self.warnings.extend(warning);
        self.coded += 1;
        if let ControlFlow::Break(()) =
            self.progress
                .update(stage::CODE, self.coded.min(self.expected), self.expected)
        {
            return Err(Error::Cancelled);
        }
        self.pack(level, coded, y_hat)
    }

    /// The file of one level after the search that the effort asks for.
    fn refined(&mut self, level: u8) -> Result<Tried, Error> {
        let search = self.search.unwrap_or(Search {
            descents: 0,
            rounds: 0,
        });
        let (progress, silent) = (self.progress, Silent);
        let source = Source::new(self.image, &silent);
        let mut turn = |done, total| match progress.update(stage::REFINE, done, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        };
        let refined = self.stages.time(stage::REFINE, || {
            self.model
                .refine_latents(&self.y, &source, level, search, &mut turn)
        })?;
        Ok(Tried {
            level,
            squared_error: refined.end.squared_error,
            start_squared_error: refined.start.squared_error,
            coded: self.pack(level, refined.coded, refined.y_hat)?,
        })
    }

    fn pack(&mut self, level: u8, coded: CodedLatents, y_hat: Array3<i32>) -> Result<Coded, Error> {
        let CodedLatents { chunks, checksum } = coded;
        let y_hat = self.keep_latents.then_some(y_hat);
        let frame = Frame {
            level,
            symbols_crc: checksum,
            chunks: chunks.into_iter().map(Cow::Owned).collect(),
        };
        let container = Container {
            header: self.header,
            boxes: self.boxes.clone(),
            frames: vec![frame],
        };
        let bytes = self.stages.time(stage::PACK, || container.write())?;
        Ok(Coded { bytes, y_hat })
    }

    /// The picture that the encoder's own latents stand for.
    fn reconstruct(
        &mut self,
        y_hat: &Array3<i32>,
        level: u8,
        plane: Option<&Vec<u8>>,
    ) -> Result<Reconstruction, Error> {
        let Header {
            width,
            height,
            color,
            alpha,
            depth,
            ..
        } = self.header;
        let mut canvas = Canvas::new(width, height, color, alpha != Alpha::None, depth)?;
        self.stages.time(stage::SYNTHESISE, || {
            let mut sink = Sink::new(&mut canvas, self.progress);
            self.model.synthesise(y_hat, level, &mut sink)
        })?;
        if let Some(bytes) = plane {
            let limits = picture::PictureLimits {
                max_pixels: u64::MAX,
                max_bytes: u64::MAX,
                ..Default::default()
            };
            canvas.set_alpha(&alpha::decode(bytes, width, height, depth, &limits)?)?;
        }
        Ok(Reconstruction {
            image: canvas.into_image(),
            latents: latents_checksum(y_hat),
        })
    }

    /// The highest level whose file fits the budget, by bisection on real files.
    fn search(&mut self, budget: u64) -> Result<(u8, Coded), Error> {
        self.expected = 1 + u64::from(LEVELS.ilog2());
        let first = self.file(0)?;
        if first.bytes.len() as u64 > budget {
            return Err(Error::Parameter(format!(
                "a size of {budget} bytes is out of reach: at the lowest level this picture takes {} bytes",
                first.bytes.len()
            )));
        }
        // Invariant: the file of `best` fits; sizes grow with the level, but for a few bytes.
        let (mut best, mut over) = ((0, first), LEVELS);
        while over - best.0 > 1 {
            let middle = (best.0 + over) / 2;
            let coded = self.file(middle)?;
            if coded.bytes.len() as u64 <= budget {
                best = (middle, coded)
            } else {
                over = middle
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
        (level, coded): (u8, Coded),
    ) -> Result<(u8, Coded), Error> {
        let first = self.refined(level)?;
        let mut best = (first.start_squared_error, level, coded);
        let fits = |t: &Tried| t.coded.bytes.len() as u64 <= budget;
        let next = match fits(&first) {
            true if level + 1 < LEVELS => Some(level + 1),
            true => None,
            false => level.checked_sub(1),
        };
        let second = next.map(|level| self.refined(level)).transpose()?;
        for tried in std::iter::once(first).chain(second) {
            if fits(&tried) && tried.squared_error < best.0 {
                best = (tried.squared_error, tried.level, tried.coded);
            }
        }
        Ok((best.1, best.2))
    }
}

/// A file of a search.
struct Tried {
    level: u8,
    coded: Coded,
    /// Summed over the picture, of this file and of the one that the search began with.
    squared_error: f64,
    start_squared_error: f64,
}

/// A box that is not empty, lent: every level that is tried writes the same ones.
fn borrow(bytes: &Option<Vec<u8>>) -> Option<Cow<'_, [u8]>> {
    bytes
        .as_deref()
        .filter(|b| !b.is_empty())
        .map(Cow::Borrowed)
}
