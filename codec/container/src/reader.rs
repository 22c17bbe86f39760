//! A file that is read frame by frame.

use std::io::{self, Read, Seek};

use crate::boxes::Boxes;
use crate::error::{ReadError, damaged};
use crate::fields::Fields;
use crate::frame::Frame;
use crate::header::Header;
use crate::index::{END, Index, TAIL_BYTES};
use crate::limits::Limits;
use crate::stream::Stream;
use crate::walk::Walk;

/// Reads a file from a [`Read`], holding no more of it than one frame.
///
/// Head, boxes and each frame are delivered once their checksums have been verified, so that a sequence that breaks
/// off plays up to its last whole frame, and only then ends with
/// [`ParseError::Truncated`](crate::ParseError::Truncated). Fields are read in small pieces: give a file or a socket
/// inside a [`BufReader`](std::io::BufReader).
///
/// ```
/// use kiln_container::{Limits, Reader};
/// # use kiln_container::{Alpha, Boxes, ColorKind, Container, Depth, Frame, FrameKind, Header};
/// # let header = Header {
/// #     architecture: 4, decoder_set: [0x11; 8], width: 768, height: 512, color: ColorKind::Rgb,
/// #     alpha: Alpha::None, depth: Depth::Eight, portable: true, sequence: None,
/// # };
/// # let frame = Frame {
/// #     kind: FrameKind::Intra, level: 32, symbols_crc: 0, graphics: None, alpha: None, streams: Vec::new(),
/// # };
/// # let file = Container { header, boxes: Boxes::default(), frames: vec![frame] }.write()?;
/// let mut reader = Reader::new(&file[..], &Limits::default())?;
/// assert_eq!(reader.header().width, 768);
/// while let Some(frame) = reader.next_frame()? {
///     println!("level {}, {} streams", frame.level, frame.streams.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader<R> {
    walk: Walk<Stream<R>>,
    boxes: Boxes<'static>,
}

impl<R: Read> Reader<R> {
    /// Reads the head and the boxes.
    ///
    /// # Errors
    /// [`ReadError::Parse`] as for [`Container::parse`](crate::Container::parse), [`ReadError::Io`] when `reader`
    /// fails.
    pub fn new(reader: R, limits: &Limits) -> Result<Self, ReadError> {
        let (walk, boxes) = Walk::begin(Stream::new(reader), limits)?;
        Ok(Self { walk, boxes })
    }

    /// The head.
    pub fn header(&self) -> &Header {
        self.walk.header()
    }

    /// The boxes.
    pub fn boxes(&self) -> &Boxes<'static> {
        &self.boxes
    }

    /// Reads the next frame. `None` says that the file has ended as it should, with nothing after it; after an error
    /// `None` is all that follows. A file ends where its source does: the call that returns `None` waits for that.
    ///
    /// # Errors
    /// [`ReadError::Parse`] as for [`Container::parse`](crate::Container::parse), [`ReadError::Io`] when the underlying
    /// reader fails.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'static>>, ReadError> {
        self.walk.next_frame()
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Reads the index at the end of a sequence, and comes back to where it was; `None` for a still picture.
    ///
    /// # Errors
    /// [`ReadError::Parse`] when there is no index at the end: the sequence was cut, or is damaged, and can still be
    /// read from front to back. [`ReadError::Io`] when the underlying reader fails; the present place is lost then.
    pub fn read_index(&mut self) -> Result<Option<Index>, ReadError> {
        if self.header().sequence.is_none() {
            return Ok(None);
        }
        let limits = *self.walk.limits();
        let fields = self.walk.fields();
        let back = fields.position();
        let index = take_index(fields, &limits);
        fields.restart();
        fields.source().seek(back)?;
        index.map(Some)
    }

    /// Moves to the last key frame that is no later than frame `number`, and returns the number of that key frame:
    /// [`next_frame`](Self::next_frame) reads it next. `index` must be that of this file. A frame that is damaged, or
    /// the end of the file, is no obstacle.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the underlying reader fails.
    pub fn seek(&mut self, index: &Index, number: u32) -> Result<u32, ReadError> {
        // Frame 0 is a key frame of every index that was read.
        let missing = || io::Error::from(io::ErrorKind::InvalidInput);
        let (before, key) = index.before(number).ok_or_else(missing)?;
        self.walk.fields().source().seek(key.offset)?;
        self.walk.resume(before);
        Ok(key.number)
    }
}

/// Finds the end record through the last bytes of the file.
fn take_index<R: Read + Seek>(
    fields: &mut Fields<Stream<R>>,
    limits: &Limits,
) -> Result<Index, ReadError> {
    let missing = "no index at the end of the sequence";
    let Some(tail) = fields.source().seek_from_end(TAIL_BYTES)? else {
        return damaged(missing, 0);
    };
    let offset = fields.u64()?;
    if offset >= tail {
        return damaged(missing, tail);
    }
    fields.source().seek(offset)?;
    fields.restart();
    if fields.u8()? != END {
        return damaged(missing, tail);
    }
    let index = Index::take(fields, offset, limits)?;
    let end = fields.position();
    if fields.at_end()? {
        return Ok(index);
    }
    damaged(missing, end)
}
