//! Progress bars on standard error.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console;

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that appears after a second, on a terminal only, and is gone when dropped.
pub struct Progress {
    label: String,
    quiet: bool,
    started: Instant,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    /// A bar for work named `label`, such as a file; never shown when `quiet`.
    pub fn new(label: impl Into<String>, quiet: bool) -> Self {
        Self {
            label: label.into(),
            quiet,
            started: Instant::now(),
            bar: Mutex::new(None),
        }
    }

    /// Shows that `done` of `total` units of `stage` are done.
    pub fn set(&self, stage: &str, done: u64, total: u64) {
        if self.quiet || self.started.elapsed() < PATIENCE {
            return;
        }
        // A panic elsewhere cannot leave a bar in a state that matters.
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bar.get_or_insert_with(|| {
            // Hides itself when standard error is not a terminal.
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{prefix} {msg:12} [{bar:30}] {pos}/{len} {elapsed}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(self.label.clone());
            bar
        });
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(stage.to_owned());
    }

    /// Prints a line on standard error without tearing the bar.
    pub fn line(&self, text: &str) {
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(|| console::remark(text)),
            None => console::remark(text),
        }
    }
}

impl kiln::Progress for Progress {
    fn update(&self, stage: kiln::Stage, done: u64, total: u64) -> ControlFlow<()> {
        self.set(stage.name(), done, total);
        ControlFlow::Continue(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self
            .bar
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            bar.finish_and_clear();
        }
    }
}
