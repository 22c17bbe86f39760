//! The fixed part of a file: what the picture is and which weights decode it.

use crate::cursor::Cursor;
use crate::error::{Feature, ParseError, WriteError};
use crate::fields::Fields;
use crate::limits::Limits;
use crate::sequence::Sequence;
use crate::source::Source;
use crate::varint;

/// The signature. Its first byte is no ASCII and no start of a UTF-8 sequence, so that text tools see a binary file.
pub const MAGIC: [u8; 4] = [0x9B, b'K', b'L', b'N'];

/// The version of the format that this crate reads and writes.
pub const VERSION: u8 = 1;

/// Largest width and height, in pixels.
pub const MAX_SIDE: u32 = 1 << 30;

/// As many bytes from the start of a file always suffice for [`peek`]; those of a still picture fit in 25.
pub const MAX_PEEK_BYTES: usize = 4 + 1 + 1 + 8 + 1 + 5 + 5 + 5 + 5 + 5;

const COLOR_RGB: u8 = 1 << 0;
const ALPHA_SHIFT: u32 = 1;
const ALPHA_MASK: u8 = 0b11 << ALPHA_SHIFT;
const DEPTH_SIXTEEN: u8 = 1 << 3;
const NOT_PORTABLE: u8 = 1 << 4;
const RESERVED: u8 = 1 << 5;
const SEQUENCE: u8 = 1 << 6;
const BOXES: u8 = 1 << 7;

/// Whether a picture has colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColorKind {
    /// One channel.
    Grey,
    /// Three channels: red, green, blue.
    Rgb,
}

/// What a file says about transparency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpha {
    /// The picture has no alpha channel.
    None,
    /// The picture has an alpha channel and it is fully opaque everywhere: no bytes are spent on it.
    Opaque,
    /// Every intra frame brings the alpha channel: [`Frame::alpha`](crate::Frame::alpha).
    Coded,
}

/// Bits per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Depth {
    /// Samples of 0 to 255.
    Eight,
    /// Samples of 0 to 65535.
    Sixteen,
}

/// What the picture is and what it takes to decode it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Number of the network architecture, from 1; the meaning is the codec's.
    pub architecture: u8,
    /// First eight bytes of the hash over the decoder set, the weights that decoding needs.
    pub decoder_set: [u8; 8],
    /// Width in pixels, 1 to [`MAX_SIDE`].
    pub width: u32,
    /// Height in pixels, 1 to [`MAX_SIDE`].
    pub height: u32,
    /// Grey or colour.
    pub color: ColorKind,
    /// State of the alpha channel.
    pub alpha: Alpha,
    /// Bits per sample.
    pub depth: Depth,
    /// Whether every machine decodes the same integers. A file that is not portable was coded with probabilities that
    /// come from floats: a machine whose arithmetic differs from the writer's may fail to decode it.
    pub portable: bool,
    /// What makes the file a sequence; `None` for a still picture.
    pub sequence: Option<Sequence>,
}

impl Header {
    /// Width times height; the limits on sides keep it below 2^61.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Number of frames, where it is known in advance: one in a still picture.
    pub fn frames(&self) -> Option<u32> {
        match self.sequence {
            Some(sequence) => sequence.frames.map(|frames| frames.get()),
            None => Some(1),
        }
    }

    /// Fails when no file can hold this header.
    pub(crate) fn validate(&self) -> Result<(), WriteError> {
        let fits = |side| (1..=MAX_SIDE).contains(&side);
        if !fits(self.width) || !fits(self.height) {
            return Err(WriteError::Size {
                width: self.width,
                height: self.height,
            });
        }
        if self.architecture == 0 {
            return Err(WriteError::Architecture);
        }
        Ok(())
    }

    /// Appends the header, which [`Header::validate`] has accepted.
    pub(crate) fn push(&self, out: &mut Vec<u8>, boxes: bool) {
        out.extend(MAGIC);
        out.push(VERSION);
        out.push(self.architecture);
        out.extend(self.decoder_set);
        out.push(self.format_byte(boxes));
        varint::push(out, self.width.into());
        varint::push(out, self.height.into());
        if let Some(sequence) = &self.sequence {
            sequence.push(out);
        }
    }

    /// Reads the header, holding sizes against the limits as they come, and stops before the number of boxes. Says
    /// besides whether that number follows.
    pub(crate) fn take<'a, S: Source<'a>>(
        fields: &mut Fields<S>,
        limits: &Limits,
    ) -> Result<(Self, bool), S::Error> {
        take_magic(fields)?;
        let unsupported = |what| Err(ParseError::Unsupported { what }.into());
        let version = fields.u8()?;
        if version != VERSION {
            return unsupported(Feature::Version(version));
        }
        let architecture = fields.u8()?;
        if architecture == 0 {
            return unsupported(Feature::Architecture(architecture));
        }
        let decoder_set = fields.array()?;
        let format = parse_format_byte(fields.u8()?)?;
        let mut header = Self {
            architecture,
            decoder_set,
            width: fields.varint_in(1..=MAX_SIDE, "a width outside 1 to 2^30")?,
            height: fields.varint_in(1..=MAX_SIDE, "a height outside 1 to 2^30")?,
            color: format.color,
            alpha: format.alpha,
            depth: format.depth,
            portable: format.portable,
            sequence: None,
        };
        limits.check_size(&header)?;
        if format.sequence {
            header.sequence = Some(Sequence::take(fields)?);
        }
        limits.check_frames(header.frames().unwrap_or(1).into())?;
        Ok((header, format.boxes))
    }

    fn format_byte(&self, boxes: bool) -> u8 {
        let color = match self.color {
            ColorKind::Grey => 0,
            ColorKind::Rgb => COLOR_RGB,
        };
        let alpha = match self.alpha {
            Alpha::None => 0,
            Alpha::Opaque => 1,
            Alpha::Coded => 2,
        };
        let depth = match self.depth {
            Depth::Eight => 0,
            Depth::Sixteen => DEPTH_SIXTEEN,
        };
        let flag = |bit: u8, set: bool| if set { bit } else { 0 };
        color
            | alpha << ALPHA_SHIFT
            | depth
            | flag(NOT_PORTABLE, !self.portable)
            | flag(SEQUENCE, self.sequence.is_some())
            | flag(BOXES, boxes)
    }
}

/// Reads the header alone, from a whole file or a prefix of [`MAX_PEEK_BYTES`].
///
/// The values are as they stand: no checksum is verified and no limit applied. Use it to show what a file says, or
/// to hold its size against limits ([`Limits::check_size`](crate::Limits::check_size)) before reading the rest.
///
/// # Errors
/// [`ParseError::NotKiln`], [`ParseError::Unsupported`] or [`ParseError::Damaged`] when the prefix is no header of
/// this version, [`ParseError::Truncated`] when it ends inside one.
pub fn peek(bytes: &[u8]) -> Result<Header, ParseError> {
    Ok(Header::take(&mut Fields::new(Cursor::new(bytes)), &Limits::NONE)?.0)
}

/// A short input that agrees with the signature as far as it goes is a truncated file, not a foreign one.
fn take_magic<'a, S: Source<'a>>(fields: &mut Fields<S>) -> Result<(), S::Error> {
    for expected in MAGIC {
        if fields.u8()? != expected {
            return Err(ParseError::NotKiln.into());
        }
    }
    Ok(())
}

/// What the format byte says.
#[derive(Clone, Copy, Debug)]
struct Format {
    color: ColorKind,
    alpha: Alpha,
    depth: Depth,
    portable: bool,
    sequence: bool,
    boxes: bool,
}

fn parse_format_byte(byte: u8) -> Result<Format, ParseError> {
    let unsupported = ParseError::Unsupported {
        what: Feature::FormatByte(byte),
    };
    if byte & RESERVED != 0 {
        return Err(unsupported);
    }
    let color = if byte & COLOR_RGB == 0 {
        ColorKind::Grey
    } else {
        ColorKind::Rgb
    };
    let alpha = match (byte & ALPHA_MASK) >> ALPHA_SHIFT {
        0 => Alpha::None,
        1 => Alpha::Opaque,
        2 => Alpha::Coded,
        _ => return Err(unsupported),
    };
    let depth = if byte & DEPTH_SIXTEEN == 0 {
        Depth::Eight
    } else {
        Depth::Sixteen
    };
    Ok(Format {
        color,
        alpha,
        depth,
        portable: byte & NOT_PORTABLE == 0,
        sequence: byte & SEQUENCE != 0,
        boxes: byte & BOXES != 0,
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;
    use crate::sequence::Rate;

    fn header() -> Header {
        Header {
            architecture: 1,
            decoder_set: *b"decoders",
            width: 768,
            height: 512,
            color: ColorKind::Rgb,
            alpha: Alpha::None,
            depth: Depth::Eight,
            portable: true,
            sequence: None,
        }
    }

    /// The sequence with the longest head.
    fn sequence() -> Sequence {
        let numerator = NonZero::<u32>::MAX;
        let denominator = NonZero::new(u32::MAX - 1).unwrap();
        Sequence {
            rate: Rate::new(numerator, denominator),
            frames: Some(NonZero::<u32>::MAX),
        }
    }

    fn encode(header: &Header) -> Vec<u8> {
        let mut out = Vec::new();
        header.push(&mut out, false);
        out
    }

    /// The header of [`header`] with the byte at `index` replaced.
    fn patched(index: usize, byte: u8) -> Result<Header, ParseError> {
        let mut bytes = encode(&header());
        bytes[index] = byte;
        peek(&bytes)
    }

    #[test]
    fn every_format_byte_has_one_meaning() {
        let mut accepted = 0;
        for byte in 0..=u8::MAX {
            let Ok(format) = parse_format_byte(byte) else {
                assert!(
                    byte & RESERVED != 0 || byte & ALPHA_MASK == ALPHA_MASK,
                    "{byte:#x}"
                );
                continue;
            };
            let written = Header {
                color: format.color,
                alpha: format.alpha,
                depth: format.depth,
                portable: format.portable,
                sequence: format.sequence.then(sequence),
                ..header()
            }
            .format_byte(format.boxes);
            assert_eq!(written, byte);
            accepted += 1;
        }
        // Two colour kinds, three alpha states, two depths, three flags.
        assert_eq!(accepted, 2 * 3 * 2 * 2 * 2 * 2);
    }

    #[test]
    fn largest_header_is_seen_through_the_smallest_sufficient_prefix() {
        for (sequence, len) in [(None, 25), (Some(sequence()), MAX_PEEK_BYTES)] {
            let header = Header {
                width: MAX_SIDE,
                height: MAX_SIDE,
                sequence,
                ..header()
            };
            let mut bytes = encode(&header);
            assert_eq!(bytes.len(), len);
            bytes.extend([0xFF; 3]);
            assert_eq!(peek(&bytes[..len]), Ok(header));
            assert_eq!(header.pixels(), 1 << 60);
            let have = len as u64 - 1;
            let short = ParseError::Truncated {
                have,
                need: have + 1,
            };
            assert_eq!(peek(&bytes[..len - 1]), Err(short));
        }
    }

    #[test]
    fn foreign_files_are_named_so_and_prefixes_of_the_signature_are_not() {
        for foreign in [&b"\x89PNG\r\n\x1a\n"[..], b"\x9BKLM", b"K", b"\xFF\xD8\xFF"] {
            assert_eq!(peek(foreign), Err(ParseError::NotKiln));
        }
        for len in 0..MAGIC.len() {
            let short = ParseError::Truncated {
                have: len as u64,
                need: len as u64 + 1,
            };
            assert_eq!(peek(&MAGIC[..len]), Err(short));
        }
    }

    #[test]
    fn unknown_versions_and_reserved_values_are_unsupported() {
        let unsupported = |what| Err(ParseError::Unsupported { what });
        assert_eq!(patched(4, 2), unsupported(Feature::Version(2)));
        assert_eq!(patched(5, 0), unsupported(Feature::Architecture(0)));
        assert_eq!(patched(14, 0x20), unsupported(Feature::FormatByte(0x20)));
        assert_eq!(
            patched(14, ALPHA_MASK),
            unsupported(Feature::FormatByte(ALPHA_MASK))
        );
    }

    #[test]
    fn sides_outside_the_range_are_damage() {
        let side = |width: u64, height: u64| {
            let mut bytes = encode(&header());
            bytes.truncate(15);
            varint::push(&mut bytes, width);
            varint::push(&mut bytes, height);
            peek(&bytes).map(|header| (header.width, header.height))
        };
        let too_large = u64::from(MAX_SIDE) + 1;
        assert_eq!(side(1, MAX_SIDE.into()), Ok((1, MAX_SIDE)));
        for (width, height, offset) in [
            (0, 1, 15),
            (too_large, 1, 15),
            (1, 0, 16),
            (1, too_large, 16),
            (1, 1 << 40, 16),
        ] {
            let error = side(width, height).unwrap_err();
            assert!(
                matches!(error, ParseError::Damaged { offset: at, .. } if at == offset),
                "{error}"
            );
        }
    }
}
