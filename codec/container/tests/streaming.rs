//! Files that are written and read frame by frame, in the smallest pieces, broken off, and out of order.

mod common;

use std::borrow::Cow;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use common::{CLIP_FRAMES, OneByte, clip, plain, sample};
use kiln_container::{
    Boxes, Container, Frame, FrameKind, Index, Limits, ParseError, ReadError, Reader, WriteError,
    Writer, WriterError,
};

fn samples() -> [Container<'static>; 4] {
    [plain(), sample(), clip(Some(CLIP_FRAMES)), clip(None)]
}

/// The file that a [`Writer`] makes of a container.
fn stream<W: Write>(out: W, container: &Container<'_>) -> Result<W, WriterError> {
    let mut writer = Writer::new(out, &container.header, &container.boxes)?;
    for frame in &container.frames {
        writer.frame(frame)?;
    }
    writer.finish()
}

/// All whole frames that a [`Reader`] delivers, and the error that ends them.
fn read<R: Read>(reader: &mut Reader<R>) -> (Vec<Frame<'static>>, Option<ReadError>) {
    let mut frames = Vec::new();
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn reader(bytes: &[u8]) -> Result<Reader<Cursor<&[u8]>>, ReadError> {
    Reader::new(Cursor::new(bytes), &Limits::default())
}

fn is_truncated(error: &ReadError) -> bool {
    matches!(error, ReadError::Parse(ParseError::Truncated { .. }))
}

#[test]
fn single_bytes_carry_a_whole_file() {
    for container in samples() {
        let OneByte(bytes) = stream(OneByte(Vec::new()), &container).unwrap();
        assert_eq!(bytes, container.write().unwrap());

        let mut reader = Reader::new(OneByte(&bytes[..]), &Limits::default()).unwrap();
        assert_eq!(*reader.header(), container.header);
        assert_eq!(*reader.boxes(), container.boxes);
        let (frames, error) = read(&mut reader);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(frames, container.frames);
        assert_eq!(reader.next_frame().unwrap(), None);
    }
}

#[test]
fn what_was_written_before_a_break_plays() {
    let container = clip(None);
    let whole = container.write().unwrap();
    let mut delivered = Vec::new();
    for len in 0..whole.len() {
        let bytes = &whole[..len];
        let (frames, error) = match reader(bytes) {
            Ok(mut reader) => read(&mut reader),
            Err(error) => (Vec::new(), Some(error)),
        };
        let error = error.unwrap();
        assert!(is_truncated(&error), "{len} bytes: {error}");
        assert_eq!(frames, container.frames[..frames.len()]);
        delivered.push(frames.len());
    }
    // A frame is delivered as soon as its last byte is there, so that longer files never have fewer.
    assert!(delivered.is_sorted());
    assert_eq!(delivered.last(), Some(&container.frames.len()));

    // A writer that is dropped has written each frame that it was given.
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, &container.header, &container.boxes).unwrap();
    writer.frame(&container.frames[0]).unwrap();
    drop(writer);
    let (frames, error) = read(&mut reader(&out).unwrap());
    assert_eq!(frames, container.frames[..1]);
    assert!(is_truncated(&error.unwrap()));
}

#[test]
fn damage_ends_a_sequence_after_the_frames_before_it() {
    let container = clip(None);
    let mut bytes = container.write().unwrap();
    let second = index(&bytes).key_frames()[1];
    bytes[second.offset as usize + 1] ^= 1;
    let mut reader = reader(&bytes).unwrap();
    let (frames, error) = read(&mut reader);
    assert_eq!(frames, container.frames[..3]);
    let what = match error {
        Some(ReadError::Parse(ParseError::Damaged { what, .. })) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what, "a wrong checksum of a frame");
    assert_eq!(reader.next_frame().unwrap(), None);
}

/// The index of an undamaged sequence.
fn index(bytes: &[u8]) -> Index {
    reader(bytes).unwrap().read_index().unwrap().unwrap()
}

#[test]
fn an_index_leads_to_the_key_frames() {
    let container = clip(None);
    // A file may begin anywhere in what is read.
    let before = b"something else";
    let bytes = [before, &container.write().unwrap()[..]].concat();
    let mut source = Cursor::new(&bytes[..]);
    source.set_position(before.len() as u64);
    let mut reader = Reader::new(source, &Limits::default()).unwrap();

    // Reading the index in the middle does not disturb the order of frames.
    assert_eq!(
        reader.next_frame().unwrap().as_ref(),
        Some(&container.frames[0])
    );
    let index = reader.read_index().unwrap().unwrap();
    let (rest, error) = read(&mut reader);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(rest, container.frames[1..]);

    assert_eq!(index.frames(), CLIP_FRAMES);
    let numbers: Vec<u32> = index.key_frames().iter().map(|key| key.number).collect();
    assert_eq!(numbers, [0, 3]);
    for key in index.key_frames() {
        let first = before.len() + key.offset as usize;
        assert_eq!(bytes[first], container.frames[key.number as usize].level);
    }

    for (number, key) in [(4, 3), (0, 0), (3, 3), (2, 0), (u32::MAX, 3)] {
        assert_eq!(reader.seek(&index, number).unwrap(), key);
        let (frames, error) = read(&mut reader);
        // The end record is held against the frames before the place too.
        assert!(error.is_none(), "{error:?}");
        assert_eq!(frames, container.frames[key as usize..]);
    }
}

#[test]
fn a_key_frame_behind_damage_can_be_reached() {
    let container = clip(Some(CLIP_FRAMES));
    let mut bytes = container.write().unwrap();
    let first = index(&bytes).key_frames()[0].offset as usize;
    bytes[first + 1] ^= 1;
    let mut reader = reader(&bytes).unwrap();
    assert!(reader.next_frame().is_err());
    let index = reader.read_index().unwrap().unwrap();
    assert_eq!(reader.seek(&index, 4).unwrap(), 3);
    let (frames, error) = read(&mut reader);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(frames, container.frames[3..]);
}

#[test]
fn still_pictures_have_no_index() {
    let bytes = sample().write().unwrap();
    let mut reader = reader(&bytes).unwrap();
    assert_eq!(reader.read_index().unwrap(), None);
    assert_eq!(read(&mut reader).0, sample().frames);
}

#[test]
fn every_end_without_an_index_is_recognised() {
    let container = clip(None);
    let whole = container.write().unwrap();
    let head = Writer::new(Vec::new(), &container.header, &container.boxes)
        .map(|_| whole.len() - payload_and_end(&container))
        .unwrap();
    for len in head..whole.len() {
        let mut reader = reader(&whole[..len]).unwrap();
        let found = reader.read_index();
        assert!(
            matches!(found, Err(ReadError::Parse(_))),
            "{len}: {found:?}"
        );
        // The reader is where it was.
        let frames = read(&mut reader).0;
        assert_eq!(frames, container.frames[..frames.len()]);
    }
    for at in whole.len() - 12..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let found = reader(&bytes).unwrap().read_index();
        assert!(matches!(found, Err(ReadError::Parse(_))), "{at}: {found:?}");
    }
    let trailing = [&whole[..], &[0]].concat();
    assert!(reader(&trailing).unwrap().read_index().is_err());
}

/// Bytes of a sequence behind its boxes.
fn payload_and_end(container: &Container<'_>) -> usize {
    let bytes = container.write().unwrap();
    bytes.len() - index(&bytes).key_frames()[0].offset as usize
}

#[test]
fn refused_frames_leave_no_trace() {
    let container = clip(Some(2));
    let mut writer = Writer::new(Vec::new(), &container.header, &container.boxes).unwrap();
    let refusal = |result: Result<(), WriterError>| match result {
        Err(WriterError::Refused(error)) => error,
        other => panic!("{other:?}"),
    };
    let [intra, predicted, ..] = &container.frames[..] else {
        panic!("the clip has frames");
    };
    assert_eq!(refusal(writer.frame(predicted)), WriteError::FirstFrame);
    writer.frame(intra).unwrap();
    let loud = Frame {
        level: 64,
        ..intra.clone()
    };
    assert_eq!(
        refusal(writer.frame(&loud)),
        WriteError::Level { level: 64 }
    );
    writer.frame(predicted).unwrap();
    let many = WriteError::Frames {
        expected: 2,
        given: 3,
    };
    assert_eq!(refusal(writer.frame(predicted)), many);
    let bytes = writer.finish().unwrap();
    let parsed = Container::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(parsed.frames, container.frames[..2]);
}

#[test]
fn counts_are_checked_at_the_end() {
    for (container, expected) in [(clip(Some(2)), 2), (clip(None), 1), (plain(), 1)] {
        let mut writer = Writer::new(Vec::new(), &container.header, &container.boxes).unwrap();
        let given = expected - 1;
        for frame in &container.frames[..given as usize] {
            writer.frame(frame).unwrap();
        }
        match writer.finish() {
            Err(WriterError::Refused(WriteError::Frames {
                expected: e,
                given: g,
            })) => {
                assert_eq!((e, g), (expected, given.into()));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A sink that fails after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.0);
        self.0 -= len;
        match len {
            0 => Err(io::Error::from(io::ErrorKind::StorageFull)),
            len => Ok(len),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn failures_of_the_output_are_passed_on_and_final() {
    let container = clip(None);
    let len = container.write().unwrap().len();
    for room in 0..len {
        match stream(Full(room), &container) {
            Err(WriterError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            other => panic!("{room} bytes: {:?}", other.map(|_| ())),
        }
    }
    assert!(stream(Full(len), &container).is_ok());

    let mut writer = Writer::new(Full(len / 2), &container.header, &Boxes::default()).unwrap();
    while writer.frame(&container.frames[0]).is_ok() {}
    for result in [
        writer.frame(&container.frames[0]),
        writer.finish().map(drop),
    ] {
        match result {
            Err(WriterError::Io(error)) => {
                assert!(error.to_string().contains("earlier"), "{error}")
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A source that fails once, where `fails_at` says, and is otherwise that of the bytes.
struct Faulty<'a> {
    bytes: Cursor<&'a [u8]>,
    fails_at: u64,
}

impl Read for Faulty<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.fails_at.saturating_sub(self.bytes.position());
        if left == 0 {
            self.fails_at = u64::MAX;
            return Err(io::Error::from(io::ErrorKind::ConnectionReset));
        }
        let len = out.len().min(left as usize);
        self.bytes.read(&mut out[..len])
    }
}

#[test]
fn failures_of_the_input_are_passed_on() {
    let bytes = clip(None).write().unwrap();
    for fails_at in 0..=bytes.len() as u64 {
        let source = Faulty {
            bytes: Cursor::new(&bytes),
            fails_at,
        };
        let error = match Reader::new(source, &Limits::default()) {
            Ok(mut reader) => read(&mut reader).1,
            Err(error) => Some(error),
        };
        match error {
            Some(ReadError::Io(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            }
            other => panic!("{fails_at}: {other:?}"),
        }
    }
}

impl Seek for Faulty<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[test]
fn a_source_that_has_failed_can_still_be_sought() {
    let container = clip(None);
    let bytes = container.write().unwrap();
    let first = index(&bytes).key_frames()[0].offset;
    for fails_at in first..bytes.len() as u64 {
        let source = Faulty {
            bytes: Cursor::new(&bytes),
            fails_at,
        };
        let mut reader = Reader::new(source, &Limits::default()).unwrap();
        assert!(read(&mut reader).1.is_some(), "{fails_at}");
        let index = reader.read_index().unwrap().unwrap();
        reader.seek(&index, 0).unwrap();
        let (frames, error) = read(&mut reader);
        assert!(error.is_none(), "{fails_at}: {error:?}");
        assert_eq!(frames, container.frames);
    }
}

/// A source that is interrupted before every read.
struct Interrupted<R>(R, bool);

impl<R: Read> Read for Interrupted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
        self.0.read(out)
    }
}

#[test]
fn interruptions_are_no_failures() {
    let bytes = clip(None).write().unwrap();
    let source = Interrupted(OneByte(&bytes[..]), false);
    let mut reader = Reader::new(source, &Limits::default()).unwrap();
    let (frames, error) = read(&mut reader);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(frames, clip(None).frames);
}

#[test]
fn many_frames_stream_through_a_pipe() {
    let container = clip(None);
    let frames = 2000;
    let mut writer = Writer::new(Vec::new(), &container.header, &container.boxes).unwrap();
    for number in 0..frames {
        writer
            .frame(&Frame {
                level: (number % 64) as u8,
                streams: vec![Cow::Owned(vec![number as u8; 1 + number % 90])],
                ..container.frames[0].clone()
            })
            .unwrap();
    }
    let bytes = writer.finish().unwrap();
    let index = index(&bytes);
    assert_eq!(index.frames(), frames as u32);
    let numbers = index.key_frames().iter().map(|key| key.number);
    assert!(numbers.eq(0..frames as u32));

    let mut reader = reader(&bytes).unwrap();
    for number in (0..frames).rev().step_by(97) {
        assert_eq!(reader.seek(&index, number as u32).unwrap(), number as u32);
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!(frame.kind, FrameKind::Intra);
        assert_eq!(frame.streams, [vec![number as u8; 1 + number % 90]]);
    }
}

#[test]
fn an_index_of_another_file_is_found_out() {
    let mut longer = clip(None);
    longer.boxes.xmp = Some(Cow::Borrowed(b"<longer/>"));
    let index = index(&longer.write().unwrap());
    let bytes = clip(None).write().unwrap();
    let mut reader = reader(&bytes).unwrap();
    reader.seek(&index, 3).unwrap();
    assert!(read(&mut reader).1.is_some());
}
