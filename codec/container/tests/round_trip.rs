//! Whatever can be written comes back equal, at a known price.

mod common;

use std::borrow::Cow;

use common::{STORED, plain, sample};
use kiln_container::{
    Alpha, Boxes, ColorKind, Container, Depth, Frame, Header, Limits, MAX_SIDE, OtherBox,
    expected_chunks, peek,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn content() -> impl Strategy<Value = Cow<'static, [u8]>> {
    vec(any::<u8>(), 1..200).prop_map(Cow::Owned)
}

fn boxes() -> impl Strategy<Value = Boxes<'static>> {
    let other = btree_map(0x82..=0xFF_u8, content(), 0..4).prop_map(|boxes| {
        boxes
            .into_iter()
            .map(|(kind, bytes)| OtherBox { kind, bytes })
            .collect::<Vec<_>>()
    });
    let field = || prop::option::of(content());
    (field(), field(), field(), field(), other).prop_map(|(icc, exif, xmp, alpha, other)| Boxes {
        icc,
        exif,
        xmp,
        alpha,
        other,
    })
}

/// Sides of all magnitudes under the default limit on pixels; the height keeps the list of chunks short.
fn size() -> impl Strategy<Value = (u32, u32)> {
    let magnitudes = |bits: u32| (0..=bits).prop_flat_map(|bits| 1..=1_u32 << bits);
    (magnitudes(14), magnitudes(12))
}

fn container() -> impl Strategy<Value = Container<'static>> {
    let header = (1..=u8::MAX, any::<[u8; 8]>(), size(), any::<[bool; 3]>());
    (header, boxes(), 0..=63_u8, any::<u32>())
        .prop_flat_map(
            |(
                (architecture, decoder_set, (width, height), [rgb, opaque, deep]),
                boxes,
                level,
                crc,
            )| {
                let alpha = match (&boxes.alpha, opaque) {
                    (Some(_), _) => Alpha::Coded,
                    (None, true) => Alpha::Opaque,
                    (None, false) => Alpha::None,
                };
                let color = if rgb { ColorKind::Rgb } else { ColorKind::Grey };
                let depth = if deep { Depth::Sixteen } else { Depth::Eight };
                let header = Header {
                    architecture,
                    decoder_set,
                    width,
                    height,
                    color,
                    alpha,
                    depth,
                };
                let chunks = vec(
                    vec(any::<u8>(), 0..300),
                    expected_chunks(width, height) as usize,
                );
                (Just((header, boxes, level, crc)), chunks)
            },
        )
        .prop_map(|((header, boxes, level, symbols_crc), chunks)| Container {
            header,
            boxes,
            frames: vec![Frame {
                level,
                symbols_crc,
                chunks: chunks.into_iter().map(Cow::Owned).collect(),
            }],
        })
}

proptest! {
    #[test]
    fn what_is_written_is_parsed_and_written_again(container in container()) {
        let bytes = container.write().unwrap();
        prop_assert_eq!(peek(&bytes), Ok(container.header));
        let parsed = Container::parse(&bytes, &Limits::default()).unwrap();
        prop_assert_eq!(&parsed.write().unwrap(), &bytes);
        prop_assert_eq!(parsed, container);
    }
}

#[test]
fn samples_come_back() {
    for container in [plain(), sample()] {
        let bytes = container.write().unwrap();
        assert_eq!(Container::parse(&bytes, &Limits::default()), Ok(container));
    }
}

#[test]
fn stored_files_of_version_1_stay_what_they_are() {
    for stored in STORED {
        let expected = (stored.container)();
        let parsed = Container::parse(stored.bytes, &Limits::default());
        assert_eq!(parsed.as_ref(), Ok(&expected));
        assert_eq!(expected.write().as_deref(), Ok(stored.bytes));
    }
}

#[test]
fn largest_sides_come_back_under_raised_limits() {
    let mut container = plain();
    container.header.width = MAX_SIDE;
    container.header.height = 1;
    let bytes = container.write().unwrap();
    let limits = Limits {
        max_pixels: MAX_SIDE.into(),
        ..Limits::default()
    };
    assert_eq!(Container::parse(&bytes, &limits), Ok(container.clone()));

    container.header.width = 1;
    container.header.height = MAX_SIDE;
    let chunks = expected_chunks(1, MAX_SIDE) as usize;
    container.frames[0].chunks = vec![Cow::Borrowed(&b"x"[..]); chunks];
    let bytes = container.write().unwrap();
    assert_eq!(Container::parse(&bytes, &limits), Ok(container));
}

/// Bytes of a file of 768x512 pixels beyond those of its chunks.
fn overhead(z: usize, y: usize) -> usize {
    let mut container = plain();
    container.header.width = 768;
    container.header.height = 512;
    container.frames[0].chunks = vec![Cow::Owned(vec![1; z]), Cow::Owned(vec![2; y])];
    container.write().unwrap().len() - z - y
}

#[test]
fn a_plain_photo_costs_few_bytes() {
    assert_eq!(overhead(100, 8_000), 35);
    assert_eq!(overhead(300, 16_383), 36);
    assert_eq!(overhead(300, 100_000), 37);
    // Far more than any picture of this size needs: six bytes per pixel in one chunk.
    assert_eq!(overhead(16_384, 6 * 768 * 512), 39);
}
