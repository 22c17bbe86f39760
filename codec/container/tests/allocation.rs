//! What parsing allocates, counted: nothing before the limits, and only lists after them.

#![allow(
    unsafe_code,
    reason = "an allocator that counts is unsafe by its trait"
)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};

use common::{AFTER_SIZE, plain, sample};
use kiln_container::{Container, Limits, ParseError, ReadError, Reader, reseal};

/// Where the frame record begins in a file made by [`plain`].
const AFTER_HEAD: usize = AFTER_SIZE + 4;

thread_local! {
    /// Bytes requested by this thread. A constant initialiser without a destructor: counting allocates nothing.
    static REQUESTED: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with a count of the bytes that each thread asks for.
struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged; the count beside it touches no memory of its.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTED.set(REQUESTED.get() + layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, hence from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes requested while parsing, and what came of it.
fn requested<'a>(bytes: &'a [u8], limits: &Limits) -> (usize, Result<Container<'a>, ParseError>) {
    let before = REQUESTED.get();
    let parsed = Container::parse(bytes, limits);
    (REQUESTED.get() - before, parsed)
}

#[test]
fn nothing_is_allocated_for_what_the_limits_refuse() {
    let mut bomb = plain().write().unwrap();
    bomb.splice(15..17, [0xA0, 0x8D, 0x06, 0xA0, 0x8D, 0x06]);
    reseal(&mut bomb);
    let (bytes, parsed) = requested(&bomb, &Limits::default());
    assert!(
        matches!(
            parsed,
            Err(ParseError::Limit {
                value: 10_000_000_000,
                ..
            })
        ),
        "{parsed:?}"
    );
    assert_eq!(bytes, 0);
}

#[test]
fn streams_that_are_not_there_are_not_allocated() {
    let mut short = plain().write().unwrap();
    // As many streams as the default limit allows, of which the file holds none, not even the lengths.
    short.truncate(AFTER_HEAD + 5);
    short.extend([0x80, 0x80, 0x80, 0x01]);
    let (bytes, parsed) = requested(&short, &Limits::default());
    assert!(
        matches!(parsed, Err(ParseError::Truncated { .. })),
        "{parsed:?}"
    );
    assert_eq!(bytes, 0);
}

#[test]
fn contents_are_borrowed() {
    let mut container = sample();
    container.boxes.icc = Some(Cow::Owned(vec![7; 1_000_000]));
    container.frames[0].streams[1] = Cow::Owned(vec![8; 10_000_000]);
    let bytes = container.write().unwrap();
    let (requested, parsed) = requested(&bytes, &Limits::default());
    assert_eq!(parsed.unwrap(), container);
    assert!(requested < 3_000, "{requested} bytes");
}

#[test]
fn lists_stay_in_proportion_to_the_input() {
    let mut container = plain();
    let most = Limits::default().max_streams as usize;
    container.frames[0].streams = vec![Cow::Borrowed(&[][..]); most];
    let bytes = container.write().unwrap();
    let (requested, parsed) = requested(&bytes, &Limits::default());
    assert!(parsed.is_ok());
    // A length, in a list that doubles as it grows, and a slice for each stream, which has taken one byte of the input.
    assert!(
        requested < bytes.len() * 64 + 2_000,
        "{requested} for {} bytes",
        bytes.len()
    );
}

/// Some bytes, and then zeros without end.
struct Endless<'a>(&'a [u8]);

impl Read for Endless<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            out.fill(0);
            return Ok(out.len());
        }
        self.0.read(out)
    }
}

/// Bytes requested while reading from [`Endless`], and the error that it comes to.
fn requested_without_end(start: &[u8]) -> (usize, ParseError) {
    let limits = Limits {
        max_box_bytes: 1 << 20,
        max_frame_bytes: 1 << 20,
        ..Limits::default()
    };
    let before = REQUESTED.get();
    let read = Reader::new(Endless(start), &limits).and_then(|mut reader| {
        while reader.next_frame()?.is_some() {}
        Ok(())
    });
    match read {
        Err(ReadError::Parse(error)) => (REQUESTED.get() - before, error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn endless_sources_come_to_an_end() {
    let is_damage = |what| move |error: &ParseError| matches!(error, ParseError::Damaged { what: w, .. } if *w == what);
    let (bytes, error) = requested_without_end(b"");
    assert_eq!((bytes, error), (0, ParseError::NotKiln));

    let head = &plain().write().unwrap()[..AFTER_HEAD];
    // Zeros are an intra frame without streams, and its checksum is not 0.
    let (bytes, error) = requested_without_end(head);
    assert!(is_damage("a wrong checksum of a frame")(&error), "{error}");
    assert_eq!(bytes, 0);

    // After a whole still picture nothing may come, and only one byte of it is looked at.
    let (_, error) = requested_without_end(&plain().write().unwrap());
    assert!(is_damage("bytes after the end")(&error), "{error}");

    let frame = |parts: &[u8]| [head, &[0; 5], parts].concat();
    // One stream of the most bytes allowed: they are read, in a vector that doubles as it grows, and found wrong.
    let (bytes, error) = requested_without_end(&frame(&[1 << 3, 0x80, 0x80, 0x40]));
    assert!(is_damage("a wrong checksum of a frame")(&error), "{error}");
    assert!(bytes < 3 << 20, "{bytes}");
    // One byte more is refused at once, and so are many streams that are too long together.
    for parts in [
        &[1 << 3, 0x81, 0x80, 0x40][..],
        &[4 << 3, 0x80, 0x80, 0x20, 0x80, 0x80, 0x20, 1],
    ] {
        let (bytes, error) = requested_without_end(&frame(parts));
        let limit = ParseError::Limit {
            what: "bytes of a frame",
            value: (1 << 20) + 1,
            limit: 1 << 20,
        };
        assert_eq!(error, limit);
        assert!(bytes < 100, "{bytes}");
    }
    // The most streams allowed, all of them empty: lists, and no more.
    let (bytes, error) = requested_without_end(&frame(&[0x80, 0x80, 0x80, 0x01]));
    assert!(is_damage("a wrong checksum of a frame")(&error), "{error}");
    assert!(bytes < 64 << 18, "{bytes}");
}

#[test]
fn a_length_reserves_no_more_than_a_piece() {
    let mut short = plain().write().unwrap();
    short.truncate(AFTER_HEAD + 5);
    short.extend([1 << 3, 0x80, 0x80, 0x80, 0x80, 0x01]);
    short.extend([7; 1000]);
    let before = REQUESTED.get();
    let mut reader = Reader::new(&short[..], &Limits::default()).unwrap();
    let error = reader.next_frame().unwrap_err();
    let bytes = REQUESTED.get() - before;
    let need = short.len() as u64 - 1000 + (1 << 28) + 4;
    assert!(
        matches!(error, ReadError::Parse(ParseError::Truncated { need: n, .. }) if n == need),
        "{error}"
    );
    assert!(bytes <= (1 << 16) + 100, "{bytes}");
}
