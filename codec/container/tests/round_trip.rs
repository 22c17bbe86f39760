//! Whatever can be written comes back equal, at a known price.

mod common;

use std::borrow::Cow;

use std::num::NonZero;

use common::{CLIP_FRAMES, STORED, clip, plain, sample};
use kiln_container::{
    Alpha, Boxes, ColorKind, Container, Depth, Frame, FrameKind, Header, Limits, MAX_SIDE,
    OtherBox, Rate, Sequence, peek,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

fn content() -> impl Strategy<Value = Cow<'static, [u8]>> {
    vec(any::<u8>(), 1..200).prop_map(Cow::Owned)
}

fn boxes() -> impl Strategy<Value = Boxes<'static>> {
    let other = btree_map(0x87..=0xFF_u8, content(), 0..4).prop_map(|boxes| {
        boxes
            .into_iter()
            .map(|(kind, bytes)| OtherBox { kind, bytes })
            .collect::<Vec<_>>()
    });
    let field = || option::of(content());
    let variable = (field(), field(), field(), field(), field(), field());
    let fixed = (
        option::of(any::<[u8; 4]>()),
        option::of(any::<[u8; 4]>()),
        option::of(any::<[u8; 32]>()),
        option::of(any::<[u8; 9]>()),
    );
    let device = option::of("\\PC{1,60}".prop_map(Cow::Owned));
    (fixed, variable, device, other).prop_map(
        |(
            (cicp, gamma, chromaticities, density),
            (icc, exif, xmp, extended_xmp, iptc, text),
            device,
            other,
        )| Boxes {
            cicp,
            icc,
            gamma,
            chromaticities,
            exif,
            xmp,
            extended_xmp,
            iptc,
            density,
            text,
            device,
            other,
        },
    )
}

/// Sides of all magnitudes, their product under the default limit on pixels.
fn size() -> impl Strategy<Value = (u32, u32)> {
    let magnitudes = |bits: u32| (0..=bits).prop_flat_map(|bits| 1..=1_u32 << bits);
    (magnitudes(14), magnitudes(12))
}

fn sequence() -> impl Strategy<Value = (Option<Sequence>, u32)> {
    let part = || (1..=u32::MAX).prop_map(|part| NonZero::new(part).unwrap());
    let rate =
        (part(), part()).prop_map(|(numerator, denominator)| Rate::new(numerator, denominator));
    option::of((rate, 1..6_u32, any::<bool>())).prop_map(|sequence| match sequence {
        None => (None, 1),
        Some((rate, count, known)) => {
            let frames = NonZero::new(count).filter(|_| known);
            (Some(Sequence { rate, frames }), count)
        }
    })
}

/// A header, and how many frames follow it.
fn header() -> impl Strategy<Value = (Header, u32)> {
    (
        (1..=u8::MAX, any::<[u8; 8]>(), size()),
        prop::sample::select(vec![Alpha::None, Alpha::Opaque, Alpha::Coded]),
        any::<[bool; 3]>(),
        sequence(),
    )
        .prop_map(
            |((architecture, decoder_set, (width, height)), alpha, flags, (sequence, frames))| {
                let [rgb, deep, portable] = flags;
                let header = Header {
                    architecture,
                    decoder_set,
                    width,
                    height,
                    color: if rgb { ColorKind::Rgb } else { ColorKind::Grey },
                    alpha,
                    depth: if deep { Depth::Sixteen } else { Depth::Eight },
                    portable,
                    sequence,
                };
                (header, frames)
            },
        )
}

/// A frame that may be the first one or not, in a file with any alpha state.
fn frame() -> impl Strategy<Value = Frame<'static>> {
    (
        (any::<bool>(), 0..=63_u8, any::<u32>()),
        option::of(content()),
        option::of(content()),
        vec(vec(any::<u8>(), 0..300).prop_map(Cow::Owned), 0..20),
    )
        .prop_map(
            |((intra, level, symbols_crc), graphics, alpha, streams)| Frame {
                kind: if intra {
                    FrameKind::Intra
                } else {
                    FrameKind::Predicted
                },
                level,
                symbols_crc,
                graphics,
                alpha,
                streams,
            },
        )
}

fn container() -> impl Strategy<Value = Container<'static>> {
    (header(), boxes()).prop_flat_map(|((header, count), boxes)| {
        vec(frame(), count as usize).prop_map(move |mut frames| {
            frames[0].kind = FrameKind::Intra;
            for frame in &mut frames {
                match (header.alpha, frame.kind) {
                    (Alpha::None | Alpha::Opaque, _) => frame.alpha = None,
                    (Alpha::Coded, FrameKind::Intra) if frame.alpha.is_none() => {
                        frame.alpha = Some(Cow::Borrowed(b"\x89PNG"));
                    }
                    (Alpha::Coded, _) => {}
                }
            }
            Container {
                header,
                boxes: boxes.clone(),
                frames,
            }
        })
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
    for container in [plain(), sample(), clip(Some(CLIP_FRAMES)), clip(None)] {
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
    let bytes = container.write().unwrap();
    assert_eq!(Container::parse(&bytes, &limits), Ok(container));
}

/// Bytes of a file of 768x512 pixels beyond those of its two streams.
fn overhead(first: usize, second: usize) -> usize {
    let mut container = plain();
    container.header.width = 768;
    container.header.height = 512;
    container.frames[0].streams = vec![Cow::Owned(vec![1; first]), Cow::Owned(vec![2; second])];
    container.write().unwrap().len() - first - second
}

#[test]
fn a_plain_photo_costs_few_bytes() {
    assert_eq!(overhead(100, 8_000), 36);
    assert_eq!(overhead(300, 16_383), 37);
    assert_eq!(overhead(300, 100_000), 38);
    // Far more than any picture of this size needs: six bytes per pixel in one stream.
    assert_eq!(overhead(16_384, 6 * 768 * 512), 40);
}
