//! What several tests need: sample containers and a seeded source of randomness.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::num::NonZero;

use kiln_container::{
    Alpha, Boxes, ColorKind, Container, Depth, Frame, FrameKind, Header, OtherBox, Rate, Sequence,
};

/// Offset of the first field after the height in files made by the functions below: sides of one byte each.
pub const AFTER_SIZE: usize = 17;

/// A still picture with nothing optional, in two streams.
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
            portable: true,
            sequence: None,
        },
        boxes: Boxes::default(),
        frames: vec![Frame {
            kind: FrameKind::Intra,
            level: 30,
            symbols_crc: 0xDEAD_BEEF,
            graphics: None,
            alpha: None,
            streams: vec![
                Cow::Borrowed(b"hyper latent"),
                Cow::Borrowed(b"the only stripe"),
            ],
        }],
    }
}

/// A still picture with every kind of box and every part of a frame.
pub fn sample() -> Container<'static> {
    let mut container = plain();
    container.header.alpha = Alpha::Coded;
    container.header.portable = false;
    container.boxes = Boxes {
        cicp: Some([9, 16, 0, 1]),
        icc: Some(Cow::Borrowed(b"a profile")),
        gamma: Some(45_455_u32.to_le_bytes()),
        chromaticities: Some(*b"white xyred x, ygreen xyblue x,y"),
        exif: Some(Cow::Borrowed(b"MM\0*")),
        xmp: Some(Cow::Borrowed(b"<x/>")),
        extended_xmp: Some(Cow::Borrowed(b"<y/>")),
        iptc: Some(Cow::Borrowed(b"\x1C")),
        density: Some([0x13, 0x0B, 0, 0, 0x13, 0x0B, 0, 0, 1]),
        text: Some(Cow::Borrowed(b"\x05Title\x00\x01x")),
        device: Some(Cow::Borrowed("gpu")),
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
    container.frames[0].alpha = Some(Cow::Borrowed(b"\x89PNG"));
    container.frames[0].graphics = Some(Cow::Borrowed(b"letters"));
    container
}

/// A sequence of two intra frames and three predicted ones, with everything that a frame can have.
pub fn clip(frames: Option<u32>) -> Container<'static> {
    let mut container = plain();
    container.header.alpha = Alpha::Coded;
    container.header.sequence = Some(Sequence {
        rate: Rate::new(NonZero::new(24_000).unwrap(), NonZero::new(1001).unwrap()),
        frames: frames.map(|frames| NonZero::new(frames).unwrap()),
    });
    container.boxes.xmp = Some(Cow::Borrowed(b"<x/>"));
    let intra = Frame {
        alpha: Some(Cow::Borrowed(b"\x89PNG")),
        ..container.frames[0].clone()
    };
    let predicted = Frame {
        kind: FrameKind::Predicted,
        level: 12,
        symbols_crc: 0x1234_5678,
        graphics: None,
        alpha: None,
        streams: vec![Cow::Borrowed(b"a difference")],
    };
    let still = Frame {
        streams: Vec::new(),
        ..predicted.clone()
    };
    let subtitled = Frame {
        graphics: Some(Cow::Borrowed(b"letters")),
        alpha: Some(Cow::Borrowed(b"another \x89PNG")),
        ..predicted.clone()
    };
    container.frames = vec![intra.clone(), predicted, still, intra, subtitled];
    container
}

/// Number of frames in a [`clip`].
pub const CLIP_FRAMES: u32 = 5;

/// A source or sink that takes one byte in a call.
pub struct OneByte<T>(pub T);

impl<T: Read> Read for OneByte<T> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = out.len().min(1);
        self.0.read(&mut out[..len])
    }
}

impl<T: Write> Write for OneByte<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
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
pub const STORED: [Stored; 4] = [
    Stored {
        bytes: include_bytes!("../data/plain.kiln"),
        container: plain,
    },
    Stored {
        bytes: include_bytes!("../data/boxes.kiln"),
        container: sample,
    },
    Stored {
        bytes: include_bytes!("../data/counted.kiln"),
        container: || clip(Some(CLIP_FRAMES)),
    },
    Stored {
        bytes: include_bytes!("../data/endless.kiln"),
        container: || clip(None),
    },
];
