//! How far the work is, and whether it goes on.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::layout::Layout;

/// Is told how many of how many rows of blocks are done, from several threads, and may stop the work.
pub type Watch<'a> = &'a (dyn Fn(u64, u64) -> ControlFlow<()> + Sync);

pub(crate) struct Progress<'a> {
    done: AtomicU64,
    total: u64,
    watch: Watch<'a>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(layout: &Layout, watch: Watch<'a>) -> Self {
        Self {
            done: AtomicU64::new(0),
            total: layout.block_rows() as u64,
            watch,
        }
    }

    /// One more row of blocks is done.
    pub(crate) fn step(&self) -> Result<(), Error> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match (self.watch)(done, self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }
}
