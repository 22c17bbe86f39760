//! Every way in which a file is refused, made by hand, with the checksums right where the error lies behind them.

mod common;

use std::borrow::Cow;

use common::{AFTER_SIZE, plain, sample};
use kiln_container::{
    Alpha, Boxes, Container, Feature, Frame, Limits, MAX_SIDE, OtherBox, ParseError, WriteError,
    expected_chunks, peek, reseal,
};

fn parse(bytes: &[u8]) -> Result<Container<'_>, ParseError> {
    Container::parse(bytes, &Limits::default())
}

/// What parsing says about a damaged file: what is wrong, and where.
fn damage(bytes: &[u8]) -> (&'static str, u64) {
    match parse(bytes) {
        Err(ParseError::Damaged { what, offset }) => (what, offset),
        other => panic!("not recognised as damaged: {other:?}"),
    }
}

/// The sample with its bytes changed and its checksums made right again.
fn resealed(container: &Container<'_>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = container.write().unwrap();
    change(&mut bytes);
    reseal(&mut bytes);
    bytes
}

#[test]
fn foreign_bytes_are_not_kiln() {
    assert_eq!(parse(b"\x89PNG\r\n\x1a\n"), Err(ParseError::NotKiln));
}

#[test]
fn wrong_checksums_are_damage_where_they_are_stored() {
    let intact = sample().write().unwrap();
    let chunks = sample().frames[0].chunks.concat().len();
    let payload = intact.len() - chunks;
    let boxes = payload
        - sample()
            .boxes
            .iter()
            .map(|(_, bytes)| bytes.len())
            .sum::<usize>();
    let with_flip = |at: usize| {
        let mut bytes = intact.clone();
        bytes[at] ^= 1;
        bytes
    };
    assert_eq!(
        damage(&with_flip(6)),
        ("a wrong header checksum", boxes as u64 - 4)
    );
    assert_eq!(
        damage(&with_flip(payload)).0,
        "a wrong checksum of the payload"
    );
    assert_eq!(damage(&with_flip(boxes)).0, "a wrong checksum of the boxes");
}

#[test]
fn reserved_values_are_unsupported() {
    let unsupported = |what| Err(ParseError::Unsupported { what });
    let change = |at: usize, byte: u8| resealed(&plain(), |bytes| bytes[at] = byte);
    assert_eq!(parse(&change(4, 9)), unsupported(Feature::Version(9)));
    assert_eq!(parse(&change(5, 0)), unsupported(Feature::Architecture(0)));
    assert_eq!(
        parse(&change(14, 0x21)),
        unsupported(Feature::FormatByte(0x21))
    );
    assert_eq!(
        parse(&change(AFTER_SIZE, 0x40)),
        unsupported(Feature::FrameKind(1))
    );
}

#[test]
fn sequences_are_unsupported_and_have_one_encoding() {
    let sequence = |count: &[u8]| {
        resealed(&plain(), |bytes| {
            bytes[14] |= 0x40;
            bytes.splice(AFTER_SIZE..AFTER_SIZE, count.iter().copied());
        })
    };
    assert_eq!(
        parse(&sequence(&[24])),
        Err(ParseError::Unsupported {
            what: Feature::Sequence(24)
        })
    );
    assert_eq!(
        damage(&sequence(&[1])),
        ("a sequence of fewer than two frames", AFTER_SIZE as u64)
    );
    assert_eq!(
        damage(&sequence(&[0])),
        ("a sequence of fewer than two frames", AFTER_SIZE as u64)
    );
    let limit = ParseError::Limit {
        what: "frames",
        value: 0x2_0000,
        limit: 0x1_0000,
    };
    assert_eq!(parse(&sequence(&[0x80, 0x80, 0x08])), Err(limit));
}

#[test]
fn unknown_boxes_are_kept_or_refused_by_their_type() {
    let mut container = plain();
    container.boxes.other = vec![OtherBox {
        kind: 0x82,
        bytes: Cow::Borrowed(b"later"),
    }];
    let bytes = container.write().unwrap();
    assert_eq!(parse(&bytes), Ok(container.clone()));

    let critical = resealed(&container, |bytes| bytes[AFTER_SIZE + 1] = 0x7F);
    assert_eq!(
        parse(&critical),
        Err(ParseError::Unsupported {
            what: Feature::Box(0x7F)
        })
    );
}

#[test]
fn boxes_have_one_order_and_are_never_empty() {
    let mut container = plain();
    container.boxes.icc = Some(Cow::Borrowed(b"i"));
    container.boxes.exif = Some(Cow::Borrowed(b"e"));
    // Directory: count, then type and length of each.
    let first = AFTER_SIZE + 1;
    let swapped = resealed(&container, |bytes| bytes.swap(first, first + 2));
    assert_eq!(
        damage(&swapped),
        (
            "a box type that repeats or is out of order",
            first as u64 + 2
        )
    );
    let repeated = resealed(&container, |bytes| bytes[first] = 0x80);
    assert_eq!(
        damage(&repeated),
        (
            "a box type that repeats or is out of order",
            first as u64 + 2
        )
    );
    let hollow = resealed(&container, |bytes| bytes[first + 1] = 0);
    assert_eq!(damage(&hollow), ("an empty box", first as u64));
    let none = resealed(&container, |bytes| bytes[AFTER_SIZE] = 0);
    assert_eq!(damage(&none), ("an empty box directory", AFTER_SIZE as u64));
}

#[test]
fn alpha_state_and_alpha_box_agree() {
    let change_state = |container: &Container<'_>, state: u8| {
        resealed(container, |bytes| {
            bytes[14] = bytes[14] & !0b110 | state << 1
        })
    };
    let claim = "a claim of coded alpha without an alpha box";
    assert_eq!(damage(&change_state(&plain(), 2)), (claim, 14));
    for state in [0, 1] {
        let denied = (
            "an alpha box that the format byte denies",
            AFTER_SIZE as u64 + 1,
        );
        assert_eq!(damage(&change_state(&sample(), state)), denied);
    }
    let opaque = change_state(&plain(), 1);
    assert_eq!(parse(&opaque).unwrap().header.alpha, Alpha::Opaque);
}

#[test]
fn longer_integers_and_trailing_bytes_are_damage() {
    let longer = resealed(&plain(), |bytes| {
        bytes[15] |= 0x80;
        bytes.insert(16, 0);
    });
    assert_eq!(
        damage(&longer),
        ("an integer that is not in its shortest form", 15)
    );
    let len = plain().write().unwrap().len() as u64;
    let trailing = resealed(&plain(), |bytes| bytes.push(0));
    assert_eq!(
        damage(&trailing),
        ("bytes after the end of the picture", len)
    );
}

#[test]
fn truncation_names_the_length_of_the_file_once_it_is_known() {
    let bytes = sample().write().unwrap();
    let short = ParseError::Truncated {
        have: bytes.len() as u64 - 1,
        need: bytes.len() as u64,
    };
    assert_eq!(parse(&bytes[..bytes.len() - 1]), Err(short));
}

#[test]
fn pixel_bombs_meet_the_limit_before_anything_else() {
    // Nothing follows the size: the limit is reached before the end of the input is.
    let mut bytes = plain().write().unwrap();
    bytes.truncate(15);
    bytes.extend([0xA0, 0x8D, 0x06, 0xA0, 0x8D, 0x06]);
    let header = peek(&bytes).unwrap();
    assert_eq!((header.width, header.height), (100_000, 100_000));
    let limit = ParseError::Limit {
        what: "pixels",
        value: 10_000_000_000,
        limit: 128_000_000,
    };
    assert_eq!(parse(&bytes), Err(limit.clone()));
    assert_eq!(Limits::default().check_size(&header), Err(limit));
}

#[test]
fn limits_are_inclusive() {
    let bytes = sample().write().unwrap();
    let box_bytes = sample()
        .boxes
        .iter()
        .map(|(_, bytes)| bytes.len() as u64)
        .sum();
    let exact = Limits {
        max_pixels: 8000,
        max_frames: 1,
        max_box_bytes: box_bytes,
    };
    assert_eq!(Container::parse(&bytes, &exact), Ok(sample()));

    let refused = |limits| match Container::parse(&bytes, &limits) {
        Err(ParseError::Limit { what, value, limit }) if value == limit + 1 => what,
        other => panic!("no limit was met: {other:?}"),
    };
    assert_eq!(
        refused(Limits {
            max_pixels: 7999,
            ..exact
        }),
        "pixels"
    );
    assert_eq!(
        refused(Limits {
            max_frames: 0,
            ..exact
        }),
        "frames"
    );
    assert_eq!(
        refused(Limits {
            max_box_bytes: box_bytes - 1,
            ..exact
        }),
        "bytes of boxes"
    );
}

#[test]
fn lengths_that_overflow_are_no_panic() {
    // Nine-byte lengths of 2^63 - 1 in all three chunks: their sum does not fit in 64 bits.
    let mut container = plain();
    container.header.height = 127;
    container.header.width = 1;
    let huge = [[0xFF; 8].as_slice(), &[0x7F]].concat();
    let chunks = resealed(&container, |bytes| {
        bytes.splice(16..17, [0xFF, 0x0F]);
        bytes.truncate(AFTER_SIZE + 1 + 9);
        for _ in 0..5 {
            bytes.extend(&huge);
        }
        bytes.extend([0; 4]);
    });
    assert_eq!(peek(&chunks).unwrap().height, 2047);
    let have = chunks.len() as u64;
    assert_eq!(
        parse(&chunks),
        Err(ParseError::Truncated {
            have,
            need: u64::MAX
        })
    );
    let boxes = resealed(&sample(), |bytes| {
        bytes.splice(AFTER_SIZE + 2..AFTER_SIZE + 3, huge.iter().copied());
    });
    assert!(matches!(
        parse(&boxes),
        Err(ParseError::Limit {
            what: "bytes of boxes",
            ..
        })
    ));
}

#[test]
fn containers_that_no_file_can_hold_are_not_written() {
    let refused = |change: fn(&mut Container<'static>)| {
        let mut container = sample();
        change(&mut container);
        container.write().unwrap_err()
    };
    for side in [0, MAX_SIDE + 1] {
        let mut container = plain();
        container.header.width = side;
        assert_eq!(
            container.write(),
            Err(WriteError::Size {
                width: side,
                height: 80
            })
        );
        container.header.width = 100;
        container.header.height = side;
        assert_eq!(
            container.write(),
            Err(WriteError::Size {
                width: 100,
                height: side
            })
        );
    }
    assert_eq!(
        refused(|c| c.header.architecture = 0),
        WriteError::Architecture
    );
    assert_eq!(refused(|c| c.boxes.alpha = None), WriteError::MissingAlpha);
    assert_eq!(
        refused(|c| c.header.alpha = Alpha::Opaque),
        WriteError::UnexpectedAlpha
    );
    assert_eq!(
        refused(|c| c.boxes.xmp = Some(Cow::Borrowed(b""))),
        WriteError::EmptyBox { kind: 0x81 }
    );
    assert_eq!(
        refused(|c| c.boxes.other[0].bytes = Cow::Borrowed(b"")),
        WriteError::EmptyBox { kind: 0x90 }
    );
    assert_eq!(
        refused(|c| c.boxes.other[0].kind = 0x80),
        WriteError::BoxType { kind: 0x80 }
    );
    assert_eq!(
        refused(|c| c.boxes.other[0].kind = 0x03),
        WriteError::BoxType { kind: 0x03 }
    );
    assert_eq!(
        refused(|c| c.boxes.other.reverse()),
        WriteError::BoxOrder { kind: 0x90 }
    );
    assert_eq!(
        refused(|c| c.boxes.other[1].kind = 0x90),
        WriteError::BoxOrder { kind: 0x90 }
    );
    assert_eq!(
        refused(|c| c.frames.clear()),
        WriteError::Frames { frames: 0 }
    );
    assert_eq!(
        refused(|c| c.frames.push(c.frames[0].clone())),
        WriteError::Frames { frames: 2 }
    );
    assert_eq!(
        refused(|c| c.frames[0].level = 64),
        WriteError::Level { level: 64 }
    );
    assert_eq!(
        refused(|c| drop(c.frames[0].chunks.pop())),
        WriteError::Chunks {
            expected: 2,
            given: 1
        }
    );
}

#[test]
#[cfg(target_pointer_width = "64")]
fn files_beyond_all_memory_are_an_error() {
    // The same untouched 128 MiB two million times over: more bytes than there are addresses.
    let zeros = vec![0; 1 << 27];
    let mut container = Container {
        boxes: Boxes::default(),
        ..plain()
    };
    container.header.height = MAX_SIDE;
    let chunks = expected_chunks(container.header.width, container.header.height);
    let frame = Frame {
        level: 0,
        symbols_crc: 0,
        chunks: vec![Cow::Borrowed(&zeros[..]); chunks as usize],
    };
    let container = Container {
        frames: vec![frame],
        ..container
    };
    assert_eq!(container.write(), Err(WriteError::TooLarge));
}

#[test]
fn messages_say_what_and_who() {
    let message = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
    assert_eq!(
        message(b"GIF89a"),
        "not a kiln file: the signature is missing"
    );
    assert_eq!(
        message(b"\x9BKLN\x07"),
        "the file needs a newer reader: format version 7 is not supported"
    );
    assert_eq!(
        message(b"\x9BKL"),
        "the file is cut short: it has 3 bytes, at least 4 are needed"
    );
}
