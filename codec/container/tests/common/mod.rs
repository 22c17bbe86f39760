//! What several tests need: sample containers and a seeded source of randomness.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use std::borrow::Cow;

use kiln_container::{Alpha, Boxes, ColorKind, Container, Depth, Frame, Header, OtherBox};

/// Offset of the first field after the height in files made by [`sample`] and [`plain`]: sides of one byte each.
pub const AFTER_SIZE: usize = 17;

/// A picture with nothing optional, in two chunks.
pub fn plain() -> Container<'static> {
    Container {
        header: Header {
            architecture: 1,
            decoder_set: [0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7],
            width: 100,
            height: 80,
            color: ColorKind::Rgb,
            alpha: Alpha::None,
            depth: Depth::Eight,
        },
        boxes: Boxes::default(),
        frames: vec![Frame {
            level: 30,
            symbols_crc: 0xDEAD_BEEF,
            chunks: vec![
                Cow::Borrowed(b"hyper latent"),
                Cow::Borrowed(b"the only stripe"),
            ],
        }],
    }
}

/// A picture with every kind of box.
pub fn sample() -> Container<'static> {
    let mut container = plain();
    container.header.alpha = Alpha::Coded;
    container.boxes = Boxes {
        icc: Some(Cow::Borrowed(b"a profile")),
        exif: Some(Cow::Borrowed(b"MM\0*")),
        xmp: Some(Cow::Borrowed(b"<x/>")),
        alpha: Some(Cow::Borrowed(b"\x89PNG")),
        other: vec![
            OtherBox {
                kind: 0x90,
                bytes: Cow::Borrowed(b"from the future"),
            },
            OtherBox {
                kind: 0xFF,
                bytes: Cow::Borrowed(b"!"),
            },
        ],
    };
    container
}

/// A small generator (splitmix64): the same numbers on every machine, from a seed that stands in the test.
pub struct Random(pub u64);

impl Random {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.word() % bound as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.word() as u8).collect()
    }

    /// Changes, inserts, removes, repeats or cuts something.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        // One past the end is a place too: to insert at, or to cut nothing.
        let at = self.below(bytes.len() + 1);
        let byte = self.word() as u8;
        match self.below(6) {
            0 => bytes.insert(at, byte),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] = byte,
            4 => {
                let end = bytes.len().min(at + self.below(8));
                let repeated = bytes[at..end].to_vec();
                bytes.splice(at..at, repeated);
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            _ => bytes.push(byte),
        }
    }
}

/// A file in `tests/data` and what it holds.
pub struct Stored {
    pub bytes: &'static [u8],
    pub container: fn() -> Container<'static>,
}

/// The samples as files of version 1, which every later version reads; also the seeds of the fuzz targets.
pub const STORED: [Stored; 2] = [
    Stored {
        bytes: include_bytes!("../data/plain.kiln"),
        container: plain,
    },
    Stored {
        bytes: include_bytes!("../data/boxes.kiln"),
        container: sample,
    },
];
