//! The record that ends a sequence: how many frames there were, and where decoding can start.

use crc32c::crc32c;

use crate::error::damaged;
use crate::fields::Fields;
use crate::limits::Limits;
use crate::source::Source;
use crate::varint;

/// First byte of the end record.
pub(crate) const END: u8 = 0xC0;

/// Bytes that end the end record, whatever is in it: its offset and its checksum.
pub(crate) const TAIL_BYTES: u64 = 8 + 4;

/// A frame at which decoding can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrame {
    /// Number of the frame; the first frame has number 0.
    pub number: u32,
    /// Where the record of the frame begins, in bytes from the start of the file.
    pub offset: u64,
}

/// The frames of a sequence and where its intra frames lie: what the end record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    frames: u32,
    key_frames: Vec<KeyFrame>,
}

impl Index {
    /// The index of no frames yet.
    pub(crate) fn new() -> Self {
        Self {
            frames: 0,
            key_frames: Vec::new(),
        }
    }

    /// Number of frames.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// The intra frames, in the order of the file. The first one is frame 0.
    pub fn key_frames(&self) -> &[KeyFrame] {
        &self.key_frames
    }

    /// Adds a frame whose record begins at `offset`; the caller has made sure that the number of frames still fits.
    pub(crate) fn push(&mut self, offset: u64, intra: bool) {
        let number = self.frames;
        if intra {
            self.key_frames.push(KeyFrame { number, offset });
        }
        self.frames = number.saturating_add(1);
    }

    /// The last key frame up to frame `number`, and what the index was before that key frame was added. `None` when
    /// there is no key frame at all.
    pub(crate) fn before(&self, number: u32) -> Option<(Self, KeyFrame)> {
        let count = self.key_frames.partition_point(|key| key.number <= number);
        let (&key, earlier) = self.key_frames.get(..count)?.split_last()?;
        let index = Self {
            frames: key.number,
            key_frames: earlier.to_vec(),
        };
        Some((index, key))
    }

    /// The end record, if it begins at `offset`.
    pub(crate) fn record(&self, offset: u64) -> Vec<u8> {
        let mut out = vec![END];
        varint::push(&mut out, self.frames.into());
        varint::push(&mut out, self.key_frames.len() as u64);
        let mut last = KeyFrame {
            number: 0,
            offset: 0,
        };
        for &key in &self.key_frames {
            // Numbers and offsets grow from key frame to key frame.
            varint::push(&mut out, u64::from(key.number.saturating_sub(last.number)));
            varint::push(&mut out, key.offset.saturating_sub(last.offset));
            last = key;
        }
        out.extend(offset.to_le_bytes());
        let crc = crc32c(&out);
        out.extend(crc.to_le_bytes());
        out
    }

    /// Reads the end record after its first byte, which is at `offset`, and verifies its checksum.
    pub(crate) fn take<'a, S: Source<'a>>(
        fields: &mut Fields<S>,
        offset: u64,
        limits: &Limits,
    ) -> Result<Self, S::Error> {
        let frames = fields.varint_in(1..=u32::MAX, "a number of frames outside 1 to 2^32 - 1")?;
        limits.check_frames(frames.into())?;
        let count = fields.varint_in(
            1..=frames,
            "a number of key frames outside 1 to that of frames",
        )?;
        let mut key_frames: Vec<KeyFrame> = Vec::new();
        for _ in 0..count {
            let at = fields.position();
            let (number, key_offset) = (fields.varint()?, fields.varint()?);
            let next = match key_frames.last() {
                // Frame 0 is a key frame.
                None => (number == 0).then_some((0, key_offset)),
                Some(last) => follow(last, number, key_offset),
            };
            match next {
                Some((number, key_offset)) if number < frames && key_offset < offset => {
                    key_frames.push(KeyFrame {
                        number,
                        offset: key_offset,
                    });
                }
                _ => return damaged("a key frame that cannot be there", at),
            }
        }
        let at = fields.position();
        if fields.u64()? != offset {
            return damaged("a wrong offset of the end record", at);
        }
        fields.end_part("a wrong checksum of the end record")?;
        Ok(Self { frames, key_frames })
    }
}

/// Number and offset of the key frame that comes so many frames and bytes, both more than 0, after another.
fn follow(last: &KeyFrame, frames: u64, bytes: u64) -> Option<(u32, u64)> {
    if frames == 0 || bytes == 0 {
        return None;
    }
    let number = last.number.checked_add(u32::try_from(frames).ok()?)?;
    Some((number, last.offset.checked_add(bytes)?))
}
