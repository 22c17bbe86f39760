//! What parsing allocates, counted: nothing before the limits, and only lists after them.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;

use common::{plain, sample};
use kiln_container::{Container, Limits, ParseError, expected_chunks, reseal};

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
fn nothing_is_allocated_for_chunk_lengths_that_are_not_there() {
    let mut short = plain().write().unwrap();
    // One column of 2^26 pixels, under the limit: 131073 chunks, of which the file holds none.
    short.splice(15..17, [0x01, 0x80, 0x80, 0x80, 0x20]);
    let (bytes, parsed) = requested(&short, &Limits::default());
    assert!(
        matches!(parsed, Err(ParseError::Truncated { need, .. }) if need > 131_073),
        "{parsed:?}"
    );
    assert_eq!(bytes, 0);
}

#[test]
fn contents_are_borrowed() {
    let mut container = sample();
    container.boxes.icc = Some(Cow::Owned(vec![7; 1_000_000]));
    container.frames[0].chunks[1] = Cow::Owned(vec![8; 10_000_000]);
    let bytes = container.write().unwrap();
    let (requested, parsed) = requested(&bytes, &Limits::default());
    assert_eq!(parsed.unwrap(), container);
    assert!(requested < 2_000, "{requested} bytes");
}

#[test]
fn lists_stay_in_proportion_to_the_input() {
    let mut container = plain();
    container.header.width = 1;
    container.header.height = 1 << 26;
    let chunks = expected_chunks(1, 1 << 26) as usize;
    container.frames[0].chunks = vec![Cow::Borrowed(&[][..]); chunks];
    let bytes = container.write().unwrap();
    let (requested, parsed) = requested(&bytes, &Limits::default());
    assert!(parsed.is_ok());
    // A length and a slice for each chunk, which has taken one byte of the input.
    assert!(
        requested < bytes.len() * 32 + 2_000,
        "{requested} for {} bytes",
        bytes.len()
    );
}
