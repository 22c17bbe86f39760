//! A whole file, in memory and as bytes.

use std::borrow::Cow;

use crc32c::{crc32c, crc32c_append};

use crate::boxes::Boxes;
use crate::cursor::Cursor;
use crate::error::{ParseError, WriteError};
use crate::frame::{Frame, expected_chunks, head_byte};
use crate::header::Header;
use crate::layout::{Layout, StoredCrc};
use crate::limits::Limits;
use crate::varint;

/// Everything in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// What the picture is and which weights decode it.
    pub header: Header,
    /// Metadata and alpha.
    pub boxes: Boxes<'a>,
    /// The coded pictures; version 1 stores exactly one.
    pub frames: Vec<Frame<'a>>,
}

impl<'a> Container<'a> {
    /// Writes the file.
    ///
    /// # Errors
    /// A [`WriteError`] that names what no file can hold: the container was built wrongly.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        self.header.validate()?;
        self.boxes.validate(self.header.alpha)?;
        let [frame] = self.frames.as_slice() else {
            return Err(WriteError::Frames {
                frames: self.frames.len(),
            });
        };
        frame.validate(expected_chunks(self.header.width, self.header.height))?;

        let contents = || self.boxes.iter().map(|(_, bytes)| bytes);
        let chunks = || frame.chunks.iter().map(|chunk| &**chunk);
        let mut out = reserve(contents().chain(chunks()), frame.chunks.len())?;

        self.header.push(&mut out, !self.boxes.is_empty());
        if !self.boxes.is_empty() {
            varint::push(&mut out, self.boxes.iter().count() as u64);
            for (kind, bytes) in self.boxes.iter() {
                out.push(kind);
                varint::push(&mut out, bytes.len() as u64);
            }
            out.extend(checksum(contents()).to_le_bytes());
        }
        out.push(head_byte(frame.level));
        out.extend(frame.symbols_crc.to_le_bytes());
        out.extend(checksum(chunks()).to_le_bytes());
        for chunk in chunks() {
            varint::push(&mut out, chunk.len() as u64);
        }
        let head_crc = crc32c(&out);
        out.extend(head_crc.to_le_bytes());
        for bytes in contents().chain(chunks()) {
            out.extend_from_slice(bytes);
        }
        Ok(out)
    }

    /// Parses a whole file; boxes and chunks borrow from `bytes`.
    ///
    /// All container checksums are verified. [`Frame::symbols_crc`] is not: it covers decoded integers.
    ///
    /// # Errors
    /// A [`ParseError`], whose variants say who must act. Every proper prefix of a valid file is
    /// [`ParseError::Truncated`].
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, ParseError> {
        let layout = Layout::take(bytes, limits)?;
        let mut cursor = Cursor::new(bytes);
        let head = cursor.take(layout.head_crc.offset as u64)?;
        cursor.u32()?;
        check_crc(layout.head_crc, crc32c(head), "a wrong header checksum")?;
        layout.check_alpha()?;

        let (have, need) = (bytes.len() as u64, layout.file_bytes());
        if have < need {
            return Err(ParseError::Truncated { have, need });
        }
        if have > need {
            return Err(ParseError::Damaged {
                what: "bytes after the end of the picture",
                offset: need,
            });
        }

        let mut boxes = Boxes::default();
        let mut boxes_crc = 0;
        for entry in &layout.boxes {
            let content = cursor.take(entry.len)?;
            boxes_crc = crc32c_append(boxes_crc, content);
            boxes.insert(entry.kind, content)?;
        }
        if let Some(stored) = layout.boxes_crc {
            check_crc(stored, boxes_crc, "a wrong checksum of the boxes")?;
        }

        let mut chunks = Vec::with_capacity(layout.chunks.len());
        let mut payload_crc = 0;
        for &len in &layout.chunks {
            let chunk = cursor.take(len)?;
            payload_crc = crc32c_append(payload_crc, chunk);
            chunks.push(Cow::Borrowed(chunk));
        }
        check_crc(
            layout.payload_crc,
            payload_crc,
            "a wrong checksum of the payload",
        )?;

        let frame = Frame {
            level: layout.level,
            symbols_crc: layout.symbols_crc,
            chunks,
        };
        Ok(Self {
            header: layout.header,
            boxes,
            frames: vec![frame],
        })
    }
}

/// An empty buffer with room for the file.
fn reserve<'b>(
    mut body: impl Iterator<Item = &'b [u8]>,
    chunks: usize,
) -> Result<Vec<u8>, WriteError> {
    // Room for the head is a guess, usually a little too much; a vector that has to grow after all is no harm.
    let head = chunks.saturating_mul(4).saturating_add(64);
    let bytes = body
        .try_fold(head, |sum, part| sum.checked_add(part.len()))
        .ok_or(WriteError::TooLarge)?;
    let mut out = Vec::new();
    out.try_reserve(bytes).map_err(|_| WriteError::TooLarge)?;
    Ok(out)
}

/// Checksum over parts as if they were one slice.
fn checksum<'b>(parts: impl Iterator<Item = &'b [u8]>) -> u32 {
    parts.fold(0, crc32c_append)
}

fn check_crc(stored: StoredCrc, computed: u32, what: &'static str) -> Result<(), ParseError> {
    if stored.value != computed {
        return Err(ParseError::Damaged {
            what,
            offset: stored.offset as u64,
        });
    }
    Ok(())
}
