//! Every way in which a file is refused, made by hand, with the checksums right where the error lies behind them.

mod common;

use std::borrow::Cow;

use common::{AFTER_SIZE, CLIP_FRAMES, clip, plain, sample};
use kiln_container::{
    Alpha, Container, Feature, Frame, FrameKind, Limits, MAX_SIDE, OtherBox, ParseError,
    WriteError, peek, reseal,
};

/// Where the first record begins in files made by [`plain`]: the checksum of the head is before it.
const AFTER_HEAD: usize = AFTER_SIZE + 4;

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
    let flipped = |container: &Container<'_>, at: usize| {
        let mut bytes = container.write().unwrap();
        bytes[at] ^= 1;
        bytes
    };
    let mut container = plain();
    container.boxes.xmp = Some(Cow::Borrowed(b"<x/>"));
    let len = container.write().unwrap().len();
    // Head, number of boxes and checksum; type, length, content and checksum; the frame.
    let first_box = AFTER_SIZE + 1 + 4;
    let frame = first_box + 2 + 4 + 4;
    for (at, what, stored) in [
        (6, "a wrong checksum of the head", first_box - 4),
        (first_box - 1, "a wrong checksum of the head", first_box - 4),
        (first_box + 2, "a wrong checksum of a box", frame - 4),
        (frame - 1, "a wrong checksum of a box", frame - 4),
        (frame + 1, "a wrong checksum of a frame", len - 4),
        (len - 5, "a wrong checksum of a frame", len - 4),
        (len - 1, "a wrong checksum of a frame", len - 4),
    ] {
        let found = damage(&flipped(&container, at));
        assert_eq!(found, (what, stored as u64), "byte {at}");
    }
    let clip = clip(None);
    let len = clip.write().unwrap().len();
    let found = damage(&flipped(&clip, len - 1));
    let stored = len as u64 - 4;
    assert_eq!(found, ("a wrong checksum of the end record", stored));
}

#[test]
fn reserved_values_are_unsupported() {
    let refused = |at: usize, byte: u8, what: Feature| {
        let bytes = resealed(&plain(), |bytes| bytes[at] = byte);
        assert_eq!(parse(&bytes), Err(ParseError::Unsupported { what }));
    };
    refused(4, 9, Feature::Version(9));
    refused(5, 0, Feature::Architecture(0));
    for byte in [0x21, 0x07] {
        refused(14, byte, Feature::FormatByte(byte));
    }
    for byte in [0x80, 0xBF, 0xC1, 0xFF] {
        refused(AFTER_HEAD, byte, Feature::Record(byte));
    }
    let parts = 2 << 3 | 4;
    refused(AFTER_HEAD + 5, parts, Feature::Parts(parts.into()));
}

#[test]
fn still_pictures_are_one_intra_frame() {
    let at = AFTER_HEAD as u64;
    let change = |byte: u8| resealed(&plain(), |bytes| bytes[AFTER_HEAD] = byte);
    let predicted = ("a predicted frame where decoding starts", at);
    assert_eq!(damage(&change(0x40)), predicted);
    let end = ("an end record in a still picture", at);
    assert_eq!(damage(&change(0xC0)), end);
    let len = plain().write().unwrap().len();
    let two = resealed(&plain(), |bytes| bytes.extend_from_within(AFTER_HEAD..));
    assert_eq!(damage(&two), ("bytes after the end", len as u64));
}

#[test]
fn frames_agree_with_the_alpha_state() {
    let parts = AFTER_HEAD as u64 + 5;
    let change_state = |container: &Container<'_>, state: u8| {
        resealed(container, |bytes| {
            bytes[14] = bytes[14] & !0b110 | state << 1;
        })
    };
    let missing = "an intra frame without its alpha channel";
    assert_eq!(damage(&change_state(&plain(), 2)), (missing, parts));
    let mut coded = plain();
    coded.header.alpha = Alpha::Coded;
    coded.frames[0].alpha = Some(Cow::Borrowed(b"a"));
    for state in [0, 1] {
        let denied = "an alpha channel that the format byte denies";
        assert_eq!(damage(&change_state(&coded, state)), (denied, parts));
    }
    let opaque = change_state(&plain(), 1);
    assert_eq!(parse(&opaque).unwrap().header.alpha, Alpha::Opaque);
    let empty = resealed(&coded, |bytes| bytes[AFTER_HEAD + 6] = 0);
    assert_eq!(damage(&empty), ("an empty part of a frame", parts + 1));
}

#[test]
fn sequences_hold_the_frames_that_their_head_counts() {
    let counted = clip(Some(CLIP_FRAMES));
    // The frame count is the last byte of the sequence head: the rate takes three bytes and two.
    let count_at = AFTER_SIZE + 5;
    let count = |count: u8| resealed(&counted, |bytes| bytes[count_at] = count);
    assert_eq!(counted.write().unwrap()[count_at], CLIP_FRAMES as u8);
    assert_eq!(
        damage(&count(4)).0,
        "a frame beyond the number that the head gives"
    );
    assert_eq!(damage(&count(6)).0, "fewer frames than the head gives");
    assert_eq!(parse(&count(0)), Ok(clip(None)));
    let limit = ParseError::Limit {
        what: "frames",
        value: 0x2_0000,
        limit: 0x1_0000,
    };
    let many = resealed(&counted, |bytes| {
        bytes.splice(count_at..=count_at, [0x80, 0x80, 0x08]);
    });
    assert_eq!(parse(&many), Err(limit));
}

/// Bytes of a record whose lengths take a byte each: a frame of a clip.
fn frame_len(frame: &Frame<'_>) -> usize {
    let parts = [&frame.graphics, &frame.alpha].into_iter().flatten();
    let payload = parts.chain(&frame.streams).map(|bytes| 1 + bytes.len());
    1 + 4 + 1 + payload.sum::<usize>() + 4
}

#[test]
fn frames_without_end_meet_the_limit() {
    let bytes = clip(None).write().unwrap();
    let limits = |max_frames| Limits {
        max_frames,
        ..Limits::default()
    };
    assert_eq!(Container::parse(&bytes, &limits(5)), Ok(clip(None)));
    let limit = ParseError::Limit {
        what: "frames",
        value: 5,
        limit: 4,
    };
    // The fifth frame is refused at its first byte, before anything tells how many there are.
    let end = u64::from_le_bytes(*bytes[bytes.len() - 12..].first_chunk().unwrap());
    let len_of_last = frame_len(clip(None).frames.last().unwrap());
    let cut = &bytes[..end as usize - len_of_last + 1];
    assert_eq!(Container::parse(cut, &limits(4)), Err(limit));
    assert!(matches!(
        Container::parse(cut, &limits(5)),
        Err(ParseError::Truncated { .. })
    ));
}

#[test]
fn end_records_tell_the_truth() {
    let clip = clip(None);
    let bytes = clip.write().unwrap();
    let end = u64::from_le_bytes(*bytes[bytes.len() - 12..].first_chunk().unwrap());
    let record = &bytes[end as usize..];
    // First byte, frames, key frames; number and offset of each (the offset of the second takes one byte), the rest.
    assert_eq!(record[..4], [0xC0, 5, 2, 0]);
    assert_eq!(record.len(), 3 + 2 + 2 + 12);
    let change = |at: usize, byte: u8| {
        let changed = resealed(&clip, |bytes| bytes[end as usize + at] = byte);
        damage(&changed)
    };
    let wrong = "a wrong number of frames in the end record";
    assert_eq!(change(1, 6), (wrong, end));
    let outside = "a number of frames outside 1 to 2^32 - 1";
    assert_eq!(change(1, 0), (outside, end + 1));
    for count in [0, 6] {
        let outside = "a number of key frames outside 1 to that of frames";
        assert_eq!(change(2, count), (outside, end + 2));
    }
    let astray = "an index that does not lead to the key frames";
    assert_eq!(change(4, record[4] + 1), (astray, end));
    assert_eq!(change(5, record[5] + 1), (astray, end));
    assert_eq!(change(6, record[6] + 1), (astray, end));
    let impossible = "a key frame that cannot be there";
    assert_eq!(change(3, 1), (impossible, end + 3));
    assert_eq!(change(5, 0), (impossible, end + 5));
    assert_eq!(change(5, 5), (impossible, end + 5));
    assert_eq!(change(6, 0), (impossible, end + 5));
    let beyond = resealed(&clip, |bytes| {
        bytes[end as usize + 4] = 0x7F;
        bytes[end as usize + 6] = 0x7F;
    });
    assert_eq!(damage(&beyond), (impossible, end + 5));
    let offset = "a wrong offset of the end record";
    assert_eq!(change(7, record[7] ^ 1), (offset, end + 7));
}

/// Where the first box begins in a file of [`plain`] with boxes.
const FIRST_BOX: usize = AFTER_HEAD + 1;

#[test]
fn unknown_boxes_are_kept_or_refused_by_their_type() {
    let mut container = plain();
    container.boxes.other = vec![OtherBox {
        kind: 0x87,
        bytes: Cow::Borrowed(b"later"),
    }];
    let bytes = container.write().unwrap();
    assert_eq!(parse(&bytes), Ok(container.clone()));

    let critical = resealed(&container, |bytes| bytes[FIRST_BOX] = 0x7F);
    let what = Feature::Box(0x7F);
    assert_eq!(parse(&critical), Err(ParseError::Unsupported { what }));
}

#[test]
fn boxes_have_one_order_and_the_length_of_their_type() {
    let mut container = plain();
    container.boxes.icc = Some(Cow::Borrowed(b"i"));
    container.boxes.exif = Some(Cow::Borrowed(b"e"));
    // Type, length, content and checksum.
    let second = FIRST_BOX + 1 + 1 + 1 + 4;
    let order = ("a box type that repeats or is out of order", second as u64);
    let swapped = resealed(&container, |bytes| bytes.swap(FIRST_BOX, second));
    assert_eq!(damage(&swapped), order);
    let repeated = resealed(&container, |bytes| bytes[FIRST_BOX] = 0x80);
    assert_eq!(damage(&repeated), order);
    let length = "a box whose content cannot have this length";
    let hollow = resealed(&container, |bytes| bytes[FIRST_BOX + 1] = 0);
    assert_eq!(damage(&hollow), (length, FIRST_BOX as u64));
    let short = resealed(&container, |bytes| bytes[FIRST_BOX] = 0x01);
    assert_eq!(damage(&short), (length, FIRST_BOX as u64));
    let none = resealed(&container, |bytes| bytes[AFTER_SIZE] = 0);
    assert_eq!(damage(&none), ("a number of boxes of 0", AFTER_SIZE as u64));
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
    assert_eq!(damage(&trailing), ("bytes after the end", len));
    let len = clip(None).write().unwrap().len() as u64;
    let trailing = resealed(&clip(None), |bytes| bytes.push(0));
    assert_eq!(damage(&trailing), ("bytes after the end", len));
}

#[test]
fn truncation_names_the_end_of_the_record() {
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
        max_streams: 2,
        max_frame_bytes: sample_payload(),
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
    assert_eq!(
        refused(Limits {
            max_streams: 1,
            ..exact
        }),
        "streams in a frame"
    );
    assert_eq!(
        refused(Limits {
            max_frame_bytes: sample_payload() - 1,
            ..exact
        }),
        "bytes of a frame"
    );
}

/// Bytes of the parts and streams of [`sample`].
fn sample_payload() -> u64 {
    let frame = &sample().frames[0];
    let parts = [&frame.graphics, &frame.alpha].into_iter().flatten();
    parts
        .chain(&frame.streams)
        .map(|bytes| bytes.len() as u64)
        .sum()
}

#[test]
fn lengths_that_overflow_are_no_panic() {
    // Nine-byte lengths of 2^63 - 1: the sum of three does not fit in 64 bits.
    let huge = [[0xFF; 8].as_slice(), &[0x7F]].concat();
    let mut frames = plain().write().unwrap();
    frames.truncate(AFTER_HEAD + 5);
    frames.push(3 << 3);
    frames.extend(huge.repeat(3));
    let limits = Limits {
        max_frame_bytes: u64::MAX,
        ..Limits::default()
    };
    let have = frames.len() as u64;
    let need = u64::MAX;
    assert_eq!(
        Container::parse(&frames, &limits),
        Err(ParseError::Truncated { have, need })
    );
    let mut boxes = plain();
    boxes.boxes.icc = Some(Cow::Borrowed(b"i"));
    boxes.boxes.exif = Some(Cow::Borrowed(b"e"));
    let second = FIRST_BOX + 1 + 1 + 1 + 4;
    let boxes = resealed(&boxes, |bytes| {
        bytes.splice(second + 1..second + 2, huge.iter().copied());
    });
    let limit = ParseError::Limit {
        what: "bytes of boxes",
        value: 1 << 63,
        limit: 128_000_000,
    };
    assert_eq!(parse(&boxes), Err(limit));
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
    assert_eq!(
        refused(|c| c.frames[0].alpha = None),
        WriteError::MissingAlpha
    );
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
    let empty: Cow<'_, [u8]> = Cow::Borrowed(b"");
    for what in ["graphics layer", "alpha channel"] {
        let mut container = sample();
        match what {
            "graphics layer" => container.frames[0].graphics = Some(empty.clone()),
            _ => container.frames[0].alpha = Some(empty.clone()),
        }
        assert_eq!(container.write(), Err(WriteError::EmptyPart { what }));
    }
    assert_eq!(
        refused(|c| c.boxes.device = Some(Cow::Borrowed("tab\t"))),
        WriteError::Device
    );
    assert_eq!(
        refused(|c| c.frames[0].level = 64),
        WriteError::Level { level: 64 }
    );
    assert_eq!(
        refused(|c| c.frames[0].kind = FrameKind::Predicted),
        WriteError::FirstFrame
    );
    let frames = |expected, given| WriteError::Frames { expected, given };
    assert_eq!(refused(|c| c.frames.clear()), frames(1, 0));
    assert_eq!(
        refused(|c| c.frames.push(c.frames[0].clone())),
        frames(1, 2)
    );
    for (announced, given, error) in [
        (None, 0, frames(1, 0)),
        (Some(5), 4, frames(5, 4)),
        (Some(4), 5, frames(4, 5)),
    ] {
        let mut container = clip(announced);
        container.frames.truncate(given);
        assert_eq!(container.write(), Err(error));
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn files_beyond_all_memory_are_an_error() {
    // The same untouched 128 MiB two million times over: more than any memory holds.
    let zeros = vec![0; 1 << 27];
    let mut container = plain();
    container.frames[0].streams = vec![Cow::Borrowed(&zeros[..]); 1 << 21];
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
