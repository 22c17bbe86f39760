//! Optional parts of a file: metadata, alpha, and what later writers may add.

use std::borrow::Cow;

use crate::error::{Feature, ParseError, WriteError};
use crate::header::Alpha;

/// Set in the type of a box that a reader may skip when it does not know it.
pub const ANCILLARY: u8 = 0x80;

/// The alpha channel, a greyscale PNG file.
pub const BOX_ALPHA: u8 = 0x01;
/// An ICC profile. Skipping it would change colours, so it is not ancillary.
pub const BOX_ICC: u8 = 0x02;
/// An EXIF block: a TIFF structure, without the `Exif\0\0` that JPEG puts in front.
pub const BOX_EXIF: u8 = ANCILLARY;
/// An XMP packet in UTF-8.
pub const BOX_XMP: u8 = ANCILLARY + 1;

/// The first type that has no field in [`Boxes`] and may be skipped.
const FIRST_OTHER: u8 = BOX_XMP + 1;

/// The optional parts of a file. None of them is ever empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boxes<'a> {
    /// An ICC profile.
    pub icc: Option<Cow<'a, [u8]>>,
    /// An EXIF block: a TIFF structure, without the `Exif\0\0` that JPEG puts in front.
    pub exif: Option<Cow<'a, [u8]>>,
    /// An XMP packet in UTF-8.
    pub xmp: Option<Cow<'a, [u8]>>,
    /// The alpha channel as a greyscale PNG file: present exactly when the header says [`Alpha::Coded`].
    pub alpha: Option<Cow<'a, [u8]>>,
    /// Ancillary boxes that this version does not know, in strictly increasing order of type.
    pub other: Vec<OtherBox<'a>>,
}

/// A box that this version does not know and that may be skipped or carried along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherBox<'a> {
    /// The type: [`ANCILLARY`] is set, and it is above all types with a field in [`Boxes`].
    pub kind: u8,
    /// The content, at least one byte.
    pub bytes: Cow<'a, [u8]>,
}

/// The name of a box type that this version knows, for people to read.
pub fn box_name(kind: u8) -> Option<&'static str> {
    match kind {
        BOX_ALPHA => Some("alpha"),
        BOX_ICC => Some("ICC"),
        BOX_EXIF => Some("EXIF"),
        BOX_XMP => Some("XMP"),
        _ => None,
    }
}

impl<'a> Boxes<'a> {
    /// All boxes as (type, content), in the order of the file: by increasing type.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let known = [
            (BOX_ALPHA, &self.alpha),
            (BOX_ICC, &self.icc),
            (BOX_EXIF, &self.exif),
            (BOX_XMP, &self.xmp),
        ];
        let known = known
            .into_iter()
            .filter_map(|(kind, bytes)| Some((kind, bytes.as_deref()?)));
        known.chain(self.other.iter().map(|other| (other.kind, &*other.bytes)))
    }

    /// Whether there is no box at all.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Adds a box that was read. The layout has made sure that types increase and that no box is empty.
    pub(crate) fn insert(&mut self, kind: u8, bytes: &'a [u8]) -> Result<(), ParseError> {
        let bytes = Cow::Borrowed(bytes);
        match kind {
            BOX_ALPHA => self.alpha = Some(bytes),
            BOX_ICC => self.icc = Some(bytes),
            BOX_EXIF => self.exif = Some(bytes),
            BOX_XMP => self.xmp = Some(bytes),
            FIRST_OTHER.. => self.other.push(OtherBox { kind, bytes }),
            _ => {
                return Err(ParseError::Unsupported {
                    what: Feature::Box(kind),
                });
            }
        }
        Ok(())
    }

    /// Fails when no file can hold these boxes beside a header with this alpha state.
    pub(crate) fn validate(&self, alpha: Alpha) -> Result<(), WriteError> {
        match (alpha, &self.alpha) {
            (Alpha::Coded, None) => return Err(WriteError::MissingAlpha),
            (Alpha::None | Alpha::Opaque, Some(_)) => return Err(WriteError::UnexpectedAlpha),
            _ => {}
        }
        if let Some((kind, _)) = self.iter().find(|(_, bytes)| bytes.is_empty()) {
            return Err(WriteError::EmptyBox { kind });
        }
        if let Some(other) = self.other.iter().find(|other| other.kind < FIRST_OTHER) {
            return Err(WriteError::BoxType { kind: other.kind });
        }
        match self
            .other
            .windows(2)
            .find(|pair| pair[0].kind >= pair[1].kind)
        {
            Some(pair) => Err(WriteError::BoxOrder { kind: pair[1].kind }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_with_a_field_come_first_and_in_order() {
        let bytes = || Some(Cow::Borrowed(&b"x"[..]));
        let other = [FIRST_OTHER, 0xFF].map(|kind| OtherBox {
            kind,
            bytes: Cow::Borrowed(b"y"),
        });
        let boxes = Boxes {
            icc: bytes(),
            exif: bytes(),
            xmp: bytes(),
            alpha: bytes(),
            other: other.to_vec(),
        };
        let kinds: Vec<u8> = boxes.iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [0x01, 0x02, 0x80, 0x81, 0x82, 0xFF]);
        assert!(kinds.is_sorted());
        assert!(!boxes.is_empty() && Boxes::default().is_empty());
    }

    #[test]
    fn known_types_have_names() {
        let named: Vec<u8> = (0..=u8::MAX)
            .filter(|&kind| box_name(kind).is_some())
            .collect();
        assert_eq!(named, [BOX_ALPHA, BOX_ICC, BOX_EXIF, BOX_XMP]);
    }

    #[test]
    fn unknown_types_are_kept_when_ancillary_and_refused_otherwise() {
        for kind in 0..=u8::MAX {
            let mut boxes = Boxes::default();
            let inserted = boxes.insert(kind, b"x");
            if kind & ANCILLARY == 0 && box_name(kind).is_none() {
                assert_eq!(
                    inserted,
                    Err(ParseError::Unsupported {
                        what: Feature::Box(kind)
                    })
                );
            } else {
                assert_eq!(inserted, Ok(()));
                assert_eq!(boxes.iter().collect::<Vec<_>>(), [(kind, &b"x"[..])]);
            }
        }
    }
}
