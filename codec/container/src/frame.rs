//! One coded picture and the record that holds it.

use std::borrow::Cow;

use crc32c::crc32c_append;

use crate::error::{Feature, ParseError, WriteError, damaged};
use crate::fields::Fields;
use crate::header::Alpha;
use crate::limits::Limits;
use crate::source::Source;
use crate::varint;

/// Highest quality level.
pub const MAX_LEVEL: u8 = 63;

/// The level is in the low bits of the first byte of a frame record, its kind in the rest.
const KIND_SHIFT: u32 = 6;
const KIND_INTRA: u8 = 0;
const KIND_PREDICTED: u8 = 1;

/// Low bits of the field "parts and streams"; the number of streams is in the rest.
const GRAPHICS: u64 = 1 << 0;
const ALPHA: u64 = 1 << 1;
const RESERVED: u64 = 1 << 2;
const STREAMS_SHIFT: u32 = 3;

/// What a frame needs beside itself and the head of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Nothing: decoding can start here.
    Intra,
    /// Frames before it, as the architecture says.
    Predicted,
}

/// One coded frame, the only one of a still picture or one of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Whether the frame stands for itself.
    pub kind: FrameKind,
    /// Quality level, 0 to [`MAX_LEVEL`].
    pub level: u8,
    /// Checksum over the decoded integers. It is stored, not verified: only the entropy decoder sees them.
    pub symbols_crc: u32,
    /// The graphics layer: blocks that are coded without loss beside the model's streams. At least one byte.
    pub graphics: Option<Cow<'a, [u8]>>,
    /// The alpha channel, a greyscale PNG file. An intra frame has one exactly when the head says [`Alpha::Coded`];
    /// a predicted frame without one keeps that of the frame before it. At least one byte.
    pub alpha: Option<Cow<'a, [u8]>>,
    /// The model's entropy-coded streams. Their number and order are the architecture's; a stream may be empty.
    pub streams: Vec<Cow<'a, [u8]>>,
}

impl<'a> Frame<'a> {
    /// The parts and streams in the order of the payload.
    pub(crate) fn payload(&self) -> impl Iterator<Item = &[u8]> {
        let parts = [&self.graphics, &self.alpha].into_iter().flatten();
        parts.chain(&self.streams).map(|bytes| &**bytes)
    }

    /// Fails when no file with this alpha state can hold this frame.
    pub(crate) fn validate(&self, alpha: Alpha) -> Result<(), WriteError> {
        if self.level > MAX_LEVEL {
            return Err(WriteError::Level { level: self.level });
        }
        match (alpha, self.kind, &self.alpha) {
            (Alpha::Coded, FrameKind::Intra, None) => return Err(WriteError::MissingAlpha),
            (Alpha::None | Alpha::Opaque, _, Some(_)) => return Err(WriteError::UnexpectedAlpha),
            _ => {}
        }
        for (part, what) in [
            (&self.graphics, "graphics layer"),
            (&self.alpha, "alpha channel"),
        ] {
            if part.as_ref().is_some_and(|bytes| bytes.is_empty()) {
                return Err(WriteError::EmptyPart { what });
            }
        }
        Ok(())
    }

    /// The record up to the payload.
    pub(crate) fn record_head(&self) -> Vec<u8> {
        let kind = match self.kind {
            FrameKind::Intra => KIND_INTRA,
            FrameKind::Predicted => KIND_PREDICTED,
        };
        let part = |bit, part: &Option<_>| if part.is_some() { bit } else { 0 };
        let parts = part(GRAPHICS, &self.graphics) | part(ALPHA, &self.alpha);
        let mut out = vec![kind << KIND_SHIFT | self.level];
        out.extend(self.symbols_crc.to_le_bytes());
        varint::push(
            &mut out,
            (self.streams.len() as u64) << STREAMS_SHIFT | parts,
        );
        for bytes in self.payload() {
            varint::push(&mut out, bytes.len() as u64);
        }
        out
    }

    /// The checksum of the record, whose bytes up to the payload are `head`.
    pub(crate) fn record_crc(&self, head: &[u8]) -> u32 {
        self.payload().fold(crc32c_append(0, head), crc32c_append)
    }

    /// Reads the record after its first byte, which [`frame_kind`] has told apart from others.
    pub(crate) fn take<S: Source<'a>>(
        fields: &mut Fields<S>,
        kind: FrameKind,
        first: u8,
        alpha: Alpha,
        limits: &Limits,
    ) -> Result<Self, S::Error> {
        let symbols_crc = fields.u32()?;
        let lengths = Lengths::take(fields, kind, alpha, limits)?;
        fields.expect(lengths.total)?;
        let mut part = |len: Option<u64>| len.map(|len| fields.bytes(len)).transpose();
        let (graphics, alpha) = (part(lengths.graphics)?, part(lengths.alpha)?);
        let mut streams = Vec::with_capacity(lengths.streams.len());
        for len in lengths.streams {
            streams.push(fields.bytes(len)?);
        }
        fields.end_part("a wrong checksum of a frame")?;
        Ok(Self {
            kind,
            level: first & MAX_LEVEL,
            symbols_crc,
            graphics,
            alpha,
            streams,
        })
    }
}

/// What a payload consists of.
#[derive(Default)]
struct Lengths {
    graphics: Option<u64>,
    alpha: Option<u64>,
    streams: Vec<u64>,
    /// The sum of all lengths.
    total: u64,
}

impl Lengths {
    /// Reads which parts and how many streams there are, and the length of each.
    fn take<'a, S: Source<'a>>(
        fields: &mut Fields<S>,
        kind: FrameKind,
        alpha: Alpha,
        limits: &Limits,
    ) -> Result<Self, S::Error> {
        let offset = fields.position();
        let parts = fields.varint()?;
        if parts & RESERVED != 0 {
            let what = Feature::Parts(parts);
            return Err(ParseError::Unsupported { what }.into());
        }
        match (alpha, kind, parts & ALPHA != 0) {
            (Alpha::Coded, FrameKind::Intra, false) => {
                return damaged("an intra frame without its alpha channel", offset);
            }
            (Alpha::None | Alpha::Opaque, _, true) => {
                return damaged("an alpha channel that the format byte denies", offset);
            }
            _ => {}
        }
        let streams = parts >> STREAMS_SHIFT;
        limits.check_streams(streams)?;

        let mut lengths = Self::default();
        if parts & GRAPHICS != 0 {
            lengths.graphics = Some(lengths.take_one(fields, 1, limits)?);
        }
        if parts & ALPHA != 0 {
            lengths.alpha = Some(lengths.take_one(fields, 1, limits)?);
        }
        // The number of streams is only a claim: the list grows with the bytes that its entries take.
        for _ in 0..streams {
            let len = lengths.take_one(fields, 0, limits)?;
            lengths.streams.push(len);
        }
        Ok(lengths)
    }

    /// Reads a length of at least `least`, and adds it to the sum.
    fn take_one<'a, S: Source<'a>>(
        &mut self,
        fields: &mut Fields<S>,
        least: u64,
        limits: &Limits,
    ) -> Result<u64, S::Error> {
        let offset = fields.position();
        let len = fields.varint()?;
        if len < least {
            return damaged("an empty part of a frame", offset);
        }
        self.total = self.total.saturating_add(len);
        limits.check_frame_bytes(self.total)?;
        Ok(len)
    }
}

/// The kind of frame whose record begins with this byte; `None` when it begins no frame that this version knows.
pub(crate) fn frame_kind(first: u8) -> Option<FrameKind> {
    match first >> KIND_SHIFT {
        KIND_INTRA => Some(FrameKind::Intra),
        KIND_PREDICTED => Some(FrameKind::Predicted),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::END;

    #[test]
    fn first_bytes_tell_kinds_and_levels_apart() {
        for first in 0..=u8::MAX {
            let Some(kind) = frame_kind(first) else {
                assert!(first >= 0x80);
                continue;
            };
            let frame = Frame {
                kind,
                level: first & MAX_LEVEL,
                symbols_crc: 0,
                graphics: None,
                alpha: None,
                streams: Vec::new(),
            };
            assert_eq!(frame.record_head()[0], first);
        }
        assert_eq!(frame_kind(END), None);
    }
}
