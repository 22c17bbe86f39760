//! Following and stopping a run, and where its time went.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use kiln_fit::{Next, Status as FitStatus};
use kiln_models::ModelError;
use kiln_models::seam::Watch;

/// A stage of encoding or decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// g_a over the picture.
    Analyse,
    /// Hyper latent, entropy networks and entropy coding of one level (encoder: once per level tried).
    Code,
    /// The search for better latents, where an effort asks for it; its last part is coding.
    Refine,
    /// The fit of networks to the picture, where [`Fit`](crate::Fit) asks for it.
    Fit,
    /// Blocks and pictures without loss, alpha included, and the choice of such blocks.
    Graphics,
    /// The container.
    Pack,
    /// Container and limits, and opening the device if nothing has been decoded there before.
    Parse,
    /// g_s over the latents, pixels included.
    Synthesise,
    /// A case of the [self-test](crate::selftest).
    Test,
}

impl Stage {
    /// One word in lower case, for people and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Analyse => "analyse",
            Self::Code => "code",
            Self::Refine => "refine",
            Self::Fit => "fit",
            Self::Graphics => "graphics",
            Self::Pack => "pack",
            Self::Parse => "parse",
            Self::Synthesise => "synthesise",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Told how far a run has come; may stop it. Calls come from any thread, also from several at once.
pub trait Progress: Sync {
    /// `done` of `total` units of a stage are ready. `Break` ends the run with
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    fn update(&self, stage: Stage, done: u64, total: u64) -> ControlFlow<()>;

    /// A fit of networks to the picture has come so far: bytes of the file and PSNR of the best so far, without what a
    /// graphics layer brings. [`Next::Finish`] asks for the file now, of the best so far; the call has to be answered so
    /// once. Unless it is implemented, this is an update of [`Stage::Fit`].
    fn fit(&self, status: &FitStatus) -> Next {
        const STEPS: u64 = 1000;
        let done = (status.done.clamp(0.0, 1.0) * STEPS as f64) as u64;
        match self.update(Stage::Fit, done, STEPS) {
            ControlFlow::Continue(()) => Next::GoOn,
            ControlFlow::Break(()) => Next::Cancel,
        }
    }
}

/// Follows nothing and stops nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn update(&self, _: Stage, _: u64, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// One stage of a run, as the networks report it.
pub(crate) struct Staged<'a> {
    pub(crate) progress: &'a dyn Progress,
    pub(crate) stage: Stage,
}

impl Watch for Staged<'_> {
    fn update(&self, done: u64, total: u64) -> Result<(), ModelError> {
        match self.progress.update(self.stage, done, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        }
    }
}

/// Time spent in each stage, in the order they ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageTimes(Vec<(Stage, Duration)>);

impl StageTimes {
    /// Each stage and its time.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        self.0.iter().copied()
    }

    /// Runs a stage and notes its time, added up where a stage runs more than once.
    pub(crate) fn time<T>(&mut self, stage: Stage, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let out = run();
        let spent = start.elapsed();
        match self.0.iter_mut().find(|(s, _)| *s == stage) {
            Some((_, t)) => *t += spent,
            None => self.0.push((stage, spent)),
        }
        out
    }
}
