//! The system's allocator with counts beside it: what each thread asks for and holds, and what the whole process holds.
// Each test crate uses its own part of this module.
#![allow(dead_code)]
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// Bytes requested by this thread. Constant initialisers without destructors: counting allocates nothing.
    static REQUESTED: Cell<usize> = const { Cell::new(0) };
    /// Bytes that this thread holds, and the most since the last reset. It may free what others have allocated.
    static HELD_HERE: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Bytes that this thread has asked for so far.
pub fn requested() -> usize {
    REQUESTED.get()
}

/// The most bytes that the process held at once while `work` ran, beyond those that it held before.
pub fn most_held<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let out = work();
    (MOST.load(Ordering::Relaxed).saturating_sub(before), out)
}

/// The same of this thread alone, on which the work must stay. Other threads may run beside it.
pub fn most_held_here<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let (before, _) = HELD_HERE.get();
    HELD_HERE.set((before, before));
    let out = work();
    ((HELD_HERE.get().1 - before) as usize, out)
}

struct Counting;

fn take(bytes: usize) {
    REQUESTED.set(REQUESTED.get() + bytes);
    let (held, most) = HELD_HERE.get();
    let held = held + bytes as isize;
    HELD_HERE.set((held, most.max(held)));
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(held, Ordering::Relaxed);
}

fn give(bytes: usize) {
    let (held, most) = HELD_HERE.get();
    HELD_HERE.set((held - bytes as isize, most));
    HELD.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator unchanged; the counts beside it touch no memory of its.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same one.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give(layout.size());
        // SAFETY: the pointer came from one of the others here, hence from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size);
        give(layout.size());
        // SAFETY: as for `dealloc`; the caller keeps the contract of `realloc`, which is the same one.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
