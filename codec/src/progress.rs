//! Following and stopping a run, and where its time went.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Names of the stages, as they appear in progress and in [`StageTimes`].
pub mod stage {
    /// g_a over the picture.
    pub const ANALYSE: &str = "analyse";
    /// Hyper latent, exact networks and entropy coding of one level (encoder: once per level tried).
    pub const CODE: &str = "code";
    /// The search for better latents, where an effort asks for it; its last part is coding.
    pub const REFINE: &str = "refine";
    /// Alpha and the container.
    pub const PACK: &str = "pack";
    /// Container and limits.
    pub const PARSE: &str = "parse";
    /// g_s over the latents, pixels included.
    pub const SYNTHESISE: &str = "synthesise";
}

/// Told how far a run has come; may stop it.
pub trait Progress: Sync {
    /// `done` of `total` units of a stage are ready. `Break` ends the run with [`Error::Cancelled`](crate::Error::Cancelled).
    fn update(&self, stage: &'static str, done: u64, total: u64) -> ControlFlow<()>;
}

/// Follows nothing and stops nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn update(&self, _: &'static str, _: u64, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Seconds spent in each stage, in the order they ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageTimes(Vec<(&'static str, Duration)>);

impl StageTimes {
    /// (name, time) of each stage.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> + '_ {
        self.0.iter().copied()
    }

    /// Runs a stage and notes its time, added up where a stage runs more than once.
    pub(crate) fn time<T>(&mut self, name: &'static str, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let out = run();
        let spent = start.elapsed();
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, t)) => *t += spent,
            None => self.0.push((name, spent)),
        }
        out
    }
}
