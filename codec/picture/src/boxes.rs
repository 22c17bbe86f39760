//! Metadata as the boxes of a kiln file, which `FORMAT.md` describes.

use std::borrow::Cow;

use kiln_container::Boxes;

use crate::metadata::present;
use crate::parts::{MAX_TEXTS, Part};
use crate::{Density, DensityUnit, Metadata, Text, Warning};

/// What the file is called in warnings.
const KILN: &str = "kiln";

impl Metadata {
    /// The boxes that hold all of this; blocks are lent. What no box can hold is left out and named: a colour
    /// description that is not RGB, a density of 0, more
    /// than 65,536 texts.
    pub fn to_boxes(&self) -> (Boxes<'_>, Vec<Warning>) {
        let lend = |block| present(block).map(Cow::Borrowed);
        let cicp = self.cicp.filter(is_colour_description);
        let density = self.density.filter(|d| d.x > 0 && d.y > 0);
        let boxes = Boxes {
            cicp,
            icc: lend(&self.icc),
            gamma: self.gamma.map(u32::to_le_bytes),
            chromaticities: self.chromaticities.map(|numbers| join(&numbers)),
            exif: lend(&self.exif),
            xmp: lend(&self.xmp),
            extended_xmp: lend(&self.extended_xmp),
            iptc: lend(&self.iptc),
            density: density.map(density_bytes),
            text: (1..=MAX_TEXTS)
                .contains(&self.text.len())
                .then(|| text_bytes(&self.text).into()),
            ..Boxes::default()
        };
        let mut lost = Vec::new();
        if cicp != self.cicp {
            lost.push("a colour description that is not of RGB".to_owned());
        }
        if density != self.density {
            lost.push("a density of 0".to_owned());
        }
        if self.text.len() > MAX_TEXTS {
            lost.push(format!("more than {MAX_TEXTS} texts"));
        }
        (boxes, Warning::dropped(KILN, lost).into_iter().collect())
    }

    /// What the boxes of a file say. A box whose content is not what `FORMAT.md` says, and a box that this version does
    /// not know, is left out and named.
    pub fn from_boxes(boxes: &Boxes<'_>) -> (Self, Vec<Warning>) {
        let own = |block: &Option<Cow<'_, [u8]>>| block.as_deref().map(<[u8]>::to_vec);
        let cicp = boxes.cicp.filter(is_colour_description);
        let density = boxes.density.as_ref().and_then(read_density);
        let text = boxes.text.as_deref().map(read_text);
        let mut broken = Vec::new();
        for (part, is_broken) in [
            (Part::Cicp, cicp != boxes.cicp),
            (Part::Density, density.is_some() != boxes.density.is_some()),
            (Part::Text, matches!(text, Some(None))),
        ] {
            if is_broken {
                broken.push(part.into());
            }
        }
        let mut unknown = Vec::new();
        if !boxes.other.is_empty() {
            let kinds: Vec<_> = boxes.other.iter().map(|b| b.kind.to_string()).collect();
            unknown.push(format!("boxes of unknown type ({})", kinds.join(", ")));
        }
        let metadata = Self {
            icc: own(&boxes.icc),
            exif: own(&boxes.exif),
            xmp: own(&boxes.xmp),
            extended_xmp: own(&boxes.extended_xmp),
            iptc: own(&boxes.iptc),
            cicp,
            gamma: boxes.gamma.map(u32::from_le_bytes),
            chromaticities: boxes.chromaticities.as_ref().map(split),
            density,
            text: text.flatten().unwrap_or_default(),
        };
        let warnings = [
            Warning::unreadable(KILN, broken),
            Warning::left_out(KILN, unknown),
        ];
        (metadata, warnings.into_iter().flatten().collect())
    }
}

/// Whether code points are of samples that are grey or RGB, in a range that exists.
pub(crate) fn is_colour_description(cicp: &[u8; 4]) -> bool {
    matches!(cicp, [_, _, 0, 0 | 1])
}

fn join(numbers: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
        *bytes = number.to_le_bytes();
    }
    bytes
}

fn split(bytes: &[u8; 32]) -> [u32; 8] {
    let mut numbers = [0; 8];
    for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
        *number = u32::from_le_bytes(*bytes);
    }
    numbers
}

fn density_bytes(density: Density) -> [u8; 9] {
    let mut bytes = [0; 9];
    bytes[..4].copy_from_slice(&density.x.to_le_bytes());
    bytes[4..8].copy_from_slice(&density.y.to_le_bytes());
    bytes[8] = match density.unit {
        DensityUnit::Unknown => 0,
        DensityUnit::Metre => 1,
    };
    bytes
}

fn read_density(bytes: &[u8; 9]) -> Option<Density> {
    let [x0, x1, x2, x3, y0, y1, y2, y3, unit] = *bytes;
    let density = Density {
        x: u32::from_le_bytes([x0, x1, x2, x3]),
        y: u32::from_le_bytes([y0, y1, y2, y3]),
        unit: match unit {
            0 => DensityUnit::Unknown,
            1 => DensityUnit::Metre,
            _ => return None,
        },
    };
    (density.x > 0 && density.y > 0).then_some(density)
}

fn text_bytes(texts: &[Text]) -> Vec<u8> {
    let mut out = Vec::new();
    for text in texts {
        for string in [text.keyword(), &text.language, &text.text] {
            push_length(&mut out, string.len());
            out.extend(string.as_bytes());
        }
    }
    out
}

/// A varint: seven bits per byte, least significant first; the high bit says that more follow.
fn push_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// All entries, or nothing if one of them is damaged, or there are too many.
fn read_text(mut bytes: &[u8]) -> Option<Vec<Text>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let keyword = take_string(&mut bytes)?;
        let language = take_string(&mut bytes)?;
        let text = take_string(&mut bytes)?;
        if keyword.is_empty() || texts.len() == MAX_TEXTS {
            return None;
        }
        texts.push(Text {
            keyword,
            language,
            text,
        });
    }
    Some(texts)
}

fn take_string(bytes: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    let (string, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(string).ok().map(str::to_owned)
}

/// In its shortest form, of nine bytes at most.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return (byte != 0 || shift == 0).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use kiln_container::OtherBox;
    use proptest::prelude::*;

    use super::*;

    fn text(keyword: &str, language: &str, text: &str) -> Text {
        Text {
            keyword: keyword.into(),
            language: language.into(),
            text: text.into(),
        }
    }

    fn everything() -> Metadata {
        Metadata {
            icc: Some(vec![1; 300]),
            exif: Some(b"MM\0*".to_vec()),
            xmp: Some(b"<x/>".to_vec()),
            extended_xmp: Some(b"<y/>".to_vec()),
            iptc: Some(vec![0x1C, 2, 5]),
            cicp: Some([9, 16, 0, 1]),
            gamma: Some(45_455),
            chromaticities: Some([
                31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
            ]),
            density: Some(Density {
                x: 11_811,
                y: 11_811,
                unit: DensityUnit::Metre,
            }),
            text: vec![
                text("Title", "", "a"),
                text("Comment", "de-CH", &"ä".repeat(100)),
            ],
        }
    }

    #[test]
    fn everything_comes_back() {
        for metadata in [everything(), Metadata::default()] {
            let (boxes, warnings) = metadata.to_boxes();
            assert_eq!(warnings, []);
            assert_eq!(boxes.is_empty(), metadata == Metadata::default());
            assert_eq!(Metadata::from_boxes(&boxes), (metadata.clone(), vec![]));
        }
    }

    #[test]
    fn numbers_lie_as_the_document_says() {
        let metadata = everything();
        let (boxes, _) = metadata.to_boxes();
        assert_eq!(boxes.gamma, Some([0x8F, 0xB1, 0, 0]));
        assert_eq!(boxes.density, Some([0x23, 0x2E, 0, 0, 0x23, 0x2E, 0, 0, 1]));
        assert_eq!(&boxes.chromaticities.unwrap()[4..8], [0x84, 0x80, 0, 0]);
        let expected = b"\x05Title\0\x01a\x07Comment\x05de-CH\xC8\x01";
        assert!(boxes.text.unwrap().starts_with(expected));
    }

    #[test]
    fn empty_blocks_are_absent_and_a_text_without_a_keyword_is_a_comment() {
        let metadata = Metadata {
            icc: Some(Vec::new()),
            iptc: Some(Vec::new()),
            text: vec![text("", "", "hello")],
            ..Metadata::default()
        };
        let (boxes, warnings) = metadata.to_boxes();
        assert_eq!(warnings, []);
        let (read, warnings) = Metadata::from_boxes(&boxes);
        assert_eq!(warnings, []);
        assert_eq!((read.icc, read.iptc), (None, None));
        assert_eq!(read.text, [text("Comment", "", "hello")]);
    }

    #[test]
    fn what_a_box_cannot_hold_is_named() {
        let metadata = Metadata {
            cicp: Some([1, 13, 1, 1]),
            density: Some(Density {
                x: 0,
                y: 3,
                unit: DensityUnit::Metre,
            }),
            ..Metadata::default()
        };
        let (boxes, warnings) = metadata.to_boxes();
        assert!(boxes.is_empty());
        let sentences: Vec<_> = warnings.iter().map(Warning::to_string).collect();
        assert_eq!(
            sentences,
            [
                "dropped, because a kiln file cannot hold it: a colour description that is not of RGB, a density of 0"
            ]
        );
    }

    #[test]
    fn damaged_and_unknown_boxes_are_named() {
        let boxes = Boxes {
            cicp: Some([1, 1, 0, 2]),
            density: Some([0, 0, 0, 1, 0, 0, 0, 1, 2]),
            text: Some(b"\x05short".into()),
            other: vec![OtherBox {
                kind: 0x90,
                bytes: b"?".into(),
            }],
            ..Boxes::default()
        };
        let (metadata, warnings) = Metadata::from_boxes(&boxes);
        assert_eq!(metadata, Metadata::default());
        let sentences: Vec<_> = warnings.iter().map(Warning::to_string).collect();
        assert_eq!(
            sentences,
            [
                "dropped, because it is damaged in the kiln file: the colour description (CICP), the pixel density, \
                 the texts",
                "left out of the kiln file: boxes of unknown type (144)",
            ]
        );
    }

    #[test]
    fn text_that_is_not_what_the_document_says_is_damaged() {
        let many = b"\x01k\0\0".repeat(MAX_TEXTS);
        assert_eq!(read_text(&many).map(|texts| texts.len()), Some(MAX_TEXTS));
        let too_many = b"\x01k\0\0".repeat(MAX_TEXTS + 1);
        for (what, bytes) in [
            ("too many", &too_many[..]),
            ("no keyword", b"\0\0\x01a"),
            ("no text", b"\x01k\0"),
            ("cut short", b"\x01k\0\x02a"),
            ("not UTF-8", b"\x01k\0\x01\xFF"),
            ("a long zero", b"\x81\0k\0\0"),
            ("a length beyond 63 bits", &[0xFF; 12]),
        ] {
            assert_eq!(read_text(bytes), None, "{what}");
        }
    }

    proptest! {
        #[test]
        fn any_texts_come_back(texts in proptest::collection::vec((".{1,9}", ".{0,3}", ".{0,300}"), 0..5)) {
            let texts: Vec<_> = texts.iter().map(|(k, l, t)| text(k, l, t)).collect();
            prop_assert_eq!(read_text(&text_bytes(&texts)), Some(texts));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(texts) = read_text(&bytes) {
                prop_assert_eq!(text_bytes(&texts), bytes);
            }
        }
    }
}
