//! The worked examples of `FORMAT.md`, literally, and with the checksums computed by the words of that document alone.

use std::borrow::Cow;
use std::num::NonZero;

use kiln_container::{
    Alpha, Boxes, ColorKind, Container, Depth, Frame, FrameKind, Header, Limits, MAX_PEEK_BYTES,
    Rate, Sequence,
};

const FORMAT: &str = include_str!("../FORMAT.md");

/// A line of an example: where its bytes are, the bytes, and what they are.
struct Line {
    offset: usize,
    bytes: Vec<u8>,
    comment: &'static str,
}

/// The lines of an example, a block fenced as `hex NAME`: columns separated by two spaces or more.
fn lines(name: &str) -> Vec<Line> {
    let (_, after) = FORMAT.split_once(&format!("```hex {name}\n")).unwrap();
    let (block, _) = after.split_once("\n```").unwrap();
    block.lines().map(line).collect()
}

fn line(text: &'static str) -> Line {
    let mut columns = text
        .split("  ")
        .map(str::trim)
        .filter(|column| !column.is_empty());
    let mut column = || {
        columns
            .next()
            .unwrap_or_else(|| panic!("a column is missing: {text}"))
    };
    let hex = |digits| u8::from_str_radix(digits, 16).unwrap();
    Line {
        offset: usize::from_str_radix(column(), 16).unwrap(),
        bytes: column().split(' ').map(hex).collect(),
        comment: column(),
    }
}

fn bytes(name: &str) -> Vec<u8> {
    lines(name)
        .into_iter()
        .flat_map(|line| line.bytes)
        .collect()
}

/// What the examples are said to hold.
fn examples() -> [(&'static str, Container<'static>); 2] {
    [("still", still()), ("sequence", sequence())]
}

fn still() -> Container<'static> {
    Container {
        header: Header {
            architecture: 4,
            decoder_set: [0x0D, 0xEC, 0x0D, 0xE2, 0x5E, 0x70, 0x00, 0x01],
            width: 300,
            height: 520,
            color: ColorKind::Rgb,
            alpha: Alpha::Opaque,
            depth: Depth::Eight,
            portable: true,
            sequence: None,
        },
        boxes: Boxes {
            exif: Some(Cow::Borrowed(b"MM\0*\0\0\0\x08\0\0\0\0\0\0")),
            ..Boxes::default()
        },
        frames: vec![Frame {
            kind: FrameKind::Intra,
            level: 30,
            symbols_crc: 0x1122_3344,
            graphics: None,
            alpha: None,
            streams: vec![
                Cow::Borrowed(&[0xA0, 0xA1, 0xA2, 0xA3]),
                Cow::Borrowed(&[0xB0, 0xB1, 0xB2, 0xB3, 0xB4]),
                Cow::Borrowed(&[0xC0, 0xC1, 0xC2]),
            ],
        }],
    }
}

fn sequence() -> Container<'static> {
    Container {
        header: Header {
            width: 64,
            height: 48,
            color: ColorKind::Grey,
            alpha: Alpha::None,
            portable: false,
            sequence: Some(Sequence {
                rate: Rate::new(NonZero::new(25).unwrap(), NonZero::new(1).unwrap()),
                frames: None,
            }),
            ..still().header
        },
        boxes: Boxes {
            device: Some(Cow::Borrowed("gpu")),
            ..Boxes::default()
        },
        frames: vec![
            Frame {
                kind: FrameKind::Intra,
                level: 20,
                symbols_crc: 0x1122_3344,
                graphics: Some(Cow::Borrowed(&[0xD0, 0xD1])),
                alpha: None,
                streams: vec![Cow::Borrowed(&[0xE0, 0xE1, 0xE2])],
            },
            Frame {
                kind: FrameKind::Predicted,
                level: 12,
                symbols_crc: 0,
                graphics: None,
                alpha: None,
                streams: Vec::new(),
            },
        ],
    }
}

/// CRC-32C bit by bit, as the document defines it: reflected, so the polynomial's bits are reversed.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1
                ^ if crc & 1 == 1 {
                    0x1EDC_6F41_u32.reverse_bits()
                } else {
                    0
                }
        })
    })
}

#[test]
fn examples_are_written_literally() {
    for (name, container) in examples() {
        let written = container.write().unwrap();
        assert_eq!(written, bytes(name), "{written:02X?}");
    }
}

#[test]
fn examples_are_parsed() {
    for (name, container) in examples() {
        let bytes = bytes(name);
        assert_eq!(Container::parse(&bytes, &Limits::default()), Ok(container));
    }
}

#[test]
fn offsets_of_the_examples_are_right() {
    let words = FORMAT.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, len) in [("still", 69), ("sequence", 78)] {
        let mut offset = 0;
        for line in lines(name) {
            assert_eq!(line.offset, offset, "{}", line.comment);
            offset += line.bytes.len();
        }
        assert_eq!(offset, len);
        let said = format!("The file is {len} bytes long.");
        assert!(words.contains(&said), "{said}");
    }
}

#[test]
fn checksums_of_the_examples_follow_from_their_definition() {
    assert_eq!(crc(b"123456789"), 0xE306_9283);
    assert_eq!(crc(b""), 0);
    let mut checked = 0;
    for (name, _) in examples() {
        // The head and each record end with a checksum over themselves.
        let mut part = Vec::new();
        for line in lines(name) {
            let is_symbols = line.comment.starts_with("checksum of symbols");
            if line.comment.starts_with("checksum of ") && !is_symbols {
                assert_eq!(line.bytes, crc(&part).to_le_bytes(), "{}", line.comment);
                part.clear();
                checked += 1;
            } else {
                part.extend(line.bytes);
            }
        }
        assert!(part.is_empty(), "bytes behind the last checksum");
    }
    // Head, box and frame; head, box, two frames and end.
    assert_eq!(checked, 3 + 5);
}

#[test]
fn numbers_of_the_document_are_those_of_the_code() {
    let limits = Limits::default();
    for (what, value) in [
        ("pixels, `width * height`", limits.max_pixels),
        ("frames", limits.max_frames.into()),
        (
            "bytes in the contents of all boxes together",
            limits.max_box_bytes,
        ),
        ("streams in a frame", limits.max_streams.into()),
        ("bytes in the payload of a frame", limits.max_frame_bytes),
    ] {
        let digits = value.to_string();
        let groups: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).unwrap())
            .collect();
        let row = format!("| {what} | {} |", groups.join(","));
        assert!(FORMAT.contains(&row), "{row}");
    }
    assert!(FORMAT.contains(&format!("within the first {MAX_PEEK_BYTES}.")));
}
