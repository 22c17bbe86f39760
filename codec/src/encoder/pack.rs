//! The container around what was coded.

use std::borrow::Cow;

use kiln_container::{Alpha, Boxes, Container, Frame, FrameKind, Header};
use kiln_models::seam::{Architecture, Coded, Level};

use crate::Error;
use crate::decoder::device_line;
use crate::pixels::Pixels;
use crate::{FITTED, LOSSLESS};

/// What all files of one picture share.
pub(super) struct Packing<'a> {
    /// That of a file without a model.
    header: Header,
    boxes: Boxes<'a>,
    /// Coded alpha.
    alpha: Option<Vec<u8>>,
}

impl<'a> Packing<'a> {
    /// `alpha`: coded, unless there is none or it is opaque.
    pub(super) fn new(pixels: Pixels<'_>, boxes: Boxes<'a>, alpha: Option<Vec<u8>>) -> Self {
        let channels = pixels.channels();
        Self {
            header: Header {
                architecture: LOSSLESS,
                decoder_set: [0; 8],
                width: pixels.width(),
                height: pixels.height(),
                color: channels.color(),
                alpha: match (channels.has_alpha(), &alpha) {
                    (false, _) => Alpha::None,
                    (true, None) => Alpha::Opaque,
                    (true, Some(_)) => Alpha::Coded,
                },
                depth: pixels.depth(),
                portable: true,
                sequence: None,
            },
            boxes,
            alpha,
        }
    }

    /// A file with streams of a model, and a layer if there is one.
    pub(super) fn modelled(
        &self,
        architecture: &dyn Architecture,
        level: Level,
        coded: &Coded,
        layer: Option<&[u8]>,
    ) -> Result<Vec<u8>, Error> {
        let facts = architecture.facts();
        let portable = facts.portability.is_portable();
        let header = Header {
            architecture: facts.id,
            decoder_set: facts.decoder_set.0,
            portable,
            ..self.header
        };
        let boxes = Boxes {
            device: (!portable).then(|| device_line(architecture).into()),
            ..self.boxes.clone()
        };
        let streams = coded.streams.iter().map(|s| Cow::Borrowed(s.as_slice()));
        self.write(
            header,
            boxes,
            level.number(),
            coded.checksum,
            layer,
            streams.collect(),
        )
    }

    /// A file with networks that were fitted to the picture.
    pub(super) fn fitted(
        &self,
        level: Level,
        streams: &[Vec<u8>],
        checksum: u32,
        layer: Option<&[u8]>,
    ) -> Result<Vec<u8>, Error> {
        let header = Header {
            architecture: FITTED,
            ..self.header
        };
        let boxes = self.boxes.clone();
        let streams = streams.iter().map(|s| Cow::Borrowed(s.as_slice()));
        let streams = streams.collect();
        self.write(header, boxes, level.number(), checksum, layer, streams)
    }

    /// A file without a model: the layer holds all pixels. `checksum`: of their samples.
    pub(super) fn lossless(&self, layer: &[u8], checksum: u32) -> Result<Vec<u8>, Error> {
        let boxes = self.boxes.clone();
        self.write(self.header, boxes, 0, checksum, Some(layer), Vec::new())
    }

    fn write(
        &self,
        header: Header,
        boxes: Boxes<'_>,
        level: u8,
        symbols_crc: u32,
        layer: Option<&[u8]>,
        streams: Vec<Cow<'_, [u8]>>,
    ) -> Result<Vec<u8>, Error> {
        let frame = Frame {
            kind: FrameKind::Intra,
            level,
            symbols_crc,
            graphics: layer.map(Cow::Borrowed),
            alpha: self.alpha.as_deref().map(Cow::Borrowed),
            streams,
        };
        let container = Container {
            header,
            boxes,
            frames: vec![frame],
        };
        Ok(container.write()?)
    }
}
