//! Following and stopping a stage of an architecture.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ModelError;

/// Told how far a stage has come, from any thread; may stop it.
pub trait Watch: Sync {
    /// `done` of `total` units of the stage are ready.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] to stop.
    fn update(&self, done: u64, total: u64) -> Result<(), ModelError>;
}

/// Follows nothing and stops nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn update(&self, _: u64, _: u64) -> Result<(), ModelError> {
        Ok(())
    }
}

/// Adds up what the threads of a stage have done.
pub(crate) struct Meter<'a> {
    watch: &'a dyn Watch,
    done: AtomicU64,
    total: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(watch: &'a dyn Watch, total: u64) -> Self {
        Self {
            watch,
            done: AtomicU64::new(0),
            total: total.max(1),
        }
    }

    /// So many units more are done. What goes beyond the total is not reported.
    pub(crate) fn add(&self, units: u64) -> Result<(), ModelError> {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        self.watch.update(done.min(self.total), self.total)
    }
}
