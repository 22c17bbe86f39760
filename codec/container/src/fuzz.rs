//! Properties that hold for any bytes: the bodies of the fuzz targets, run on seeded inputs by ordinary tests too.
//!
//! Each function panics when its property does not hold.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::num::NonZero;

use crate::{
    Alpha, BOX_DEVICE, Boxes, ColorKind, Container, Depth, Frame, FrameKind, Header, Limits,
    MAX_LEVEL, MAX_PEEK_BYTES, OtherBox, ParseError, Rate, ReadError, Reader, Sequence, Writer,
    peek, reseal,
};

/// Parses, and checks that an accepted file is the one encoding of what it holds.
///
/// # Panics
/// When the file is written otherwise, when its prefixes are not truncated files, or when [`peek`] disagrees.
pub fn parse_any(bytes: &[u8]) {
    let limits = Limits::default();
    let container = match Container::parse(bytes, &limits) {
        Ok(container) => container,
        Err(ParseError::Truncated { have, need }) => {
            assert_eq!(have, bytes.len() as u64);
            assert!(need > have);
            return;
        }
        Err(_) => return,
    };
    assert_eq!(container.write().as_deref(), Ok(bytes));
    let prefix = &bytes[..bytes.len().min(MAX_PEEK_BYTES)];
    assert_eq!(peek(prefix), Ok(container.header));
    let cut = Container::parse(&bytes[..bytes.len() / 2], &limits);
    assert!(matches!(cut, Err(ParseError::Truncated { .. })), "{cut:?}");
}

/// Makes the checksums right and then does as [`parse_any`] and [`read_any`], so that damage gets past them.
///
/// # Panics
/// As these two, and when a checksum is found wrong in spite of the resealing.
pub fn parse_resealed(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let whole = reseal(&mut bytes);
    match Container::parse(&bytes, &Limits::default()) {
        Ok(_) => assert!(whole),
        Err(ParseError::Damaged { what, .. }) => {
            assert!(!whole && !what.contains("checksum"), "{what}");
        }
        Err(ParseError::Limit { .. }) => {}
        Err(error) => assert!(!whole, "{error}"),
    }
    parse_any(&bytes);
    read_any(&bytes);
}

/// Reads frame by frame from a source that gives a few bytes at a time, and checks that the outcome is that of parsing.
///
/// # Panics
/// When head, boxes, frames or the error differ.
pub fn read_any(bytes: &[u8]) {
    let limits = Limits::default();
    let (mut read, mut error) = (None, None);
    match Reader::new(
        Morsels {
            inner: bytes,
            calls: 0,
        },
        &limits,
    ) {
        Err(early) => error = Some(early),
        Ok(mut reader) => {
            let mut frames = Vec::new();
            loop {
                match reader.next_frame() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(late) => error = Some(late),
                }
            }
            read = Some(Container {
                header: *reader.header(),
                boxes: reader.boxes().clone(),
                frames,
            });
        }
    }
    let read = match error {
        None => Ok(read),
        Some(ReadError::Parse(error)) => Err(error),
        Some(ReadError::Io(error)) => panic!("the source does not fail: {error}"),
    };
    assert_eq!(read, Container::parse(bytes, &limits).map(Some));
}

/// Builds a container from arbitrary bytes, writes it at once and frame by frame, and checks that both files are equal
/// and that parsing gives the container back.
///
/// # Panics
/// When it is refused or comes back different.
pub fn write_any(seed: &[u8]) {
    let mut seed = Seed(seed);
    let container = seed.container();
    let bytes = match container.write() {
        Ok(bytes) => bytes,
        Err(error) => panic!("a valid container was not written: {error}"),
    };
    assert_eq!(
        Container::parse(&bytes, &Limits::default()).as_ref(),
        Ok(&container)
    );
    read_any(&bytes);

    let out = Morsels {
        inner: Vec::new(),
        calls: 0,
    };
    let streamed = Writer::new(out, &container.header, &container.boxes).and_then(|mut writer| {
        for frame in &container.frames {
            writer.frame(frame)?;
        }
        writer.finish()
    });
    match streamed {
        Ok(streamed) => assert_eq!(streamed.inner, bytes),
        Err(error) => panic!("a valid container was not streamed: {error}"),
    }

    let mut sealed = bytes.clone();
    assert!(reseal(&mut sealed));
    assert_eq!(sealed, bytes, "resealing a valid file changed it");
}

/// A source or sink that takes one to seven bytes in a call.
struct Morsels<T> {
    inner: T,
    calls: usize,
}

impl<T> Morsels<T> {
    /// How many of `len` bytes to take in the next call.
    fn next(&mut self, len: usize) -> usize {
        self.calls += 1;
        len.min(1 + self.calls % 7)
    }
}

impl Read for Morsels<&[u8]> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.next(out.len());
        self.inner.read(&mut out[..len])
    }
}

impl Write for Morsels<Vec<u8>> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.next(bytes.len());
        self.inner.write(&bytes[..len])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that decide what to build; zeros once they are used up.
struct Seed<'a>(&'a [u8]);

impl<'a> Seed<'a> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// Up to 255 bytes, at least `min` unless the seed has fewer.
    fn slice(&mut self, min: usize) -> Cow<'a, [u8]> {
        let len = usize::from(self.byte()).max(min).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        Cow::Borrowed(taken)
    }

    /// Bytes that must not be empty; absent when the seed has nothing left for them.
    fn content(&mut self) -> Option<Cow<'a, [u8]>> {
        Some(self.slice(1)).filter(|bytes| !bytes.is_empty())
    }

    fn boxes(&mut self) -> Boxes<'a> {
        let present = self.array::<2>();
        let present = |bit: usize| present[bit / 8] >> (bit % 8) & 1 == 1;
        let mut boxes = Boxes {
            cicp: present(0).then(|| self.array()),
            gamma: present(1).then(|| self.array()),
            chromaticities: present(2).then(|| self.array()),
            density: present(3).then(|| self.array()),
            device: present(4).then(|| format!("device {}", self.byte()).into()),
            ..Boxes::default()
        };
        let contents = [
            &mut boxes.icc,
            &mut boxes.exif,
            &mut boxes.xmp,
            &mut boxes.extended_xmp,
            &mut boxes.iptc,
            &mut boxes.text,
        ];
        for (bit, field) in (5..).zip(contents) {
            if present(bit) {
                *field = self.content();
            }
        }
        if present(11) {
            boxes.other = (BOX_DEVICE + 1..=u8::MAX)
                .step_by(1 + usize::from(self.byte()))
                .filter_map(|kind| {
                    Some(OtherBox {
                        kind,
                        bytes: self.content()?,
                    })
                })
                .collect();
        }
        boxes
    }

    fn header(&mut self) -> Header {
        let flags = self.byte();
        let set = |bit: u8| flags >> bit & 1 == 1;
        let frames = NonZero::new(u32::from(self.byte() % 6));
        let [numerator, denominator] = [self.word(), self.word()]
            .map(|part| NonZero::new(part).unwrap_or(NonZero::<u32>::MIN));
        Header {
            architecture: self.byte().max(1),
            decoder_set: self.array(),
            width: 1 + self.word() % 30_000,
            height: 1 + self.word() % 4096,
            color: if set(0) {
                ColorKind::Rgb
            } else {
                ColorKind::Grey
            },
            alpha: match flags >> 1 & 3 {
                0 => Alpha::None,
                1 => Alpha::Opaque,
                _ => Alpha::Coded,
            },
            depth: if set(3) { Depth::Sixteen } else { Depth::Eight },
            portable: set(4),
            sequence: set(5).then_some(Sequence {
                rate: Rate::new(numerator, denominator),
                frames,
            }),
        }
    }

    /// Frame `number` of a file whose alpha state is `alpha`.
    fn frame(&mut self, number: u32, alpha: Alpha) -> Frame<'a> {
        let flags = self.byte();
        let set = |bit: u8| flags >> bit & 1 == 1;
        let kind = match number > 0 && set(0) {
            true => FrameKind::Predicted,
            false => FrameKind::Intra,
        };
        let alpha = match (alpha, kind) {
            (Alpha::Coded, FrameKind::Intra) => Some(self.content().unwrap_or(Cow::Borrowed(b"a"))),
            (Alpha::Coded, FrameKind::Predicted) if set(1) => self.content(),
            _ => None,
        };
        Frame {
            kind,
            level: self.byte() & MAX_LEVEL,
            symbols_crc: self.word(),
            graphics: if set(2) { self.content() } else { None },
            alpha,
            streams: (0..flags >> 3).map(|_| self.slice(0)).collect(),
        }
    }

    fn container(&mut self) -> Container<'a> {
        let header = self.header();
        let boxes = self.boxes();
        let frames = match header.frames() {
            Some(frames) => frames,
            None => 1 + u32::from(self.byte() % 8),
        };
        Container {
            header,
            boxes,
            frames: (0..frames)
                .map(|number| self.frame(number, header.alpha))
                .collect(),
        }
    }
}
