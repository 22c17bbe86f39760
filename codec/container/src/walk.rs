//! The one walk over the fields of a file, shared by everything that reads one.

use crate::boxes::Boxes;
use crate::error::{Feature, ParseError, damaged};
use crate::fields::Fields;
use crate::frame::{Frame, FrameKind, frame_kind};
use crate::header::Header;
use crate::index::{END, Index};
use crate::limits::Limits;
use crate::source::Source;

/// A file whose head and boxes have been read, between two records.
pub(crate) struct Walk<S> {
    fields: Fields<S>,
    limits: Limits,
    header: Header,
    /// The frames read so far.
    index: Index,
    /// Whether decoding starts with the next frame: the first one, or one that was sought.
    starts: bool,
    /// Whether there is nothing more to read: after the end, and after an error.
    over: bool,
}

impl<'a, S: Source<'a>> Walk<S> {
    /// Reads the head and the boxes, and verifies their checksums.
    pub(crate) fn begin(source: S, limits: &Limits) -> Result<(Self, Boxes<'a>), S::Error> {
        let mut fields = Fields::new(source);
        let (header, has_boxes) = Header::take(&mut fields, limits)?;
        let count = if has_boxes {
            let offset = fields.position();
            match fields.u8()? {
                0 => return damaged("a number of boxes of 0", offset),
                count => count,
            }
        } else {
            0
        };
        fields.end_part("a wrong checksum of the head")?;
        let boxes = Boxes::take(&mut fields, count, limits)?;
        let walk = Self {
            fields,
            limits: *limits,
            header,
            index: Index::new(),
            starts: true,
            over: false,
        };
        Ok((walk, boxes))
    }

    /// The head.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the next frame and verifies its checksum; `None` at the end of the file. After an error there is no more.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame<'a>>, S::Error> {
        if self.over {
            return Ok(None);
        }
        let frame = self.take_record();
        self.over = !matches!(frame, Ok(Some(_)));
        frame
    }

    /// Goes on as if the frames of `index` had been read, from a source that has been moved to the record after them.
    pub(crate) fn resume(&mut self, index: Index) {
        self.fields.restart();
        self.index = index;
        self.starts = true;
        self.over = false;
    }

    /// The fields, to be read out of order; [`resume`](Self::resume) or [`Fields::restart`] follows.
    pub(crate) fn fields(&mut self) -> &mut Fields<S> {
        &mut self.fields
    }

    /// What the file may ask for.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn take_record(&mut self) -> Result<Option<Frame<'a>>, S::Error> {
        let still = self.header.sequence.is_none();
        if still && self.index.frames() == 1 {
            return self.take_end_of_file();
        }
        let offset = self.fields.position();
        let first = self.fields.u8()?;
        match frame_kind(first) {
            Some(kind) => self.take_frame(kind, first, offset).map(Some),
            None if first == END && still => damaged("an end record in a still picture", offset),
            None if first == END => {
                self.take_end_record(offset)?;
                self.take_end_of_file()
            }
            None => Err(ParseError::Unsupported {
                what: Feature::Record(first),
            }
            .into()),
        }
    }

    fn take_frame(
        &mut self,
        kind: FrameKind,
        first: u8,
        offset: u64,
    ) -> Result<Frame<'a>, S::Error> {
        let before = self.index.frames();
        if self.header.frames().is_some_and(|all| before >= all) {
            return damaged("a frame beyond the number that the head gives", offset);
        }
        let intra = kind == FrameKind::Intra;
        if self.starts && !intra {
            return damaged("a predicted frame where decoding starts", offset);
        }
        self.limits.check_frames(u64::from(before) + 1)?;
        let alpha = self.header.alpha;
        let frame = Frame::take(&mut self.fields, kind, first, alpha, &self.limits)?;
        self.index.push(offset, intra);
        self.starts = false;
        Ok(frame)
    }

    fn take_end_record(&mut self, offset: u64) -> Result<(), S::Error> {
        let before = self.index.frames();
        if before == 0 {
            return damaged("a sequence without a frame", offset);
        }
        if self.header.frames().is_some_and(|all| before < all) {
            return damaged("fewer frames than the head gives", offset);
        }
        let index = Index::take(&mut self.fields, offset, &self.limits)?;
        if index.frames() != before {
            return damaged("a wrong number of frames in the end record", offset);
        }
        if index != self.index {
            return damaged("an index that does not lead to the key frames", offset);
        }
        Ok(())
    }

    fn take_end_of_file<T>(&mut self) -> Result<Option<T>, S::Error> {
        let offset = self.fields.position();
        if self.fields.at_end()? {
            return Ok(None);
        }
        damaged("bytes after the end", offset)
    }
}
