//! Damaged bytes end in an error or in some picture, never in a panic.

mod common;

use common::{Dice, KINDS, decoded, go_on, layout, picture};
use kiln_graphics::{Blocks, Channels, Depth, Error, Layout, encode, fuzz};

fn streams() -> Vec<(Layout, Vec<u8>)> {
    let mut streams = Vec::new();
    for kind in 0..KINDS {
        for (channels, depth) in [
            (Channels::One, Depth::Eight),
            (Channels::Three, Depth::Sixteen),
            (Channels::Three, Depth::Eight),
        ] {
            let layout = layout(60, 50, channels, depth);
            let mut blocks = Blocks::all(&layout);
            blocks.set(1, 1, kind % 2 == 0);
            let picture = picture(layout, kind, 5);
            streams.push((layout, encode(&layout, &blocks, &picture, &go_on).unwrap()));
        }
    }
    streams
}

#[test]
fn cut_short() {
    for (layout, bytes) in streams() {
        for length in (0..bytes.len()).step_by(1 + bytes.len() / 40) {
            assert!(decoded(&bytes[..length], &layout).is_err(), "{length}");
        }
    }
}

#[test]
fn bytes_left_over() {
    for (layout, mut bytes) in streams() {
        bytes.push(0);
        assert!(decoded(&bytes, &layout).is_err());
    }
    let layout = layout(60, 50, Channels::One, Depth::Eight);
    let none = encode(
        &layout,
        &Blocks::none(&layout),
        &picture(layout, 4, 5),
        &go_on,
    )
    .unwrap();
    assert!(decoded(&none, &layout).is_ok());
    assert!(decoded(&[&none[..], &[0]].concat(), &layout).is_err());
}

#[test]
fn flipped_bits_and_other_layouts() {
    let mut dice = Dice(11);
    let mut errors = 0;
    for (layout, bytes) in streams() {
        for _ in 0..60 {
            let mut bytes = bytes.clone();
            let at = dice.roll(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << dice.roll(8);
            errors += usize::from(decoded(&bytes, &layout).is_err());
        }
        for other in [
            Layout {
                width: 61,
                ..layout
            },
            Layout {
                height: 90,
                ..layout
            },
            Layout {
                width: 3,
                height: 3,
                ..layout
            },
            Layout {
                depth: Depth::Eight,
                ..layout
            },
            Layout {
                channels: Channels::One,
                ..layout
            },
            Layout {
                width: 4000,
                height: 3000,
                ..layout
            },
        ] {
            if other != layout {
                let _ = decoded(&bytes, &other);
            }
        }
    }
    assert!(errors > 60 * 20, "{errors}");
}

#[test]
fn fuzz_bodies_hold() {
    let mut dice = Dice(5);
    for _ in 0..500 {
        let mut bytes: Vec<u8> = (0..4 + dice.roll(200))
            .map(|_| dice.roll(256) as u8)
            .collect();
        fuzz::encode_any(&bytes);
        bytes[3] = dice.roll(2) as u8;
        fuzz::decode_any(&bytes);
    }
    // Streams of the same layout as the one that is made of the first three bytes, with one byte changed.
    for (layout, stream) in streams() {
        let kind = u8::from(layout.channels == Channels::Three)
            | u8::from(layout.depth == Depth::Sixteen) << 1;
        let mut bytes = [&[59, 49, kind], &stream[..]].concat();
        fuzz::decode_any(&bytes);
        for _ in 0..20 {
            let at = 3 + dice.roll(stream.len() as u64) as usize;
            bytes[at] = dice.roll(256) as u8;
            fuzz::decode_any(&bytes);
        }
    }
}

#[test]
fn versions_to_come_are_named() {
    let layout = layout(60, 50, Channels::One, Depth::Eight);
    assert_eq!(decoded(&[2, 0, 0], &layout).unwrap_err(), Error::Version(2));
    assert_eq!(
        decoded(&[], &layout).unwrap_err(),
        Error::Damaged("cut short")
    );
}
