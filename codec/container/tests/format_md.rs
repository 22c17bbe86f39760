//! The worked example of `FORMAT.md`, literally, and with the checksums computed by the words of that document alone.

use std::borrow::Cow;

use kiln_container::{Alpha, Boxes, ColorKind, Container, Depth, Frame, Header, Limits};

const FORMAT: &str = include_str!("../FORMAT.md");

/// A line of the example: where its bytes are, the bytes, and what they are.
struct Line {
    offset: usize,
    bytes: Vec<u8>,
    comment: &'static str,
}

/// The lines of the block fenced as `hex`: columns separated by two spaces or more.
fn lines() -> Vec<Line> {
    let (_, after) = FORMAT.split_once("```hex\n").unwrap();
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

fn example_bytes() -> Vec<u8> {
    lines().into_iter().flat_map(|line| line.bytes).collect()
}

/// What the example is said to hold.
fn example() -> Container<'static> {
    Container {
        header: Header {
            architecture: 1,
            decoder_set: [0x0D, 0xEC, 0x0D, 0xE2, 0x5E, 0x70, 0x00, 0x01],
            width: 300,
            height: 520,
            color: ColorKind::Rgb,
            alpha: Alpha::Opaque,
            depth: Depth::Eight,
        },
        boxes: Boxes {
            exif: Some(Cow::Borrowed(b"MM\0*\0\0\0\x08\0\0\0\0\0\0")),
            ..Boxes::default()
        },
        frames: vec![Frame {
            level: 30,
            symbols_crc: 0x1122_3344,
            chunks: vec![
                Cow::Borrowed(&[0xA0, 0xA1, 0xA2, 0xA3]),
                Cow::Borrowed(&[0xB0, 0xB1, 0xB2, 0xB3, 0xB4]),
                Cow::Borrowed(&[0xC0, 0xC1, 0xC2]),
            ],
        }],
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

/// The bytes of the line with this comment.
fn field(comment: &str) -> Vec<u8> {
    let mut found = lines().into_iter().filter(|line| line.comment == comment);
    let line = found
        .next()
        .unwrap_or_else(|| panic!("no line says '{comment}'"));
    assert!(found.next().is_none(), "several lines say '{comment}'");
    line.bytes
}

#[test]
fn example_is_written_literally() {
    let written = example().write().unwrap();
    assert_eq!(written, example_bytes(), "{written:02X?}");
}

#[test]
fn example_is_parsed() {
    assert_eq!(
        Container::parse(&example_bytes(), &Limits::default()),
        Ok(example())
    );
}

#[test]
fn offsets_of_the_example_are_right() {
    let mut offset = 0;
    for line in lines() {
        assert_eq!(line.offset, offset, "{}", line.comment);
        offset += line.bytes.len();
    }
    assert_eq!(offset, 68);
    let body = lines()
        .into_iter()
        .find(|line| line.comment == "content of the EXIF box")
        .unwrap();
    assert_eq!(body.offset, 42);
}

#[test]
fn checksums_of_the_example_follow_from_their_definition() {
    assert_eq!(crc(b"123456789"), 0xE306_9283);
    assert_eq!(crc(b""), 0);
    let stored = |comment| u32::from_le_bytes(field(comment).try_into().unwrap());
    assert_eq!(
        stored("checksum of boxes"),
        crc(&field("content of the EXIF box"))
    );
    let payload = [
        "chunk 0: z",
        "chunk 1: rows 0 to 31 of y",
        "chunk 2: row 32 of y",
    ]
    .map(field)
    .concat();
    assert_eq!(stored("checksum of the payload"), crc(&payload));
    let head = lines()
        .into_iter()
        .find(|line| line.comment == "checksum of the head")
        .unwrap()
        .offset;
    assert_eq!(
        stored("checksum of the head"),
        crc(&example_bytes()[..head])
    );
}
