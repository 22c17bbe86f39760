//! The segments of a JPEG file: which of the decoders may see it, and what travels beside its pixels.

use super::damaged;
use super::frame::Frame;
use crate::PictureError;
use crate::parts::push_name;

pub(super) const EXIF_PREFIX: &[u8] = b"Exif\0\0";
pub(super) const XMP_PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
pub(super) const EXTENSION_PREFIX: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
pub(super) const ICC_PREFIX: &[u8] = b"ICC_PROFILE\0";
pub(super) const PHOTOSHOP_PREFIX: &[u8] = b"Photoshop 3.0\0";

pub(super) const SOI: u8 = 0xD8;
pub(super) const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DNL: u8 = 0xDC;
const DHP: u8 = 0xDE;
pub(super) const APP0: u8 = 0xE0;
pub(super) const APP1: u8 = 0xE1;
pub(super) const APP2: u8 = 0xE2;
const APP3: u8 = 0xE3;
const APP12: u8 = 0xEC;
pub(super) const APP13: u8 = 0xED;
pub(super) const APP14: u8 = 0xEE;
const APP15: u8 = 0xEF;
pub(super) const COM: u8 = 0xFE;

/// What the markers of a file say.
#[derive(Default)]
pub(super) struct Segments<'a> {
    pub(super) frame: Option<Frame>,
    /// Number of components of each scan.
    pub(super) scans: Vec<u8>,
    /// Where the end-of-image marker ends; `None` if the file ends without one.
    pub(super) end: Option<usize>,
    /// Bytes that the decoder may see: without a segment that is cut short.
    pub(super) whole: usize,
    /// The JFIF header: unit, horizontal and vertical density.
    pub(super) jfif: Option<[u8; 5]>,
    /// The colour transform that Adobe's segment names.
    pub(super) adobe: Option<u8>,
    /// EXIF blocks, empty ones too.
    pub(super) exif: Vec<&'a [u8]>,
    /// XMP packets.
    pub(super) xmp: Vec<&'a [u8]>,
    /// Parts of extended XMP: identifier, length of the whole and offset of the part, bytes.
    pub(super) extensions: Vec<&'a [u8]>,
    /// Parts of the colour profile: number from 1, count, bytes.
    pub(super) icc: Vec<(u8, u8, &'a [u8])>,
    /// Photoshop's image resources, which may be split anywhere.
    pub(super) photoshop: Vec<u8>,
    pub(super) comments: Vec<&'a [u8]>,
    /// What has no place in a kiln file.
    pub(super) left_out: Vec<String>,
}

impl<'a> Segments<'a> {
    /// Walks the markers up to the end of the picture. What is missing at the end of a file is left to the decoder if
    /// there is something to decode before it.
    pub(super) fn scan(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let mut segments = Self::default();
        let mut rest = bytes;
        loop {
            let Some((marker, after)) = next_marker(rest) else {
                segments.whole = bytes.len();
                return segments.without_end("it ends before its end-of-image marker");
            };
            rest = after;
            match marker {
                EOI if segments.scans.is_empty() => {
                    return Err(damaged("there is no picture in it"));
                }
                EOI => {
                    segments.whole = bytes.len() - rest.len();
                    segments.end = Some(segments.whole);
                    return Ok(segments);
                }
                // Without a length: start of image and the marker for private use.
                SOI | 0x01 => continue,
                _ => {}
            }
            let Some(payload) = payload(rest) else {
                segments.whole = bytes.len() - rest.len() - 2;
                return segments.without_end("a segment is cut short");
            };
            rest = &rest[2 + payload.len()..];
            segments.take(marker, payload)?;
        }
    }

    fn without_end(self, reason: &str) -> Result<Self, PictureError> {
        match self.scans.is_empty() {
            true => Err(damaged(format_args!("{reason}; it was cut short"))),
            false => Ok(self),
        }
    }

    fn take(&mut self, marker: u8, payload: &'a [u8]) -> Result<(), PictureError> {
        match marker {
            SOS => self.scans.push(payload.first().copied().unwrap_or(0)),
            DHP => return Err(unsupported("hierarchical JPEG")),
            DNL if self.frame.as_ref().is_some_and(|frame| frame.height == 0) => {
                return Err(unsupported("JPEG whose height stands behind its pixels"));
            }
            // All start-of-frame markers; C4, C8 and CC among them mean something else.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                let frame = Frame::read(marker, payload)?;
                self.frame.get_or_insert(frame);
            }
            APP0 => self.take_app0(payload),
            APP1 => self.take_app1(payload),
            APP2 => self.take_app2(payload),
            APP13 => match payload.strip_prefix(PHOTOSHOP_PREFIX) {
                Some(resources) => self.photoshop.extend(resources),
                None => self.leave_out(marker, payload),
            },
            APP14 => match payload {
                [
                    b'A',
                    b'd',
                    b'o',
                    b'b',
                    b'e',
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    transform,
                    ..,
                ] => {
                    self.adobe = Some(*transform);
                }
                _ => self.leave_out(marker, payload),
            },
            APP3..=APP12 | APP15 => self.leave_out(marker, payload),
            COM => self.comments.push(payload),
            _ => {}
        }
        Ok(())
    }

    fn take_app0(&mut self, payload: &'a [u8]) {
        match payload {
            [b'J', b'F', b'I', b'F', 0, _, _, density @ ..] => {
                let density = density.first_chunk::<5>().copied();
                self.jfif = self.jfif.or(density);
            }
            // A thumbnail: nothing that the picture does not say.
            [b'J', b'F', b'X', b'X', 0, ..] => {}
            _ => self.leave_out(APP0, payload),
        }
    }

    fn take_app1(&mut self, payload: &'a [u8]) {
        if let Some(exif) = payload.strip_prefix(EXIF_PREFIX) {
            self.exif.push(exif);
        } else if let Some(xmp) = payload.strip_prefix(XMP_PREFIX) {
            self.xmp.push(xmp);
        } else if let Some(part) = payload.strip_prefix(EXTENSION_PREFIX) {
            self.extensions.push(part);
        } else {
            self.leave_out(APP1, payload);
        }
    }

    fn take_app2(&mut self, payload: &'a [u8]) {
        if let Some([number, count, part @ ..]) = payload.strip_prefix(ICC_PREFIX) {
            self.icc.push((*number, *count, part));
        } else if payload.starts_with(b"MPF\0") {
            self.leave_out_once("further pictures (MPF)");
        } else if payload.starts_with(b"urn:iso:std:iso:ts:21496:-1\0") {
            self.leave_out_once("a gain map");
        } else {
            self.leave_out(APP2, payload);
        }
    }

    /// Names a segment by its number, and by the word that it begins with.
    fn leave_out(&mut self, marker: u8, payload: &[u8]) {
        let word: String = payload
            .iter()
            .take_while(|byte| byte.is_ascii_graphic())
            .map(|&byte| char::from(byte))
            .take(32)
            .collect();
        let number = marker - APP0;
        self.leave_out_once(&match word.len() {
            0..=1 => format!("the segment APP{number}"),
            _ => format!("the segment APP{number} ({word})"),
        });
    }

    pub(super) fn leave_out_once(&mut self, what: &str) {
        push_name(&mut self.left_out, what);
    }
}

pub(super) fn unsupported(what: &str) -> PictureError {
    PictureError::Unsupported(format!("{what} is not supported"))
}

/// The next marker and what follows it. Entropy-coded data, restart markers and fill bytes are passed over.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.iter().position(|&byte| byte == 0xFF)?;
        bytes = &bytes[at + 1..];
        match bytes {
            [0x00 | 0xFF | 0xD0..=0xD7, ..] => {}
            [marker, after @ ..] => return Some((*marker, after)),
            [] => return None,
        }
    }
}

/// The bytes of the segment whose length field `bytes` starts with.
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes(*bytes.first_chunk::<2>()?));
    bytes.get(2..length)
}
