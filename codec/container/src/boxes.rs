//! Optional parts of a file: metadata, colour, and what later writers may add.

use std::borrow::Cow;

use crc32c::{crc32c, crc32c_append};

use crate::error::{Feature, ParseError, WriteError, damaged};
use crate::fields::Fields;
use crate::limits::Limits;
use crate::source::Source;
use crate::varint;

/// Set in the type of a box that a reader may skip when it does not know it.
pub const ANCILLARY: u8 = 0x80;

/// What samples mean as colours, by code points of ITU-T H.273.
pub const BOX_CICP: u8 = 0x01;
/// An ICC profile. Skipping it would change colours, so it is not ancillary.
pub const BOX_ICC: u8 = 0x02;
/// The exponent of the transfer function.
pub const BOX_GAMMA: u8 = 0x03;
/// The chromaticities of white and of the primaries.
pub const BOX_CHROMATICITIES: u8 = 0x04;
/// An EXIF block: a TIFF structure, without the `Exif\0\0` that JPEG puts in front.
pub const BOX_EXIF: u8 = ANCILLARY;
/// An XMP packet in UTF-8.
pub const BOX_XMP: u8 = 0x81;
/// The part of XMP that does not fit in one packet of a JPEG file.
pub const BOX_EXTENDED_XMP: u8 = 0x82;
/// IPTC data sets.
pub const BOX_IPTC: u8 = 0x83;
/// Pixels per metre, or the shape of a pixel.
pub const BOX_DENSITY: u8 = 0x84;
/// Texts with keywords.
pub const BOX_TEXT: u8 = 0x85;
/// Name of the device whose arithmetic the file depends on.
pub const BOX_DEVICE: u8 = 0x86;

/// The first type that has no field in [`Boxes`] and may be skipped.
const FIRST_OTHER: u8 = BOX_DEVICE + 1;

/// Longest name of a device, in bytes.
pub const MAX_DEVICE_BYTES: usize = 255;

/// The optional parts of a file. None of them is ever empty; `FORMAT.md` says what each holds. Of the contents only
/// lengths are looked at, and the name of the device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boxes<'a> {
    /// Colour primaries, transfer characteristics, matrix coefficients and range: code points of ITU-T H.273.
    pub cicp: Option<[u8; 4]>,
    /// An ICC profile.
    pub icc: Option<Cow<'a, [u8]>>,
    /// The exponent of the transfer function times 100,000, least significant byte first.
    pub gamma: Option<[u8; 4]>,
    /// x and y of white, red, green and blue, each times 100,000 in four bytes, least significant byte first.
    pub chromaticities: Option<[u8; 32]>,
    /// An EXIF block: a TIFF structure, without the `Exif\0\0` that JPEG puts in front.
    pub exif: Option<Cow<'a, [u8]>>,
    /// An XMP packet in UTF-8.
    pub xmp: Option<Cow<'a, [u8]>>,
    /// The extended part of XMP, put together, in UTF-8.
    pub extended_xmp: Option<Cow<'a, [u8]>>,
    /// IPTC-IIM data sets.
    pub iptc: Option<Cow<'a, [u8]>>,
    /// Horizontal and vertical pixels per unit in four bytes each, least significant byte first, and the unit.
    pub density: Option<[u8; 9]>,
    /// Texts with keywords.
    pub text: Option<Cow<'a, [u8]>>,
    /// Name of the writer's device, for the error that a reader shows when it cannot decode a file that is not
    /// portable: 1 to [`MAX_DEVICE_BYTES`] bytes of UTF-8 without control characters.
    pub device: Option<Cow<'a, str>>,
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
        BOX_CICP => Some("colour description"),
        BOX_ICC => Some("ICC"),
        BOX_GAMMA => Some("gamma"),
        BOX_CHROMATICITIES => Some("chromaticities"),
        BOX_EXIF => Some("EXIF"),
        BOX_XMP => Some("XMP"),
        BOX_EXTENDED_XMP => Some("extended XMP"),
        BOX_IPTC => Some("IPTC"),
        BOX_DENSITY => Some("density"),
        BOX_TEXT => Some("text"),
        BOX_DEVICE => Some("device"),
        _ => None,
    }
}

/// Whether the content of a box of this type may have this length.
fn fits(kind: u8, len: u64) -> bool {
    match kind {
        BOX_CICP | BOX_GAMMA => len == 4,
        BOX_CHROMATICITIES => len == 32,
        BOX_DENSITY => len == 9,
        BOX_DEVICE => (1..=MAX_DEVICE_BYTES as u64).contains(&len),
        _ => len > 0,
    }
}

/// Whether a text may name a device: it will be shown in messages.
fn is_device_name(text: &str) -> bool {
    fits(BOX_DEVICE, text.len() as u64) && !text.chars().any(char::is_control)
}

impl<'a> Boxes<'a> {
    /// All boxes as (type, content), in the order of the file: by increasing type.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let known = [
            (BOX_CICP, self.cicp.as_ref().map(<[u8; 4]>::as_slice)),
            (BOX_ICC, self.icc.as_deref()),
            (BOX_GAMMA, self.gamma.as_ref().map(<[u8; 4]>::as_slice)),
            (
                BOX_CHROMATICITIES,
                self.chromaticities.as_ref().map(<[u8; 32]>::as_slice),
            ),
            (BOX_EXIF, self.exif.as_deref()),
            (BOX_XMP, self.xmp.as_deref()),
            (BOX_EXTENDED_XMP, self.extended_xmp.as_deref()),
            (BOX_IPTC, self.iptc.as_deref()),
            (BOX_DENSITY, self.density.as_ref().map(<[u8; 9]>::as_slice)),
            (BOX_TEXT, self.text.as_deref()),
            (BOX_DEVICE, self.device.as_deref().map(str::as_bytes)),
        ];
        let known = known
            .into_iter()
            .filter_map(|(kind, bytes)| Some((kind, bytes?)));
        known.chain(self.other.iter().map(|other| (other.kind, &*other.bytes)))
    }

    /// Whether there is no box at all.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// What stands before and after the content of a box: the head of its record, and the checksum.
    pub(crate) fn record(kind: u8, content: &[u8]) -> (Vec<u8>, u32) {
        let mut head = vec![kind];
        varint::push(&mut head, content.len() as u64);
        let crc = crc32c_append(crc32c(&head), content);
        (head, crc)
    }

    /// Reads `count` records and verifies their checksums.
    pub(crate) fn take<S: Source<'a>>(
        fields: &mut Fields<S>,
        count: u8,
        limits: &Limits,
    ) -> Result<Self, S::Error> {
        let mut boxes = Self::default();
        let mut last = None;
        let mut total = 0_u64;
        for _ in 0..count {
            let offset = fields.position();
            let kind = fields.u8()?;
            if last >= Some(kind) {
                return damaged("a box type that repeats or is out of order", offset);
            }
            if kind & ANCILLARY == 0 && box_name(kind).is_none() {
                return Err(ParseError::Unsupported {
                    what: Feature::Box(kind),
                }
                .into());
            }
            let len = fields.varint()?;
            if !fits(kind, len) {
                return damaged("a box whose content cannot have this length", offset);
            }
            total = total.saturating_add(len);
            limits.check_box_bytes(total)?;
            fields.expect(len)?;
            let content = fields.bytes(len)?;
            fields.end_part("a wrong checksum of a box")?;
            boxes.insert(kind, content, offset)?;
            last = Some(kind);
        }
        Ok(boxes)
    }

    /// Adds a box that was read, of a type that is known or ancillary and with a length that the type may have.
    fn insert(&mut self, kind: u8, bytes: Cow<'a, [u8]>, offset: u64) -> Result<(), ParseError> {
        match kind {
            BOX_CICP => self.cicp = (*bytes).try_into().ok(),
            BOX_ICC => self.icc = Some(bytes),
            BOX_GAMMA => self.gamma = (*bytes).try_into().ok(),
            BOX_CHROMATICITIES => self.chromaticities = (*bytes).try_into().ok(),
            BOX_EXIF => self.exif = Some(bytes),
            BOX_XMP => self.xmp = Some(bytes),
            BOX_EXTENDED_XMP => self.extended_xmp = Some(bytes),
            BOX_IPTC => self.iptc = Some(bytes),
            BOX_DENSITY => self.density = (*bytes).try_into().ok(),
            BOX_TEXT => self.text = Some(bytes),
            BOX_DEVICE => self.device = Some(take_device(bytes, offset)?),
            _ => self.other.push(OtherBox { kind, bytes }),
        }
        Ok(())
    }

    /// Fails when no file can hold these boxes.
    pub(crate) fn validate(&self) -> Result<(), WriteError> {
        if self
            .device
            .as_ref()
            .is_some_and(|name| !is_device_name(name))
        {
            return Err(WriteError::Device);
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

/// The name of a device, without copying what is borrowed.
fn take_device(bytes: Cow<'_, [u8]>, offset: u64) -> Result<Cow<'_, str>, ParseError> {
    let name = match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    };
    match name {
        Some(name) if is_device_name(&name) => Ok(name),
        _ => damaged(
            "a device name that is not UTF-8 without control characters",
            offset,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Cursor;

    /// What reading makes of one record.
    fn take(kind: u8, content: &[u8]) -> Result<Boxes<'static>, ParseError> {
        let (mut bytes, crc) = Boxes::record(kind, content);
        bytes.extend(content);
        bytes.extend(crc.to_le_bytes());
        // What is read borrows from the record: let it live as long as the test program.
        let mut fields = Fields::new(Cursor::new(bytes.leak()));
        Boxes::take(&mut fields, 1, &Limits::default())
    }

    #[test]
    fn known_types_have_names_and_unknown_types_are_kept_when_ancillary() {
        let content = [b'x'; 32];
        for kind in 0..=u8::MAX {
            let len = (1..=content.len())
                .find(|&len| fits(kind, len as u64))
                .unwrap();
            let content = &content[..len];
            match take(kind, content) {
                Ok(boxes) => {
                    assert_eq!(boxes.iter().collect::<Vec<_>>(), [(kind, content)]);
                    assert_eq!(boxes.other.is_empty(), box_name(kind).is_some(), "{kind}");
                }
                refused => {
                    let what = Feature::Box(kind);
                    assert_eq!(refused, Err(ParseError::Unsupported { what }));
                    assert!(kind & ANCILLARY == 0 && box_name(kind).is_none());
                }
            }
        }
        assert!(box_name(FIRST_OTHER - 1).is_some() && box_name(FIRST_OTHER).is_none());
    }

    #[test]
    fn contents_of_fixed_length_have_no_other() {
        for (kind, len) in [
            (BOX_CICP, 4),
            (BOX_GAMMA, 4),
            (BOX_CHROMATICITIES, 32),
            (BOX_DENSITY, 9),
        ] {
            for wrong in [0, len - 1, len + 1] {
                let refused = take(kind, &vec![1; wrong]);
                assert!(
                    matches!(refused, Err(ParseError::Damaged { offset: 0, .. })),
                    "{kind}: {refused:?}"
                );
            }
        }
    }

    #[test]
    fn device_names_are_text_that_can_be_shown() {
        let longest = "x".repeat(MAX_DEVICE_BYTES);
        for name in ["an accelerator", "Грaфика 9000", &longest] {
            let boxes = take(BOX_DEVICE, name.as_bytes()).unwrap();
            assert_eq!(boxes.device.as_deref(), Some(name));
            assert_eq!(boxes.validate(), Ok(()));
        }
        let too_long = "x".repeat(MAX_DEVICE_BYTES + 1);
        for name in ["", "\u{1B}[2J", "two\nlines", &too_long] {
            assert!(take(BOX_DEVICE, name.as_bytes()).is_err(), "{name:?}");
            let boxes = Boxes {
                device: Some(Cow::Borrowed(name)),
                ..Boxes::default()
            };
            assert_eq!(boxes.validate(), Err(WriteError::Device));
        }
        assert!(take(BOX_DEVICE, b"\xFF").is_err());
    }
}
