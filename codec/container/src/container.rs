//! A whole file in memory.

use crate::boxes::Boxes;
use crate::cursor::Cursor;
use crate::error::{ParseError, WriteError, WriterError};
use crate::frame::Frame;
use crate::header::Header;
use crate::limits::Limits;
use crate::walk::Walk;
use crate::writer::Writer;

/// Everything in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// What the picture is and which weights decode it.
    pub header: Header,
    /// Metadata.
    pub boxes: Boxes<'a>,
    /// The coded pictures: exactly one in a still picture, at least one in a sequence, the first one
    /// [`Intra`](crate::FrameKind::Intra).
    pub frames: Vec<Frame<'a>>,
}

impl<'a> Container<'a> {
    /// Writes the file.
    ///
    /// # Errors
    /// A [`WriteError`] that names what no file can hold: the container was built wrongly.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        let given = self.frames.len() as u64;
        if let Some(expected) = self.header.frames()
            && given != u64::from(expected)
        {
            return Err(WriteError::Frames { expected, given });
        }
        let refused = |error| match error {
            WriterError::Refused(error) => error,
            // A vector fails to take bytes only for want of memory.
            WriterError::Io(_) => WriteError::TooLarge,
        };
        let mut writer =
            Writer::new(self.reserve()?, &self.header, &self.boxes).map_err(refused)?;
        for frame in &self.frames {
            writer.frame(frame).map_err(refused)?;
        }
        writer.finish().map_err(refused)
    }

    /// Parses a whole file; boxes and frames borrow from `bytes`.
    ///
    /// All container checksums are verified. [`Frame::symbols_crc`] is not: it covers decoded integers.
    ///
    /// # Errors
    /// A [`ParseError`], whose variants say who must act. Every proper prefix of a valid file is
    /// [`ParseError::Truncated`]; a [`Reader`](crate::Reader) delivers the whole frames of a sequence that was cut.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, ParseError> {
        let (mut walk, boxes) = Walk::begin(Cursor::new(bytes), limits)?;
        let mut frames = Vec::new();
        while let Some(frame) = walk.next_frame()? {
            frames.push(frame);
        }
        Ok(Self {
            header: *walk.header(),
            boxes,
            frames,
        })
    }

    /// An empty buffer with room for the file.
    fn reserve(&self) -> Result<Vec<u8>, WriteError> {
        // Room for heads is a guess, usually a little too much; a vector that has to grow after all is no harm.
        const HEADS: usize = 64;
        let contents = self.boxes.iter().map(|(_, content)| content);
        let payloads = self.frames.iter().flat_map(Frame::payload);
        let bytes = contents
            .chain(payloads)
            .try_fold(HEADS, |sum, part| {
                sum.checked_add(part.len())?.checked_add(8)
            })
            .ok_or(WriteError::TooLarge)?;
        let mut out = Vec::new();
        out.try_reserve(bytes).map_err(|_| WriteError::TooLarge)?;
        Ok(out)
    }
}
