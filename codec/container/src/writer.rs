//! A file that is written frame by frame.

use std::io::{self, Write};

use crc32c::crc32c;

use crate::boxes::Boxes;
use crate::error::{WriteError, WriterError};
use crate::frame::{Frame, FrameKind};
use crate::header::Header;
use crate::index::Index;

/// Writes a file to a [`Write`], frame by frame and without going back.
///
/// What has been written when a program stops is a file that a [`Reader`](crate::Reader) delivers up to the last whole
/// frame. Each record takes a few calls of [`Write::write_all`]: give a file or a socket inside a
/// [`BufWriter`](std::io::BufWriter).
///
/// ```
/// use std::num::NonZero;
/// use kiln_container::{
///     Alpha, Boxes, ColorKind, Depth, Frame, FrameKind, Header, Rate, Sequence, Writer,
/// };
///
/// let rate = Rate::new(NonZero::new(25).unwrap(), NonZero::<u32>::MIN);
/// let header = Header {
///     architecture: 4,
///     decoder_set: [0x11; 8],
///     width: 768,
///     height: 512,
///     color: ColorKind::Rgb,
///     alpha: Alpha::None,
///     depth: Depth::Eight,
///     portable: true,
///     sequence: Some(Sequence { rate, frames: None }),
/// };
/// let mut writer = Writer::new(Vec::new(), &header, &Boxes::default())?;
/// for level in [20, 21] {
///     writer.frame(&Frame {
///         kind: FrameKind::Intra,
///         level,
///         symbols_crc: 0x1234_5678,
///         graphics: None,
///         alpha: None,
///         streams: vec![vec![1, 2, 3].into(), vec![4, 5].into()],
///     })?;
/// }
/// let file = writer.finish()?;
/// # assert_eq!(kiln_container::Container::parse(&file, &Default::default())?.frames.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer<W> {
    out: W,
    header: Header,
    /// Bytes written so far.
    position: u64,
    /// The frames written so far.
    index: Index,
    /// Whether a write has failed, so that nobody knows what is in the output.
    failed: bool,
}

impl<W: Write> Writer<W> {
    /// Writes the head and the boxes.
    ///
    /// # Errors
    /// [`WriterError::Refused`] when no file can hold them, before anything is written; [`WriterError::Io`] when `out`
    /// fails.
    pub fn new(out: W, header: &Header, boxes: &Boxes<'_>) -> Result<Self, WriterError> {
        header.validate()?;
        boxes.validate()?;
        let mut writer = Self {
            out,
            header: *header,
            position: 0,
            index: Index::new(),
            failed: false,
        };
        let mut head = Vec::new();
        header.push(&mut head, !boxes.is_empty());
        if !boxes.is_empty() {
            // There is at most one box of each type, and no box of type 0.
            head.push(boxes.iter().count() as u8);
        }
        let crc = crc32c(&head);
        head.extend(crc.to_le_bytes());
        writer.put(&head)?;
        for (kind, content) in boxes.iter() {
            let (head, crc) = Boxes::record(kind, content);
            writer.put(&head)?;
            writer.put(content)?;
            writer.put(&crc.to_le_bytes())?;
        }
        Ok(writer)
    }

    /// Writes the next frame.
    ///
    /// # Errors
    /// [`WriterError::Refused`] when no file with this head can hold the frame here: nothing is written, and another
    /// frame may be. [`WriterError::Io`] when the output fails; the file cannot be completed then.
    pub fn frame(&mut self, frame: &Frame<'_>) -> Result<(), WriterError> {
        frame.validate(self.header.alpha)?;
        let most = self.header.frames().unwrap_or(u32::MAX);
        if self.index.frames() == most {
            return Err(WriteError::Frames {
                expected: most,
                given: u64::from(most) + 1,
            }
            .into());
        }
        let intra = frame.kind == FrameKind::Intra;
        if self.index.frames() == 0 && !intra {
            return Err(WriteError::FirstFrame.into());
        }
        let offset = self.position;
        let head = frame.record_head();
        let crc = frame.record_crc(&head);
        self.put(&head)?;
        for bytes in frame.payload() {
            self.put(bytes)?;
        }
        self.put(&crc.to_le_bytes())?;
        self.index.push(offset, intra);
        Ok(())
    }

    /// Writes what ends the file, flushes the output and returns it.
    ///
    /// # Errors
    /// [`WriterError::Refused`] when there are fewer frames than the head says, [`WriterError::Io`] when the output
    /// fails.
    pub fn finish(mut self) -> Result<W, WriterError> {
        let least = self.header.frames().unwrap_or(1);
        let given = self.index.frames();
        if given < least {
            return Err(WriteError::Frames {
                expected: least,
                given: given.into(),
            }
            .into());
        }
        if self.header.sequence.is_some() {
            let end = self.index.record(self.position);
            self.put(&end)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WriterError> {
        if self.failed {
            let why = "an earlier write failed, so that the file cannot be completed";
            return Err(io::Error::other(why).into());
        }
        self.failed = true;
        self.out.write_all(bytes)?;
        self.failed = false;
        self.position += bytes.len() as u64;
        Ok(())
    }
}
