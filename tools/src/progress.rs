//! Progress bars on standard error.

use std::ops::ControlFlow;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kiln::{FitStatus, Next};

use crate::console;
use crate::interrupt;

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// All bars, one below the other: several pictures may be fitted at a time. Hidden where standard error is not a terminal.
static BARS: LazyLock<MultiProgress> =
    LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));

/// What a bar shows.
const STAGE: &str = "{prefix} {msg:12} [{bar:30}] {pos}/{len} {elapsed}";
const FIT: &str = "{prefix} {msg} [{bar:20}] {percent}%";

/// A bar that appears after a second, on a terminal only, and is gone when dropped.
pub struct Progress {
    label: String,
    quiet: bool,
    started: Instant,
    bar: Mutex<Option<ProgressBar>>,
    /// When a fit began, while one runs.
    fit: Mutex<Option<Instant>>,
}

impl Progress {
    /// A bar for work named `label`, such as a file; never shown when `quiet`.
    pub fn new(label: impl Into<String>, quiet: bool) -> Self {
        Self {
            label: label.into(),
            quiet,
            started: Instant::now(),
            bar: Mutex::new(None),
            fit: Mutex::new(None),
        }
    }

    /// Shows that `done` of `total` units of `stage` are done.
    pub fn set(&self, stage: &str, done: u64, total: u64) {
        let before = lock(&self.fit).take();
        self.show(|bar| {
            if before.is_some() {
                bar.set_style(style(STAGE));
            }
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(stage.to_owned());
        });
    }

    /// Shows how far a fit is, what it has come to, and how long it will take.
    fn set_fit(&self, status: &FitStatus) {
        const STEPS: u64 = 1000;
        let (begun, first) = {
            let mut fit = lock(&self.fit);
            let first = fit.is_none();
            (*fit.get_or_insert_with(Instant::now), first)
        };
        self.show(|bar| {
            if first || bar.length() != Some(STEPS) {
                bar.set_style(style(FIT));
                bar.set_length(STEPS);
            }
            bar.set_position((status.done * STEPS as f64) as u64);
            bar.set_message(fit_message(status, begun.elapsed()));
        });
    }

    fn show(&self, change: impl FnOnce(&ProgressBar)) {
        if self.quiet || self.started.elapsed() < PATIENCE {
            return;
        }
        let mut bar = lock(&self.bar);
        change(bar.get_or_insert_with(|| {
            let bar = BARS.add(ProgressBar::new(0));
            bar.set_style(style(STAGE));
            bar.set_prefix(self.label.clone());
            bar
        }));
    }

    /// Prints a line on standard error without tearing the bar.
    pub fn line(&self, text: &str) {
        BARS.suspend(|| console::remark(text));
    }
}

/// A panic elsewhere cannot leave a bar in a state that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Bytes, PSNR, and the time left if the rest goes as what is done.
fn fit_message(status: &FitStatus, elapsed: Duration) -> String {
    let mut text = format!(
        "fit {:>7} bytes {:.2} dB",
        status.bytes.round() as u64,
        status.psnr
    );
    // The first steps say little.
    if status.done > 0.01 {
        let left = elapsed.as_secs_f64() * (1.0 / status.done - 1.0);
        // Longer estimates are wrong anyway.
        let left = Duration::from_secs(left.clamp(0.0, 1e7) as u64);
        text += &format!(", {} left", HumanDuration(left));
    }
    text
}

impl kiln::Progress for Progress {
    fn update(&self, stage: kiln::Stage, done: u64, total: u64) -> ControlFlow<()> {
        self.set(stage.name(), done, total);
        ControlFlow::Continue(())
    }

    fn fit(&self, status: &FitStatus) -> Next {
        self.set_fit(status);
        match interrupt::asked_to_finish() {
            true => Next::Finish,
            false => Next::GoOn,
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = lock(&self.bar).take() {
            bar.finish_and_clear();
            BARS.remove(&bar);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_tells_what_it_has_come_to_and_how_long_it_takes() {
        let status = |done| FitStatus {
            done,
            iterations: 1,
            bytes: 41_532.4,
            psnr: 33.126,
        };
        let text = fit_message(&status(0.25), Duration::from_secs(60));
        assert_eq!(text, "fit   41532 bytes 33.13 dB, 3 minutes left");
        let text = fit_message(&status(0.0), Duration::ZERO);
        assert_eq!(text, "fit   41532 bytes 33.13 dB");
    }
}
