//! Files to pictures.

use std::io::Read;

use kiln_container::{Alpha, Boxes, ColorKind, Container, Frame, Header, Reader};
use kiln_models::seam::{Architecture, Checked, Given, Latents, Size, Unwatched};
use kiln_models::{DecoderSet, ModelError};

use crate::fitted;
use crate::layer::{self, Kind};
use crate::limits::{Costs, picture_bytes};
use crate::model::Opened;
use crate::picture::{Metadata, Warning};
use crate::pixels::{Channels, PixelsMut, Sink, new_image};
use crate::progress::{Progress, Silent, Stage, StageTimes, Staged};
use crate::threads::Threads;
use crate::{Error, Limits, Model, Picture};
use crate::{FITTED, LOSSLESS};

/// Turns kiln files into pictures. Cheap to clone.
///
/// A decoder has sets of weights and takes the one that a file names, if it needs one. Nothing is opened for a file before its
/// checksums, its size and its weights have been found good.
#[derive(Clone, Debug)]
pub struct Decoder {
    models: Vec<Model>,
    limits: Limits,
    threads: Threads,
    allow_not_portable: bool,
}

/// A picture, and what its file and the way to it were like.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decoded {
    /// Pixels and metadata.
    pub picture: Picture,
    /// What else came out.
    pub about: About,
}

/// What comes out of a file beside its pixels.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct About {
    /// Colour profile and camera data.
    pub metadata: Metadata,
    /// The level that the picture was coded at; 0 for one that was coded without loss.
    pub level: u8,
    /// Whether every sample that can be seen is as the encoder had it.
    pub lossless: bool,
    /// Where the time went.
    pub stages: StageTimes,
    /// CRC-32C over the decoded latents: the same on every machine, while a sample of the picture may differ by a step. Of
    /// a picture without loss: over its samples.
    pub latents_checksum: u32,
    /// What went wrong on the way without harm to the picture, such as a device that was found not to be exact.
    pub warnings: Vec<String>,
}

impl Decoder {
    /// A decoder with the given weights, the default [`Limits`], and the caller's rayon threads.
    pub fn new(model: Model) -> Self {
        Self::without_weights().with_model(model)
    }

    /// A decoder of files that need no weights: those of pictures [without loss](About::lossless), and those that bring
    /// their networks along.
    pub fn without_weights() -> Self {
        Self {
            models: Vec::new(),
            limits: Limits::default(),
            threads: Threads::current(),
            allow_not_portable: false,
        }
    }

    /// The same decoder with one more set of weights, for files of another architecture or another training.
    #[must_use]
    pub fn with_model(mut self, model: Model) -> Self {
        self.models.push(model);
        self
    }

    /// The same decoder with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same decoder working on other threads.
    #[must_use]
    pub fn with_threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// The same decoder trying files that are not portable, or refusing them, which is the default. Such a file decodes
    /// right on the device that wrote it; elsewhere it may end in [`Error::OtherMachine`].
    #[must_use]
    pub fn allow_not_portable(mut self, allow: bool) -> Self {
        self.allow_not_portable = allow;
        self
    }

    /// Decodes a file. Any bytes end in a picture or in an error.
    ///
    /// # Errors
    /// The file is damaged, unsupported, over a limit, not portable or made with weights that are not there, or the device
    /// fails.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded, Error> {
        self.decode_with(bytes, &Silent)
    }

    /// Decodes, reporting to `progress`.
    ///
    /// # Errors
    /// As [`Decoder::decode`], and [`Error::Cancelled`].
    pub fn decode_with(&self, bytes: &[u8], progress: &dyn Progress) -> Result<Decoded, Error> {
        let container = Container::parse(bytes, &self.limits.container())?;
        let frame = still(&container.header, container.frames.first())?;
        self.picture(&container.header, &container.boxes, frame, progress)
    }

    /// Decodes a file as it comes out of a reader, which must end where the file does.
    ///
    /// # Errors
    /// As [`Decoder::decode_with`], and [`Error::Io`].
    pub fn decode_from(
        &self,
        reader: impl Read,
        progress: &dyn Progress,
    ) -> Result<Decoded, Error> {
        let mut reader = Reader::new(reader, &self.limits.container())?;
        let frame = reader.next_frame()?;
        let frame = still(reader.header(), frame.as_ref())?;
        // Nothing, or an error: bytes after the end are damage, as they are where the whole file is at hand.
        reader.next_frame()?;
        self.picture(reader.header(), reader.boxes(), frame, progress)
    }

    /// Decodes into the caller's pixels, converting to their kind: colour from grey, 8 bits from 16 and the other way round.
    /// Pixels with alpha become opaque where the picture has none; alpha that they have no room for is left out.
    ///
    /// On an error the pixels may have been written in part.
    ///
    /// # Errors
    /// As [`Decoder::decode_with`], and [`Error::Picture`] if the pixels are of another size than the picture, or are grey
    /// while it is in colour.
    pub fn decode_into(
        &self,
        bytes: &[u8],
        mut pixels: PixelsMut<'_>,
        progress: &dyn Progress,
    ) -> Result<About, Error> {
        let container = Container::parse(bytes, &self.limits.container())?;
        let header = &container.header;
        let frame = still(header, container.frames.first())?;
        pixels.check_fit(header.width, header.height, header.color)?;
        pixels.set_opaque();
        let job = Job {
            header,
            boxes: &container.boxes,
            frame,
            progress,
        };
        self.threads.install(|| {
            let mut about = About::default();
            let content = self.content(&job, 0, &mut about)?;
            self.pixels(&job, &content, &mut pixels, &mut about)?;
            Ok(about)
        })
    }

    /// A frame as a picture of its own.
    fn picture(
        &self,
        header: &Header,
        boxes: &Boxes<'_>,
        frame: &Frame<'_>,
        progress: &dyn Progress,
    ) -> Result<Decoded, Error> {
        let channels = Channels::of(header.color, header.alpha != Alpha::None);
        let bytes = picture_bytes(header.pixels(), channels, header.depth);
        let job = Job {
            header,
            boxes,
            frame,
            progress,
        };
        self.threads.install(|| {
            let mut about = About::default();
            let content = self.content(&job, bytes, &mut about)?;
            let mut image = new_image(header.width, header.height, channels, header.depth)?;
            let mut pixels = PixelsMut::try_from(&mut image)?;
            self.pixels(&job, &content, &mut pixels, &mut about)?;
            let metadata = about.metadata.clone();
            Ok(Decoded {
                picture: Picture { image, metadata },
                about,
            })
        })
    }

    /// Everything that comes before pixels. `bytes`: of the picture, where it is kiln's to hold.
    fn content(&self, job: &Job<'_>, bytes: u64, about: &mut About) -> Result<Content, Error> {
        about.level = job.frame.level;
        let (metadata, lost) = Metadata::from_boxes(job.boxes);
        about.metadata = metadata;
        about.warnings.extend(lost.iter().map(Warning::to_string));
        if let Some(layer) = &job.frame.graphics {
            // Nothing is opened for a file whose layer is not one.
            kiln_graphics::blocks(layer, &job.layout())?;
        }
        let bytes = bytes.saturating_add(job.layer_bytes());
        match job.header.architecture {
            LOSSLESS => {
                self.limits.check_memory(bytes)?;
                job.check_lossless()?;
                about.lossless = true;
                Ok(Content::Lossless)
            }
            FITTED => self.fitted(job, bytes, about),
            _ => self.latents(job, bytes, about),
        }
    }

    /// Networks and latents that are all in the frame.
    fn fitted(&self, job: &Job<'_>, bytes: u64, about: &mut About) -> Result<Content, Error> {
        let (header, frame) = (job.header, job.frame);
        about.stages.time(Stage::Parse, || {
            let shape = fitted::parameters(header, frame)?.shape;
            let needed = kiln_fitted::decode_bytes(&shape, fitted::size(header));
            self.limits.check_memory(bytes.saturating_add(needed))
        })?;
        let (content, checksum) = about.stages.time(Stage::Code, || {
            fitted::Content::decode(header, frame, job.progress)
        })?;
        about.latents_checksum = checksum;
        Ok(Content::Fitted(Box::new(content)))
    }

    /// The latents, and the networks that the frame needs.
    fn latents(&self, job: &Job<'_>, bytes: u64, about: &mut About) -> Result<Content, Error> {
        let (header, frame) = (job.header, job.frame);
        let size = size(header);
        let opened = about.stages.time(Stage::Parse, || {
            let opened = self.open(job)?;
            let payload: u64 = frame.streams.iter().map(|s| s.len() as u64).sum();
            let networks = opened.architecture.decode_bytes(size);
            let bytes = networks.saturating_add(bytes).saturating_add(payload);
            self.limits
                .check_cost(opened.architecture.as_ref(), size, bytes)?;
            Ok::<_, Error>(opened)
        })?;
        let architecture = &opened.architecture;
        let facts = architecture.facts();
        let given = Given {
            level: facts.levels.require(frame.level).map_err(Error::Symbols)?,
            size,
            watch: &Staged {
                progress: job.progress,
                stage: Stage::Code,
            },
        };
        let streams: Vec<&[u8]> = frame.streams.iter().map(AsRef::as_ref).collect();
        let Checked {
            value: latents,
            warning,
        } = about
            .stages
            .time(Stage::Code, || {
                architecture.decode(&streams, frame.symbols_crc, &given)
            })
            .map_err(|e| symbols_error(e, job, architecture.as_ref()))?;
        about.latents_checksum = latents.checksum();
        about.warnings.extend(opened.warning.clone());
        about.warnings.extend(warning);
        Ok(Content::Model { opened, latents })
    }

    /// The pixels, alpha included.
    fn pixels(
        &self,
        job: &Job<'_>,
        content: &Content,
        pixels: &mut PixelsMut<'_>,
        about: &mut About,
    ) -> Result<(), Error> {
        let (header, frame) = (job.header, job.frame);
        if let Content::Fitted(content) = content {
            about.stages.time(Stage::Synthesise, || {
                content.write(header, pixels, job.progress)
            })?;
        }
        if let Content::Model { opened, latents } = content {
            let architecture = &opened.architecture;
            let given = Given {
                level: architecture.facts().levels.require(frame.level)?,
                size: size(header),
                watch: &Unwatched,
            };
            about.stages.time(Stage::Synthesise, || {
                let mut sink = Sink::new(pixels.reborrow(), header.color, job.progress)?;
                Ok::<_, Error>(architecture.synthesise(latents, &given, &mut sink)?)
            })?;
        }
        if frame.graphics.is_none() && frame.alpha.is_none() {
            return Ok(());
        }
        about.stages.time(Stage::Graphics, || {
            if let Some(bytes) = &frame.graphics {
                let kind = Kind {
                    color: header.color,
                    depth: header.depth,
                };
                let (blocks, checksum) = layer::apply(bytes, kind, pixels, job.progress)?;
                if let Content::Lossless = content {
                    if !blocks.is_all() || checksum != frame.symbols_crc {
                        return Err(Error::Graphics(
                            "damaged file: its pixels are not those that were coded".into(),
                        ));
                    }
                    about.latents_checksum = checksum;
                }
            }
            match &frame.alpha {
                Some(bytes) if pixels.channels().has_alpha() => {
                    layer::alpha::decode(bytes, header.depth, &self.limits, pixels, job.progress)
                }
                _ => Ok(()),
            }
        })
    }

    /// Finds the weights for a file and opens them, unless the file is one that this decoder refuses.
    fn open(&self, job: &Job<'_>) -> Result<Opened, Error> {
        let header = job.header;
        let refuse = || Error::NotPortable {
            device: job.boxes.device.as_deref().map(str::to_owned),
        };
        let needed = DecoderSet(header.decoder_set);
        let model = self
            .models
            .iter()
            .find(|m| m.architecture().id == header.architecture && m.decoder_set() == needed)
            .ok_or_else(|| Error::NoWeights {
                architecture: header.architecture,
                needed,
                have: self
                    .models
                    .iter()
                    .map(|m| (m.architecture().name, m.decoder_set()))
                    .collect(),
            })?;
        if !header.portable && !self.allow_not_portable {
            return Err(refuse());
        }
        let opened = model.for_pixels(header.pixels())?;
        // What the loader found counts, whatever the file says.
        if !opened.architecture.facts().portability.is_portable() && !self.allow_not_portable {
            return Err(refuse());
        }
        Ok(opened)
    }
}

/// A frame to decode and what belongs to it.
struct Job<'a> {
    header: &'a Header,
    boxes: &'a Boxes<'a>,
    frame: &'a Frame<'a>,
    progress: &'a dyn Progress,
}

impl Job<'_> {
    /// What the layer takes, and alpha, which is coded alike. One after the other.
    fn layer_bytes(&self) -> u64 {
        let h = self.header;
        let grey = layer::layout(h.width, h.height, ColorKind::Grey, h.depth);
        let layer = self.frame.graphics.as_ref().map(|_| self.layout());
        let alpha = self.frame.alpha.as_ref().map(|_| grey);
        let both = layer.into_iter().chain(alpha);
        both.map(|layout| kiln_graphics::decode_bytes(&layout))
            .max()
            .unwrap_or(0)
    }

    fn layout(&self) -> kiln_graphics::Layout {
        let h = self.header;
        layer::layout(h.width, h.height, h.color, h.depth)
    }

    /// Fails where a file without a model has something of one, or nothing else.
    fn check_lossless(&self) -> Result<(), Error> {
        let (h, frame) = (self.header, self.frame);
        match frame.streams.is_empty() && frame.graphics.is_some() && h.decoder_set == [0; 8] {
            true if frame.level == 0 && h.portable => Ok(()),
            _ => Err(Error::Graphics(
                "damaged file: a lossless picture is a graphics layer and nothing else".into(),
            )),
        }
    }
}

/// What the pixels of a frame come from, beside its layer.
enum Content {
    Model { opened: Opened, latents: Latents },
    Fitted(Box<fitted::Content>),
    Lossless,
}

fn size(header: &Header) -> Size {
    Size {
        height: header.height as usize,
        width: header.width as usize,
    }
}

/// The only frame of a still picture.
fn still<'f, 'a>(header: &Header, frame: Option<&'f Frame<'a>>) -> Result<&'f Frame<'a>, Error> {
    let refuse = || Error::Sequence {
        frames: header.frames(),
    };
    frame
        .filter(|_| header.sequence.is_none())
        .ok_or_else(refuse)
}

/// Symbols that are not what an encoder wrote: damage, or another machine where the weights are not portable.
fn symbols_error(source: ModelError, job: &Job<'_>, architecture: &dyn Architecture) -> Error {
    let damaged = matches!(source, ModelError::Code(_) | ModelError::Checksum { .. });
    if !damaged || architecture.facts().portability.is_portable() {
        return source.into();
    }
    Error::OtherMachine {
        writer: match &job.boxes.device {
            Some(device) => device.to_string(),
            None => "a device that it does not name".into(),
        },
        here: device_line(architecture),
        source,
    }
}

/// The device that picks probabilities, as a file names its writer.
pub(crate) fn device_line(architecture: &dyn Architecture) -> String {
    let name = match architecture.exact_placement().on_device {
        true => architecture.device().name.as_str(),
        false => "cpu",
    };
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    let mut line = format!("{name} ({arch}, {os})");
    // Names are the driver's: a file has room for so many bytes.
    while line.len() > kiln_container::MAX_DEVICE_BYTES {
        line.pop();
    }
    line
}
