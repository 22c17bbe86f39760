//! `kiln encode`.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use anyhow::Context;
use kiln::picture::{self, Format, LoadOptions};
use kiln::{
    Decoder, EncodeOptions, Encoded, Encoder, ExactChoice, FITTED, Fit, Fitted, Limits, Picture,
    Target, Verified, verify,
};
use kiln_measure::metrics::psnr;
use serde_json::{Value, json};

use super::batch::{self, Done};
use super::model;
use crate::args::EncodeArgs;
use crate::files::{self, Job, Kind, Sink, Source};
use crate::progress::Progress;
use crate::usage::UsageError;

/// Extension of the files written into a folder.
const EXTENSION: &str = "kiln";

/// Runs the subcommand.
pub fn run(args: &EncodeArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let plan = files::plan(
        &args.files.inputs,
        &args.files.output,
        Kind::Picture,
        EXTENSION,
    )?;
    batch::check(&plan, &args.files)?;
    if !args.files.force {
        plan.jobs.iter().try_for_each(refuse_picture_name)?;
    }
    if args.verify {
        plan.jobs.iter().try_for_each(refuse_pipe)?;
    }
    let fit = fit(args)?;
    let limits = args.limits.limits();
    let model = model::load(&args.model, quiet)?;
    // Wherever the encoder's exact networks run, the file must decode on a CPU.
    let verifier = match args.verify {
        // What was just written on this device may be tried on it, portable or not.
        true => {
            let model = model.with_exact(ExactChoice::Cpu)?;
            Some(
                Decoder::new(model)
                    .with_limits(limits)
                    .allow_not_portable(true),
            )
        }
        false => None,
    };
    let with = With {
        load: LoadOptions::default()
            .with_limits(limits)
            .with_first_frame(args.first_frame),
        encoder: Encoder::new(model).with_limits(limits),
        options: options(args, fit),
        verifier,
        preserve_times: args.files.preserve_times,
        quiet,
    };
    let is_whole = |path: &Path| is_whole(path, &limits);
    match fit {
        None => batch::run(&plan, &args.files, quiet, is_whole, |job, progress| {
            encode(job, &with, &with.encoder, progress)
        }),
        Some(_) => batch::run_in_parallel(
            &plan,
            &args.files,
            quiet,
            is_whole,
            |job, progress, threads| {
                let encoder = with.encoder.clone().with_threads(threads.clone());
                encode(job, &with, &encoder, progress)
            },
        ),
    }
}

/// The fit that is asked for.
fn fit(args: &EncodeArgs) -> Result<Option<Fit>, UsageError> {
    let fit = args.model_name.fit(args.effort, args.iterations, args.time);
    let of_fits = [
        ("--time", args.time.is_some()),
        ("--iterations", args.iterations.is_some()),
    ];
    match of_fits.iter().find(|(_, given)| *given && fit.is_none()) {
        Some((name, _)) => Err(UsageError(format!(
            "{name} is for fits: add --model fitted or --model auto, or use --effort"
        ))),
        None => Ok(fit),
    }
}

fn options(args: &EncodeArgs, fit: Option<Fit>) -> EncodeOptions {
    let options = EncodeOptions::default()
        .with_target(target(args))
        .with_effort(args.effort.unwrap_or_default())
        .with_keep_hidden(args.keep_hidden)
        .with_graphics(!args.no_graphics)
        .with_reconstruction(args.verify);
    match fit {
        Some(fit) => options.with_fit(fit),
        None => options,
    }
}

/// What all files are encoded with.
struct With {
    load: LoadOptions,
    encoder: Encoder,
    options: EncodeOptions,
    verifier: Option<Decoder>,
    preserve_times: bool,
    quiet: bool,
}

/// Whether an earlier run has written a file to its end: all its checksums are right.
fn is_whole(path: &Path, limits: &Limits) -> bool {
    let bytes = files::read(&Source::File(path.into()));
    bytes.is_ok_and(|bytes| kiln::info(&bytes, limits).is_ok())
}

/// Only what lies on a disk can be decoded again.
fn refuse_pipe(job: &Job) -> anyhow::Result<()> {
    match &job.sink {
        Sink::Stdout => Err(UsageError(
            "--verify reads the file again, which a pipe does not allow; name an output file"
                .into(),
        )
        .into()),
        Sink::File(_) => Ok(()),
    }
}

/// What the file shall be; clap lets at most one be given.
fn target(args: &EncodeArgs) -> Target {
    if args.lossless {
        return Target::Lossless;
    }
    match (args.quality, args.level, args.bpp, args.size) {
        (Some(quality), ..) => Target::Quality(quality),
        (_, Some(level), ..) => Target::Level(level),
        (_, _, Some(bpp), _) => Target::Bpp(bpp),
        (_, _, _, Some(bytes)) => Target::Bytes(bytes),
        (None, None, None, None) => EncodeOptions::default().target,
    }
}

/// `kiln encode *.png` with a forgotten OUT would replace the last picture.
fn refuse_picture_name(job: &Job) -> anyhow::Result<()> {
    let Sink::File(path) = &job.sink else {
        return Ok(());
    };
    match Format::from_path(path) {
        Ok(format) => Err(UsageError(format!(
            "{} would be a kiln file under the name of a {format} file; call it {} or add --force",
            path.display(),
            Path::new(path.file_name().unwrap_or_default())
                .with_extension(EXTENSION)
                .display(),
        ))
        .into()),
        Err(_) => Ok(()),
    }
}

/// Encodes one file.
fn encode(job: &Job, with: &With, encoder: &Encoder, progress: &Progress) -> anyhow::Result<Done> {
    let started = Instant::now();
    let modified = match with.preserve_times {
        true => files::modified(&job.source)?,
        false => None,
    };
    let bytes = files::read(&job.source)?;
    let loaded = picture::load(&bytes, &with.load)
        .map_err(model::hint)
        .with_context(|| job.source.to_string())?;
    let source_bytes = bytes.len();
    drop(bytes);
    let picture = loaded.picture;
    let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let encoded = encoder
        .encode_with(&picture, &with.options, progress)
        .map_err(model::hint)
        .with_context(|| job.source.to_string())?;
    warnings.extend(encoded.warnings.iter().cloned());
    // Even with --quiet: something of the picture is gone, or a device computes wrong.
    for warning in &warnings {
        progress.line(&format!("warning: {}: {warning}", job.source));
    }
    job.make_folder()?;
    let check = match &with.verifier {
        Some(decoder) => Some(write_verified(
            job, &encoded, decoder, &picture, modified, progress,
        )?),
        None => {
            files::write(&job.sink, &encoded.bytes, modified)?;
            None
        }
    };

    let (width, height) = (picture.image.width(), picture.image.height());
    let size = encoded.bytes.len();
    let larger = size > source_bytes;
    if larger && !with.quiet {
        progress.line(&format!(
            "note: {}: {}",
            job.sink,
            larger_note(size, source_bytes, with.options.target)
        ));
    }
    let bpp = 8.0 * size as f64 / (f64::from(width) * f64::from(height));
    let level = encoded.level;
    let stages: serde_json::Map<_, _> = encoded
        .stages
        .iter()
        .map(|(stage, time)| (stage.to_string(), json!(time.as_secs_f64())))
        .collect();
    let (words, verified) = match &check {
        Some(check) => (check.to_string(), check.to_json()),
        None => (String::new(), Value::Null),
    };
    let how = match &encoded.fitted {
        _ if encoded.lossless => "lossless".to_owned(),
        Some(fitted) if encoded.architecture == FITTED => format!(
            "fitted in {} iterations for level {level}, {:.2} dB",
            fitted.iterations, fitted.psnr
        ),
        Some(_) => format!("level {level}, which costs less than the fit"),
        None => format!("level {level}"),
    };
    Ok(Done {
        summary: format!("{width}x{height}, {size} bytes, {bpp:.3} bpp, {how}{words}"),
        json: json!({
            "width": width,
            "height": height,
            "bytes": size,
            "source_bytes": source_bytes,
            "larger_than_source": larger,
            "bpp": bpp,
            "level": (!encoded.lossless).then_some(level),
            "lossless": encoded.lossless,
            "architecture": encoded.architecture,
            "architecture_name": kiln::architecture_name(encoded.architecture),
            "fit": encoded.fitted.as_ref().map(fit_json),
            "warnings": warnings,
            "verified": verified,
            "seconds": started.elapsed().as_secs_f64(),
            "stages": stages,
        }),
    })
}

/// What came of a fit, whether its file was taken or not.
fn fit_json(fitted: &Fitted) -> Value {
    json!({
        "iterations": fitted.iterations,
        "bytes": fitted.bytes,
        "weight_bytes": fitted.weight_bytes,
        "psnr": fitted.psnr,
        "base": fitted.by_weights.map(|(bytes, psnr)| json!({ "bytes": bytes, "psnr": psnr })),
    })
}

/// Nobody wants a file that is larger than what it was made from, but whoever asked for it gets it.
fn larger_note(size: usize, source: usize, target: Target) -> String {
    let advice = match target {
        Target::Lossless => "without --lossless it is smaller",
        _ => "a lower --quality makes it smaller",
    };
    format!("the file is larger than its source, {size} bytes after {source}; {advice}")
}

/// What `--verify` found on a file that passed.
struct Check {
    /// Of the decoded picture against the source, over 8-bit RGB.
    psnr: f64,
    found: Verified,
}

impl Check {
    fn to_json(&self) -> Value {
        json!({
            "psnr": self.psnr,
            "samples": self.found.pixels.samples,
            "differing": self.found.pixels.differing,
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pixels = &self.found.pixels;
        write!(
            f,
            ", verified: {:.2} dB, {} of {} samples other than the encoder's",
            self.psnr, pixels.differing, pixels.samples
        )
    }
}

/// Writes the file, reads it back, decodes it, compares, and only then gives it its name.
fn write_verified(
    job: &Job,
    encoded: &Encoded,
    decoder: &Decoder,
    source: &Picture,
    modified: Option<SystemTime>,
    progress: &Progress,
) -> anyhow::Result<Check> {
    let expected = encoded
        .reconstruction
        .as_ref()
        .context("the encoder kept no reconstruction")?;
    files::write_checked(&job.sink, &encoded.bytes, modified, |on_disk| {
        let found = verify(decoder, on_disk, expected, progress)
            .with_context(|| format!("{}: not kept", job.sink))?;
        let psnr = psnr(&source.image.to_rgb8(), &found.image.to_rgb8())?;
        Ok(Check { psnr, found })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;
    use kiln::Effort;
    use std::time::Duration;

    fn target_of(arguments: &[&str]) -> Target {
        let words = ["kiln", "encode", "a.png", "a.kiln"]
            .iter()
            .chain(arguments);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Encode(args) => target(&args),
            _ => panic!("not parsed as encode"),
        }
    }

    #[test]
    fn targets() {
        assert!(matches!(target_of(&[]), Target::Quality(60)));
        assert!(matches!(target_of(&["-q", "7"]), Target::Quality(7)));
        assert!(matches!(target_of(&["--level", "63"]), Target::Level(63)));
        assert!(matches!(target_of(&["--bpp", "0.5"]), Target::Bpp(bpp) if bpp == 0.5));
        assert!(matches!(target_of(&["--size", "2k"]), Target::Bytes(2000)));
        assert!(matches!(target_of(&["--lossless"]), Target::Lossless));
    }

    #[test]
    fn fits() {
        let fit_of = |arguments: &str| {
            let words = "kiln encode a.png a.kiln"
                .split(' ')
                .chain(arguments.split_whitespace());
            match Cli::try_parse_from(words).unwrap().command {
                Command::Encode(args) => (fit(&args).unwrap(), options(&args, None).effort.get()),
                _ => panic!("not parsed as encode"),
            }
        };
        let effort = |n| Fit::effort(Effort::new(n).unwrap());
        assert_eq!(fit_of(""), (None, 0));
        assert_eq!(fit_of("--effort 3"), (None, 3));
        assert_eq!(fit_of("--model fitted"), (Some(effort(3)), 0));
        assert_eq!(fit_of("--model fitted -e 0").0, Some(effort(0)));
        assert_eq!(
            fit_of("--model auto -e 6"),
            (Some(effort(6).or_weights()), 6)
        );
        let minutes = Fit::time(Duration::from_secs(300));
        assert_eq!(fit_of("--model fitted --time 5m").0, Some(minutes));
        assert_eq!(
            fit_of("--model fitted --iterations 77").0,
            Some(Fit::iterations(77))
        );
    }

    #[test]
    fn names_of_pictures_are_refused() {
        let job = |name: &str| Job {
            source: files::Source::Stdin,
            sink: Sink::File(name.into()),
            in_tree: false,
        };
        let error = refuse_picture_name(&job("x/a.JPG")).unwrap_err();
        assert!(
            error.is::<UsageError>() && error.to_string().contains("call it a.kiln"),
            "{error}"
        );
        for name in ["a.kiln", "a", "a.bin", "/dev/null"] {
            assert!(refuse_picture_name(&job(name)).is_ok(), "{name}");
        }
    }
}
