//! Properties that hold for any bytes: the bodies of the fuzz targets, run on seeded inputs by ordinary tests too.
//!
//! Each function panics when its property does not hold.

use std::borrow::Cow;

use crate::{
    Alpha, BOX_XMP, Boxes, ColorKind, Container, Depth, Frame, Header, Limits, MAX_LEVEL,
    MAX_PEEK_BYTES, OtherBox, ParseError, expected_chunks, peek, reseal,
};

/// Tallest picture that [`write_any`] builds, in pixels: enough for several stripes, too little to make lists long.
const MAX_BUILT_HEIGHT: u32 = 4096;

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

/// Makes the checksums right and then does as [`parse_any`], so that damage gets past them.
///
/// # Panics
/// As [`parse_any`], and when a checksum is found wrong in spite of the resealing.
pub fn parse_resealed(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    if reseal(&mut bytes) {
        let parsed = Container::parse(&bytes, &Limits::default());
        if let Err(ParseError::Damaged { what, .. }) = parsed {
            assert!(!what.contains("checksum"), "{what}");
        }
        assert!(
            !matches!(parsed, Err(ParseError::Truncated { .. })),
            "{parsed:?}"
        );
    }
    parse_any(&bytes);
}

/// Builds a container from arbitrary bytes, writes it, and checks that parsing gives it back.
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
    let mut sealed = bytes.clone();
    assert!(reseal(&mut sealed));
    assert_eq!(sealed, bytes, "resealing a valid file changed it");
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
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// Up to 255 bytes, at least `min` unless the seed has fewer.
    fn slice(&mut self, min: usize) -> Cow<'a, [u8]> {
        let len = usize::from(self.byte()).max(min).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        Cow::Borrowed(taken)
    }

    /// The content of a box; absent when the seed has nothing left for it.
    fn content(&mut self) -> Option<Cow<'a, [u8]>> {
        Some(self.slice(1)).filter(|bytes| !bytes.is_empty())
    }

    fn container(&mut self) -> Container<'a> {
        let flags = self.byte();
        let present = |bit: u8| flags >> bit & 1 == 1;
        let mut boxes = Boxes::default();
        for (bit, field) in [
            &mut boxes.icc,
            &mut boxes.exif,
            &mut boxes.xmp,
            &mut boxes.alpha,
        ]
        .into_iter()
        .enumerate()
        {
            if present(bit as u8) {
                *field = self.content();
            }
        }
        if present(4) {
            boxes.other = (BOX_XMP + 1..=u8::MAX)
                .step_by(1 + usize::from(self.byte()))
                .filter_map(|kind| {
                    Some(OtherBox {
                        kind,
                        bytes: self.content()?,
                    })
                })
                .collect();
        }
        let alpha = match (&boxes.alpha, present(5)) {
            (Some(_), _) => Alpha::Coded,
            (None, true) => Alpha::Opaque,
            (None, false) => Alpha::None,
        };
        let header = Header {
            architecture: self.byte().max(1),
            decoder_set: std::array::from_fn(|_| self.byte()),
            width: 1 + self.word() % 30_000,
            height: 1 + self.word() % MAX_BUILT_HEIGHT,
            color: if present(6) {
                ColorKind::Rgb
            } else {
                ColorKind::Grey
            },
            alpha,
            depth: if present(7) {
                Depth::Sixteen
            } else {
                Depth::Eight
            },
        };
        let chunks = expected_chunks(header.width, header.height);
        let frame = Frame {
            level: self.byte() & MAX_LEVEL,
            symbols_crc: self.word(),
            chunks: (0..chunks).map(|_| self.slice(0)).collect(),
        };
        Container {
            header,
            boxes,
            frames: vec![frame],
        }
    }
}
