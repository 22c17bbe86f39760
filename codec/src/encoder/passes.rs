//! How far the choice of blocks has come, over everything that it tries.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;
use crate::progress::{Progress, Stage};

/// Steps of a pass, as they are reported.
const STEPS: u64 = 100;

/// Passes over a picture that are not stages of their own: codings that are tried, what they look like, layers. How many
/// there will be is not known, only how many at most.
pub(super) struct Passes<'a> {
    progress: &'a dyn Progress,
    begun: u64,
    most: u64,
    /// Whether any of them has reported something.
    heard: Arc<AtomicBool>,
}

/// One pass, which reports as a part of [`Stage::Graphics`] whatever its stage is.
pub(super) struct Pass<'a> {
    progress: &'a dyn Progress,
    before: u64,
    total: u64,
    heard: Arc<AtomicBool>,
}

impl<'a> Passes<'a> {
    /// `most`: passes that there will be at most. More of them count as the last one.
    pub(super) fn new(progress: &'a dyn Progress, most: usize) -> Self {
        Self {
            progress,
            begun: 0,
            most: most as u64,
            heard: Arc::default(),
        }
    }

    /// The next pass.
    pub(super) fn next(&mut self) -> Pass<'a> {
        self.begun += 1;
        Pass {
            progress: self.progress,
            before: (self.begun.min(self.most) - 1) * STEPS,
            total: self.most * STEPS,
            heard: self.heard.clone(),
        }
    }

    /// There are no more passes.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let total = self.most * STEPS;
        match self.heard.load(Ordering::Relaxed) {
            false => Ok(()),
            true => match self.progress.update(Stage::Graphics, total, total) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Cancelled),
            },
        }
    }
}

impl Progress for Pass<'_> {
    fn update(&self, _: Stage, done: u64, total: u64) -> ControlFlow<()> {
        // Never the end, which `finish` tells, and never nothing.
        let part = (STEPS - 1) * done.min(total) / total.max(1);
        let done = self.before + part.max(1);
        self.heard.store(true, Ordering::Relaxed);
        self.progress.update(Stage::Graphics, done, self.total)
    }
}
