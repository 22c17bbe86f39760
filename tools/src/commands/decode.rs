//! `kiln decode`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use kiln::picture::{self, Format, StoreOptions};
use serde_json::json;

use super::batch::{self, Done};
use super::model::{self, Decoders};
use crate::args::{DecodeArgs, FormatName};
use crate::files::{self, Job, Kind, Sink};
use crate::progress::Progress;
use crate::usage::UsageError;

/// Runs the subcommand.
pub fn run(args: &DecodeArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let extension = args.format.unwrap_or(FormatName::Png).extension();
    let plan = files::plan(
        &args.files.inputs,
        &args.files.output,
        Kind::Kiln,
        extension,
    )?;
    // All outputs of a run have one format: in a folder the extension was just chosen by it.
    let format = match plan.jobs.first() {
        Some(job) => format(&job.sink, args.format, args.files.force)?,
        None => Format::Png,
    };
    batch::check(&plan, &args.files)?;
    let mut options = StoreOptions::default();
    if let Some(quality) = args.jpeg_quality {
        options.jpeg_quality = quality;
    }
    let (limits, allow) = (args.limits.limits(), args.allow_not_portable);
    let decoders = Decoders::new(&args.model, move |decoder| {
        decoder.with_limits(limits).allow_not_portable(allow)
    })?;
    let preserve_times = args.files.preserve_times;
    // Pictures are given their names when they are complete: one that is there is whole.
    batch::run(
        &plan,
        &args.files,
        quiet,
        |_| true,
        |job, progress| decode(job, &decoders, format, &options, preserve_times, progress),
    )
}

/// The format to write: what was asked for, else what the extension says, else PNG for a pipe.
fn format(sink: &Sink, asked: Option<FormatName>, force: bool) -> Result<Format, UsageError> {
    let asked = asked.map(|name| match name {
        FormatName::Png => Format::Png,
        FormatName::Jpeg => Format::Jpeg,
        FormatName::Webp => Format::WebP,
        FormatName::Pnm => Format::Pnm,
    });
    let path = match sink {
        Sink::Stdout => return Ok(asked.unwrap_or(Format::Png)),
        Sink::File(path) => path,
    };
    match (asked, Format::from_path(path)) {
        (Some(asked), Ok(named)) if asked != named && !force => Err(UsageError(format!(
            "{sink} has the extension of a {named} file, but --format asks for {asked}; change one or add --force"
        ))),
        (Some(asked), _) => Ok(asked),
        (None, Ok(named)) if !is_written(named) => Err(UsageError(format!(
            "{sink}: {named} is read, but not written; choose another extension"
        ))),
        (None, Ok(named)) => Ok(named),
        (None, Err(_)) if path.extension().is_none() => Err(UsageError(format!(
            "{sink}: the name has no extension that says which format to write; add one, such as .png, or choose with \
             --format"
        ))),
        (None, Err(error)) => Err(UsageError(format!(
            "{sink}: {error}; or choose with --format"
        ))),
    }
}

/// Whether pictures are written in a format, and not only read.
fn is_written(format: Format) -> bool {
    matches!(
        format,
        Format::Png | Format::Jpeg | Format::WebP | Format::Pnm
    )
}

/// Decodes one file.
fn decode(
    job: &Job,
    decoders: &Decoders,
    format: Format,
    options: &StoreOptions,
    preserve_times: bool,
    progress: &Progress,
) -> anyhow::Result<Done> {
    let started = Instant::now();
    let modified = match preserve_times {
        true => files::modified(&job.source)?,
        false => None,
    };
    let bytes = files::read(&job.source)?;
    let decoded = decoders
        .of(&bytes)?
        .decode_with(&bytes, progress)
        .map_err(model::hint)
        .with_context(|| job.source.to_string())?;
    for warning in &decoded.about.warnings {
        progress.line(&format!("warning: {}: {warning}", job.source));
    }
    let (stored, warnings) =
        picture::store(&decoded.picture, format, options).with_context(|| job.sink.to_string())?;
    job.make_folder()?;
    files::write(&job.sink, &stored, modified)?;
    // Even with --quiet: something of the picture is gone.
    for warning in &warnings {
        progress.line(&format!("warning: {}: {warning}", job.sink));
    }

    let (width, height) = (
        decoded.picture.image.width(),
        decoded.picture.image.height(),
    );
    let (size, level) = (stored.len(), decoded.about.level);
    let stages: serde_json::Map<_, _> = decoded
        .about
        .stages
        .iter()
        .map(|(stage, time)| (stage.to_string(), json!(time.as_secs_f64())))
        .collect();
    Ok(Done {
        summary: format!("{width}x{height}, {format}, {size} bytes"),
        json: json!({
            "width": width,
            "height": height,
            "format": format.to_string(),
            "bytes": size,
            "level": (!decoded.about.lossless).then_some(level),
            "lossless": decoded.about.lossless,
            "warnings": decoded
                .about
                .warnings
                .iter()
                .cloned()
                .chain(warnings.iter().map(ToString::to_string))
                .collect::<Vec<_>>(),
            "seconds": started.elapsed().as_secs_f64(),
            "stages": stages,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Sink {
        Sink::File(name.into())
    }

    #[test]
    fn the_extension_decides_unless_asked() {
        assert_eq!(format(&file("a.JPG"), None, false), Ok(Format::Jpeg));
        assert_eq!(format(&file("a.ppm"), None, false), Ok(Format::Pnm));
        assert_eq!(
            format(&file("a"), Some(FormatName::Webp), false),
            Ok(Format::WebP)
        );
        assert_eq!(format(&Sink::Stdout, None, false), Ok(Format::Png));
        assert_eq!(
            format(&Sink::Stdout, Some(FormatName::Pnm), false),
            Ok(Format::Pnm)
        );
    }

    #[test]
    fn unknown_and_contradicting_names_are_wrong_usage() {
        let error = format(&file("a.xyz"), None, false).unwrap_err().to_string();
        assert!(error.contains("xyz") && error.contains("png"), "{error}");
        let error = format(&file("a"), None, false).unwrap_err().to_string();
        assert!(
            error.contains("no extension") && !error.contains('"'),
            "{error}"
        );
        let error = format(&file("a.jpg"), Some(FormatName::Png), false)
            .unwrap_err()
            .to_string();
        assert!(error.contains("--force"), "{error}");
        assert_eq!(
            format(&file("a.jpg"), Some(FormatName::Png), true),
            Ok(Format::Png)
        );
    }

    #[test]
    fn every_format_has_an_extension_that_means_it() {
        for (name, expected) in [
            (FormatName::Png, Format::Png),
            (FormatName::Jpeg, Format::Jpeg),
            (FormatName::Webp, Format::WebP),
            (FormatName::Pnm, Format::Pnm),
        ] {
            assert_eq!(
                super::format(
                    &file(&std::format!("a.{}", name.extension())),
                    Some(name),
                    false
                ),
                Ok(expected)
            );
        }
    }
}
