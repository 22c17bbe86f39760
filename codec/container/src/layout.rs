//! Where everything in a file is: one walk over its fields, shared by the parser and by the resealing of damage tests.

use crate::boxes::BOX_ALPHA;
use crate::cursor::Cursor;
use crate::error::{Feature, ParseError};
use crate::frame::{expected_chunks, take_level};
use crate::header::{Alpha, FORMAT_BYTE_OFFSET, Header};
use crate::limits::Limits;
use crate::varint;

/// Bytes of a stored checksum.
pub(crate) const CRC_BYTES: usize = 4;

/// A stored checksum and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredCrc {
    /// Where it is stored, in bytes from the start of the file.
    pub(crate) offset: usize,
    /// Its value.
    pub(crate) value: u32,
}

/// An entry of the box directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoxEntry {
    /// Where the entry is stored.
    pub(crate) offset: u64,
    /// The type.
    pub(crate) kind: u8,
    /// Length of the content in bytes, at least 1.
    pub(crate) len: u64,
}

/// The head of a file, as it is written: the walk believes no value beyond what it takes to go on.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) header: Header,
    /// Boxes in order of type, and the checksum over their contents; absent when there is no box.
    pub(crate) boxes: Vec<BoxEntry>,
    pub(crate) boxes_crc: Option<StoredCrc>,
    pub(crate) level: u8,
    pub(crate) symbols_crc: u32,
    pub(crate) payload_crc: StoredCrc,
    /// Length of each chunk in bytes.
    pub(crate) chunks: Vec<u64>,
    /// The checksum over everything before it; the body begins right after it.
    pub(crate) head_crc: StoredCrc,
    /// Bytes of all boxes together.
    pub(crate) box_bytes: u64,
    /// Bytes of all chunks together.
    pub(crate) payload_bytes: u64,
}

impl Layout {
    /// Walks over the head. Checksums are not verified.
    ///
    /// Nothing is allocated before the limits have been checked, and the lists never have more entries than the
    /// input has bytes.
    pub(crate) fn take(bytes: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(bytes);
        let (header, announced) = Header::take(&mut cursor)?;
        limits.check_size(&header)?;
        take_frame_count(&mut cursor, announced.sequence, limits)?;

        let (boxes, box_bytes) = if announced.boxes {
            take_directory(&mut cursor, limits)?
        } else {
            (Vec::new(), 0)
        };
        let boxes_crc = if announced.boxes {
            Some(take_crc(&mut cursor)?)
        } else {
            None
        };

        let level = take_level(&mut cursor)?;
        let symbols_crc = cursor.u32()?;
        let payload_crc = take_crc(&mut cursor)?;
        let (chunks, payload_bytes) = take_chunk_lengths(&mut cursor, &header)?;
        let head_crc = take_crc(&mut cursor)?;

        Ok(Self {
            header,
            boxes,
            boxes_crc,
            level,
            symbols_crc,
            payload_crc,
            chunks,
            head_crc,
            box_bytes,
            payload_bytes,
        })
    }

    /// Where the body, boxes and payload, begins.
    pub(crate) fn body_offset(&self) -> usize {
        self.head_crc.offset + CRC_BYTES
    }

    /// Length of the whole file. Saturation stands for a length that no file has.
    pub(crate) fn file_bytes(&self) -> u64 {
        (self.body_offset() as u64)
            .saturating_add(self.box_bytes)
            .saturating_add(self.payload_bytes)
    }

    /// Checks that the alpha box is there exactly when the format byte says so.
    pub(crate) fn check_alpha(&self) -> Result<(), ParseError> {
        let alpha_box = self.boxes.iter().find(|entry| entry.kind == BOX_ALPHA);
        let (what, offset) = match (self.header.alpha, alpha_box) {
            (Alpha::Coded, None) => (
                "a claim of coded alpha without an alpha box",
                FORMAT_BYTE_OFFSET,
            ),
            (Alpha::None | Alpha::Opaque, Some(entry)) => {
                ("an alpha box that the format byte denies", entry.offset)
            }
            _ => return Ok(()),
        };
        Err(ParseError::Damaged { what, offset })
    }
}

fn take_crc(cursor: &mut Cursor<'_>) -> Result<StoredCrc, ParseError> {
    let offset = cursor.offset();
    Ok(StoredCrc {
        offset,
        value: cursor.u32()?,
    })
}

/// A single frame has no count: the flag that announces one is its only encoding for more.
fn take_frame_count(
    cursor: &mut Cursor<'_>,
    sequence: bool,
    limits: &Limits,
) -> Result<(), ParseError> {
    let offset = cursor.position();
    let frames = if sequence { varint::take(cursor)? } else { 1 };
    if sequence && frames < 2 {
        return Err(ParseError::Damaged {
            what: "a sequence of fewer than two frames",
            offset,
        });
    }
    limits.check_frames(frames)?;
    if frames > 1 {
        return Err(ParseError::Unsupported {
            what: Feature::Sequence(frames),
        });
    }
    Ok(())
}

/// Reads the box directory and the number of bytes that it announces.
fn take_directory(
    cursor: &mut Cursor<'_>,
    limits: &Limits,
) -> Result<(Vec<BoxEntry>, u64), ParseError> {
    let offset = cursor.position();
    let count = varint::take(cursor)?;
    if count == 0 {
        return Err(ParseError::Damaged {
            what: "an empty box directory",
            offset,
        });
    }
    let mut boxes: Vec<BoxEntry> = Vec::new();
    let mut total = 0_u64;
    // Types are bytes and increase, so that a large count ends the loop with an error after 256 entries.
    for _ in 0..count {
        let offset = cursor.position();
        let kind = cursor.u8()?;
        if boxes.last().is_some_and(|previous| previous.kind >= kind) {
            return Err(ParseError::Damaged {
                what: "a box type that repeats or is out of order",
                offset,
            });
        }
        let len = varint::take(cursor)?;
        if len == 0 {
            return Err(ParseError::Damaged {
                what: "an empty box",
                offset,
            });
        }
        total = total.saturating_add(len);
        limits.check_box_bytes(total)?;
        boxes.push(BoxEntry { offset, kind, len });
    }
    Ok((boxes, total))
}

/// Reads the length of each chunk and their sum.
fn take_chunk_lengths(
    cursor: &mut Cursor<'_>,
    header: &Header,
) -> Result<(Vec<u64>, u64), ParseError> {
    let count = expected_chunks(header.width, header.height);
    // Each length takes a byte at least, so that the list cannot outgrow the input.
    cursor.require(u64::from(count) + CRC_BYTES as u64)?;
    let mut chunks = Vec::with_capacity(count as usize);
    let mut total = 0_u64;
    for _ in 0..count {
        let len = varint::take(cursor)?;
        total = total.saturating_add(len);
        chunks.push(len);
    }
    Ok((chunks, total))
}
