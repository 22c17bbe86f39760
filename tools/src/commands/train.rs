//! `kiln train`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kiln::DeviceChoice;
use kiln_models::{BUNDLED, Trainer, seam};
use serde_json::json;

use super::model;
use crate::args::TrainArgs;
use crate::console;
use crate::files::{self, Source};
use crate::progress::Progress;
use crate::train::crops::Crops;
use crate::train::curve::Curve;
use crate::train::schedule::{Length, factor};
use crate::usage::UsageError;

/// Extension of weights.
const EXTENSION: &str = "safetensors";
/// How often weights and state are written on the way.
const SAVE_EVERY: Duration = Duration::from_secs(600);
/// Steps in a row without a finite gradient after which training is given up.
const PATIENCE: u64 = 20;

/// Runs the subcommand.
pub fn run(args: &TrainArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let length = match (args.steps, args.minutes) {
        (Some(steps), _) => Length::Steps(steps),
        (None, Some(minutes)) => Length::Time(Duration::from_secs_f64(60.0 * minutes)),
        (None, None) => return Err(UsageError("give --minutes or --steps".into()).into()),
    };
    if args.out.extension().is_none_or(|e| e != EXTENSION) {
        let message = format!(
            "--out {}: the name must end in .{EXTENSION}; the state and the curve are written beside it",
            args.out.display()
        );
        return Err(UsageError(message).into());
    }
    for path in [&args.init, &args.resume].into_iter().flatten() {
        if same(path, &args.out) {
            let message = format!("--out {} would replace what is read", args.out.display());
            return Err(UsageError(message).into());
        }
    }
    model::threads(args.threads)?;
    let mut trainer = start(args)?;
    let most = trainer.config().levels - 1;
    if usize::from(args.levels.1) > most {
        bail!(
            "level {} is outside 0..={most} of these weights",
            args.levels.1
        );
    }
    // Other crops and noise than before a resume.
    let seed = args.seed.wrapping_add(trainer.steps());
    let mut crops = Crops::read(&args.data, args.crop, seed)?;

    let progress = Progress::new("train", quiet);
    let (begin, first) = (Instant::now(), trainer.steps());
    let mut curve = Curve::default();
    let (mut saved, mut failed, mut earliest, mut last) = (Instant::now(), 0, None, f64::NAN);
    loop {
        let steps = trainer.steps() - first;
        let part = length.part(steps, begin);
        if part >= 1.0 {
            break;
        }
        let rate = args.lr * factor(steps, part);
        let levels = crops.levels(args.batch, args.levels);
        let report = trainer.step(&crops.batch(args.batch), &levels, rate)?;
        failed = if report.applied { 0 } else { failed + 1 };
        if failed == PATIENCE {
            bail!(
                "training has diverged: no finite gradient in {PATIENCE} steps; use a lower --lr"
            );
        }
        last = report.loss;
        earliest.get_or_insert(report.loss);
        let minutes = begin.elapsed().as_secs_f64() / 60.0;
        curve.add(trainer.steps(), minutes, rate, &report);
        let (done, total) = match length {
            Length::Steps(all) => (steps + 1, all),
            Length::Time(all) => (begin.elapsed().as_secs(), all.as_secs().max(1)),
        };
        progress.set(&format!("loss {:.4}", report.loss), done.min(total), total);
        if saved.elapsed() >= SAVE_EVERY {
            save(args, &trainer, &curve)?;
            saved = Instant::now();
        }
    }
    save(args, &trainer, &curve)?;
    let seconds = begin.elapsed().as_secs_f64();
    let steps = trainer.steps() - first;
    if args.json {
        console::print_json(&json!({
            "weights": args.out.display().to_string(),
            "pictures": crops.pictures(),
            "steps": steps,
            "steps_in_all": trainer.steps(),
            "seconds": seconds,
            "first_loss": earliest,
            "last_loss": last,
        }))?;
    } else if !quiet {
        progress.line(&format!(
            "{}: {steps} steps in {seconds:.0} s on {} pictures, loss {:.4} at first and {last:.4} at last",
            args.out.display(),
            crops.pictures(),
            earliest.unwrap_or(f64::NAN),
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The model to train, on its device.
fn start(args: &TrainArgs) -> anyhow::Result<Trainer> {
    let choice: DeviceChoice = args
        .device
        .parse()
        .map_err(|error| UsageError(format!("--device {}: {error}", args.device)))?;
    let device = seam::choose(&choice)?;
    let read = |path: &Path| files::read(&Source::File(path.into()));
    if let Some(path) = &args.resume {
        return Trainer::resume(&read(path)?, &device, args.seed)
            .with_context(|| format!("cannot go on from {}", path.display()));
    }
    match args.init.as_deref() {
        None => Ok(Trainer::new(BUNDLED, &device, args.seed)?),
        Some(path) if path == Path::new("bundled") => {
            Ok(Trainer::new(BUNDLED, &device, args.seed)?)
        }
        Some(path) => Trainer::new(&read(path)?, &device, args.seed)
            .with_context(|| format!("cannot use the weights {}", path.display())),
    }
}

/// Whether two paths name one file. Paths that do not exist name none.
fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Writes weights, state and curve, each complete or not at all.
fn save(args: &TrainArgs, trainer: &Trainer, curve: &Curve) -> anyhow::Result<()> {
    let write = |path: &Path, bytes: &[u8]| {
        files::write_file(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    write(&args.out, &trainer.weights()?)?;
    write(&args.out.with_extension("state"), &trainer.state()?)?;
    write(&args.out.with_extension("csv"), &curve.csv()?)
}
