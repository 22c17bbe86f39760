//! `kiln encode`.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use anyhow::Context;
use kiln::picture::{self, Format, LoadOptions};
use kiln::{
    Decoder, EncodeOptions, Encoded, Encoder, ExactChoice, Limits, Picture, Target, Verified,
    verify,
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
        options: EncodeOptions::default()
            .with_target(target(args))
            .with_effort(args.effort)
            .with_keep_hidden(args.keep_hidden)
            .with_graphics(!args.no_graphics)
            .with_reconstruction(args.verify),
        verifier,
        preserve_times: args.files.preserve_times,
        quiet,
    };
    batch::run(
        &plan,
        &args.files,
        quiet,
        |path| is_whole(path, &limits),
        |job, progress| encode(job, &with, progress),
    )
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
fn encode(job: &Job, with: &With, progress: &Progress) -> anyhow::Result<Done> {
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
    let encoded = with
        .encoder
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
    let how = match encoded.lossless {
        true => "lossless".to_owned(),
        false => format!("level {level}"),
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
            "warnings": warnings,
            "verified": verified,
            "seconds": started.elapsed().as_secs_f64(),
            "stages": stages,
        }),
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
