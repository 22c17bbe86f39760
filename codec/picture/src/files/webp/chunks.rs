//! The chunks of a WebP file, as libwebp goes through them.

use super::damaged;
use crate::PictureError;
use crate::parts::{push_name, shown};

/// Bytes before the first chunk: `RIFF`, length, `WEBP`.
pub(super) const RIFF_HEADER: usize = 12;

pub(super) const FLAG_ALPHA: u8 = 1 << 4;
const FLAG_ANIMATION: u8 = 1 << 1;

/// The name of a lossy picture.
const LOSSY: [u8; 4] = *b"VP8 ";

/// Bytes of a frame before its chunks: position, size, duration and flags.
const FRAME_HEADER: usize = 16;

/// What the chunks of a file say.
#[derive(Default)]
pub(super) struct Chunks<'a> {
    /// Width and height of the extended header.
    pub(super) canvas: Option<(usize, usize)>,
    /// The picture, unless this is an animation.
    pub(super) still: Still<'a>,
    pub(super) is_animation: bool,
    /// The contents of the chunks `ANMF`.
    pub(super) frames: Vec<&'a [u8]>,
    pub(super) icc: Option<&'a [u8]>,
    pub(super) exif: Option<&'a [u8]>,
    pub(super) xmp: Option<&'a [u8]>,
    /// Names of what has no place in a kiln file.
    pub(super) left_out: Vec<String>,
    /// Where the file ends by its own account.
    pub(super) end: usize,
}

/// The chunks that make a picture.
#[derive(Clone, Copy, Default)]
pub(super) struct Still<'a> {
    /// Name and content of the picture.
    pub(super) picture: Option<([u8; 4], &'a [u8])>,
    /// Alpha that stands in front of a lossy picture.
    pub(super) alpha: Option<&'a [u8]>,
}

/// A frame of an animation: where it lies, and its picture.
pub(super) struct Frame<'a> {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) still: Still<'a>,
}

impl<'a> Chunks<'a> {
    pub(super) fn scan(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let length = little_endian(bytes, 4, 4).ok_or_else(cut_short)?;
        let end = 8usize.saturating_add(length);
        let mut rest = bytes.get(RIFF_HEADER..end).ok_or_else(cut_short)?;
        let mut chunks = Self {
            end: end + (end & 1),
            ..Self::default()
        };
        chunks.end = chunks.end.min(bytes.len());
        let mut is_first = true;
        while rest.len() >= 8 {
            let (name, data, after) = take_chunk(rest)?;
            chunks.take(name, data, is_first)?;
            is_first = false;
            rest = after;
        }
        Ok(chunks)
    }

    fn take(&mut self, name: [u8; 4], data: &'a [u8], is_first: bool) -> Result<(), PictureError> {
        match &name {
            b"VP8X" if is_first => {
                let flags = data.first().copied().unwrap_or(0);
                self.is_animation = flags & FLAG_ANIMATION != 0;
                self.canvas = Some(extended_size(data).ok_or_else(cut_short)?);
            }
            b"VP8 " | b"VP8L" | b"ALPH" if self.canvas.is_some() || is_first => {
                if !self.still.take(name, data) {
                    self.leave_out("a second picture");
                }
            }
            b"VP8 " | b"VP8L" | b"ALPH" => self.leave_out("a second picture"),
            b"ANMF" => self.frames.push(data),
            // Background and loops of an animation.
            b"ANIM" => {}
            b"ICCP" => take_first(&mut self.icc, data),
            b"EXIF" => take_first(&mut self.exif, data),
            b"XMP " => take_first(&mut self.xmp, data),
            _ => {
                let name = String::from_utf8_lossy(&name);
                self.leave_out(&format!("the chunk {}", shown(name.trim_end())));
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, what: &str) {
        push_name(&mut self.left_out, what);
    }
}

impl<'a> Still<'a> {
    /// Takes the first picture, and the last alpha in front of it; `false` for all others.
    fn take(&mut self, name: [u8; 4], data: &'a [u8]) -> bool {
        match (&name, self.picture) {
            (_, Some(_)) => return false,
            (b"ALPH", None) => self.alpha = Some(data),
            (_, None) => self.picture = Some((name, data)),
        }
        true
    }

    /// Width and height that the picture itself states.
    pub(super) fn size(&self) -> Result<(usize, usize), PictureError> {
        let size = match self.picture {
            Some((LOSSY, data)) => lossy_size(data),
            Some((_, data)) => lossless_size(data),
            None => return Err(damaged("there is no picture in it")),
        };
        size.filter(|&(width, height)| width > 0 && height > 0)
            .ok_or_else(cut_short)
    }

    /// A file with this picture alone, so that the decoder sees no chunk that it could stumble over.
    pub(super) fn file(&self) -> Result<Vec<u8>, PictureError> {
        let (width, height) = self.size()?;
        let (name, data) = self
            .picture
            .ok_or_else(|| damaged("there is no picture in it"))?;
        let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
        out.try_reserve_exact(data.len())?;
        let too_large = || damaged("it is over 4 GiB");
        // A lossless picture has alpha of its own.
        if let Some(alpha) = self.alpha.filter(|_| name == LOSSY) {
            let mut extended = vec![FLAG_ALPHA, 0, 0, 0];
            extended.extend(&(width as u32 - 1).to_le_bytes()[..3]);
            extended.extend(&(height as u32 - 1).to_le_bytes()[..3]);
            push_chunk(&mut out, b"VP8X", &extended).ok_or_else(too_large)?;
            push_chunk(&mut out, b"ALPH", alpha).ok_or_else(too_large)?;
        }
        push_chunk(&mut out, &name, data).ok_or_else(too_large)?;
        let length = u32::try_from(out.len() - 8).map_err(|_| too_large())?;
        out[4..8].copy_from_slice(&length.to_le_bytes());
        Ok(out)
    }
}

impl<'a> Frame<'a> {
    /// Reads the content of a chunk `ANMF`.
    pub(super) fn read(data: &'a [u8]) -> Result<Self, PictureError> {
        let number = |at| little_endian(data, at, 3).ok_or_else(cut_short);
        let mut still = Still::default();
        let mut rest = data.get(FRAME_HEADER..).ok_or_else(cut_short)?;
        while rest.len() >= 8 {
            let (name, data, after) = take_chunk(rest)?;
            if matches!(&name, b"VP8 " | b"VP8L" | b"ALPH") {
                still.take(name, data);
            }
            rest = after;
        }
        let frame = Self {
            x: number(0)? * 2,
            y: number(3)? * 2,
            width: number(6)? + 1,
            height: number(9)? + 1,
            still,
        };
        if frame.still.size()? != (frame.width, frame.height) {
            return Err(damaged("a frame is not of the size that its header says"));
        }
        Ok(frame)
    }
}

fn cut_short() -> PictureError {
    damaged("it was cut short")
}

/// Name and content of a chunk, and what follows it.
type Chunk<'a> = ([u8; 4], &'a [u8], &'a [u8]);

/// Name and content of the first chunk, and what follows it. Chunks start at even positions; the last one may lack its
/// padding.
fn take_chunk(bytes: &[u8]) -> Result<Chunk<'_>, PictureError> {
    let (name, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut_short)?;
    let length = little_endian(rest, 0, 4).ok_or_else(cut_short)?;
    let data = rest[4..].get(..length).ok_or_else(cut_short)?;
    let after = rest.get(4 + length + (length & 1)..).unwrap_or_default();
    Ok((*name, data, after))
}

fn take_first<'a>(place: &mut Option<&'a [u8]>, data: &'a [u8]) {
    place.get_or_insert(data);
}

/// Appends a chunk; `None` if it is over 4 GiB.
pub(super) fn push_chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) -> Option<()> {
    let length = u32::try_from(data.len()).ok()?;
    out.extend(name);
    out.extend(length.to_le_bytes());
    out.extend(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
    Some(())
}

/// An unsigned number of `length` bytes at `at`.
fn little_endian(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let number = bytes.get(at..at + length)?;
    Some(
        number
            .iter()
            .rfold(0, |sum, &byte| sum << 8 | usize::from(byte)),
    )
}

fn extended_size(data: &[u8]) -> Option<(usize, usize)> {
    Some((
        little_endian(data, 4, 3)? + 1,
        little_endian(data, 7, 3)? + 1,
    ))
}

fn lossy_size(data: &[u8]) -> Option<(usize, usize)> {
    // The upper two bits ask for scaling after decoding, which nobody does.
    let side = |at| Some(little_endian(data, at, 2)? & 0x3FFF);
    Some((side(6)?, side(8)?))
}

fn lossless_size(data: &[u8]) -> Option<(usize, usize)> {
    let bits = little_endian(data, 1, 4)?;
    Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
}
