//! Pictures to files.

use std::borrow::Cow;
use std::ops::ControlFlow;

use kiln_container::{Alpha, Boxes, Container, Frame, Header};
use kiln_models::CodedLatents;
use ndarray::Array3;

use crate::options::{Aim, LEVELS};
use crate::picture::{self, alpha};
use crate::pixels::Source;
use crate::progress::{Progress, Silent, StageTimes, stage};
use crate::{ARCHITECTURE_BASE, EncodeOptions, Error, Model, Picture};

/// Turns pictures into kiln files.
#[derive(Clone, Debug)]
pub struct Encoder {
    model: Model,
}

/// A file and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The level it was coded at.
    pub level: u8,
    /// Where the time went.
    pub stages: StageTimes,
}

/// What all levels of one picture share.
struct Job<'a> {
    model: &'a kiln_models::Model,
    header: Header,
    boxes: Boxes<'a>,
    y: Array3<f32>,
    stages: StageTimes,
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
            stages,
            progress,
            coded: 0,
            expected: 1,
        };
        let (level, bytes) = match aim {
            Aim::Level(level) => (level, job.file(level)?),
            Aim::Bytes(budget) => job.search(budget)?,
        };
        Ok(Encoded {
            bytes,
            level,
            stages: job.stages,
        })
    }
}

impl Job<'_> {
    /// The file of one level.
    fn file(&mut self, level: u8) -> Result<Vec<u8>, Error> {
        let CodedLatents { chunks, checksum } = self
            .stages
            .time(stage::CODE, || self.model.encode_latents(&self.y, level))?;
        self.coded += 1;
        if let ControlFlow::Break(()) =
            self.progress
                .update(stage::CODE, self.coded.min(self.expected), self.expected)
        {
            return Err(Error::Cancelled);
        }
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
        Ok(self.stages.time(stage::PACK, || container.write())?)
    }

    /// The highest level whose file fits the budget, by bisection on real files.
    fn search(&mut self, budget: u64) -> Result<(u8, Vec<u8>), Error> {
        self.expected = 1 + u64::from(LEVELS.ilog2());
        let first = self.file(0)?;
        if first.len() as u64 > budget {
            return Err(Error::Parameter(format!(
                "a size of {budget} bytes is out of reach: at the lowest level this picture takes {} bytes",
                first.len()
            )));
        }
        // Invariant: the file of `best` fits; sizes grow with the level, but for a few bytes.
        let (mut best, mut over) = ((0, first), LEVELS);
        while over - best.0 > 1 {
            let middle = (best.0 + over) / 2;
            let bytes = self.file(middle)?;
            if bytes.len() as u64 <= budget {
                best = (middle, bytes)
            } else {
                over = middle
            }
        }
        Ok(best)
    }
}

/// A box that is not empty, lent: every level that is tried writes the same ones.
fn borrow(bytes: &Option<Vec<u8>>) -> Option<Cow<'_, [u8]>> {
    bytes
        .as_deref()
        .filter(|b| !b.is_empty())
        .map(Cow::Borrowed)
}
