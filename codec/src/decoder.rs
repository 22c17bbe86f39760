//! Files to pictures.

use kiln_container::{Alpha, Container, Feature, ParseError, peek};
use kiln_models::{Checked, latents_checksum};

use crate::picture::{Canvas, Metadata, PictureLimits, alpha};
use crate::pixels::Sink;
use crate::progress::{Progress, Silent, StageTimes, stage};
use crate::{ARCHITECTURE_BASE, Error, Limits, Model, Picture};

/// Turns kiln files into pictures.
#[derive(Clone, Debug)]
pub struct Decoder {
    model: Model,
    limits: Limits,
}

/// A picture and how it came about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decoded {
    /// Pixels and metadata.
    pub picture: Picture,
    /// The level it was coded at.
    pub level: u8,
    /// Where the time went.
    pub stages: StageTimes,
    /// CRC-32C over the decoded latents: the same on every machine, while a sample of the picture may differ by a step.
    pub latents: u32,
    /// What went wrong on the way without harm to the picture: that a device was found not to be exact.
    pub warnings: Vec<String>,
}

impl Decoder {
    /// A decoder with the given weights and the default [`Limits`].
    pub fn new(model: Model) -> Self {
        Self {
            model,
            limits: Limits::default(),
        }
    }

    /// The same decoder with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Decodes a file. Any bytes end in a picture or in an error.
    ///
    /// # Errors
    /// The file is damaged, unsupported, over a limit or made with other weights, or the device fails.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded, Error> {
        self.decode_with(bytes, &Silent)
    }

    /// Decodes, reporting to `progress`.
    ///
    /// # Errors
    /// As [`Decoder::decode`], and [`Error::Cancelled`].
    pub fn decode_with(&self, bytes: &[u8], progress: &dyn Progress) -> Result<Decoded, Error> {
        let mut stages = StageTimes::default();
        let (container, model) = stages.time(stage::PARSE, || {
            let limits = self.limits.container();
            let header = peek(bytes)?;
            limits.check_size(&header)?;
            let model = self.model.for_pixels(header.pixels());
            self.limits.check_cost(&header, model.config())?;
            Ok::<_, Error>((Container::parse(bytes, &limits)?, model))
        })?;
        let h = container.header;
        let have = model.decoder_set().0;
        if h.architecture != ARCHITECTURE_BASE {
            return Err(ParseError::Unsupported {
                what: Feature::Architecture(h.architecture),
            }
            .into());
        }
        if h.decoder_set != have {
            return Err(Error::WrongWeights {
                needed: h.decoder_set,
                have,
            });
        }
        // Version 1 holds exactly one frame.
        let [frame] = container.frames.as_slice() else {
            return Err(Error::Parameter(format!(
                "{} frames in a picture",
                container.frames.len()
            )));
        };
        let chunks: Vec<&[u8]> = frame.chunks.iter().map(AsRef::as_ref).collect();
        let Checked {
            value: y_hat,
            warning,
        } = stages.time(stage::CODE, || {
            model.decode_checked(
                &chunks,
                frame.symbols_crc,
                h.height as usize,
                h.width as usize,
                frame.level,
            )
        })?;
        let mut canvas = Canvas::new(h.width, h.height, h.color, h.alpha != Alpha::None, h.depth)?;
        stages.time(stage::SYNTHESISE, || {
            model.synthesise(&y_hat, frame.level, &mut Sink::new(&mut canvas, progress))
        })?;
        if let Some(bytes) = &container.boxes.alpha {
            let limits = PictureLimits {
                max_pixels: self.limits.max_pixels,
                ..PictureLimits::default()
            };
            canvas.set_alpha(&alpha::decode(bytes, h.width, h.height, h.depth, &limits)?)?;
        }
        let owned = |b: Option<std::borrow::Cow<[u8]>>| b.map(std::borrow::Cow::into_owned);
        let metadata = Metadata {
            icc: owned(container.boxes.icc),
            exif: owned(container.boxes.exif),
            xmp: owned(container.boxes.xmp),
        };
        Ok(Decoded {
            picture: Picture {
                image: canvas.into_image(),
                metadata,
            },
            level: frame.level,
            stages,
            latents: latents_checksum(&y_hat),
            warnings: warning.into_iter().collect(),
        })
    }
}
