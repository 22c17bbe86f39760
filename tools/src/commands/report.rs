//! `kiln report`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use kiln_datasets::Dataset;
use kiln_measure::report::{self, Format, Options, ReportError, Sample};
use kiln_measure::results::Results;
use serde_json::json;

use super::model;
use crate::args::ReportArgs;
use crate::bench::kiln::{How, Kiln};
use crate::bench::{samples, save};
use crate::console;
use crate::files::{self, Source};
use crate::progress::Progress;
use crate::usage::UsageError;

/// Pictures with crops unless they are named.
const PICTURES: usize = 8;

/// Runs the subcommand.
pub fn run(args: &ReportArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let options = Options {
        bpp: args.bpp.clone(),
        curves: args.curves.clone(),
        axes: args.metrics.clone(),
    };
    // Everything that may be wrong with arguments and files is found before the long part.
    let figures = args
        .figure
        .iter()
        .map(|path| Ok((path, format(path)?)))
        .collect::<Result<Vec<_>, UsageError>>()?;
    let results = read(&args.results)?;
    let dataset = args
        .pictures
        .as_deref()
        .map(|folder| dataset(folder, args.only.as_deref()))
        .transpose()?;
    if let Some(folder) = &args.out {
        save::make_folder(folder)?;
    }

    let mut written: Vec<PathBuf> = Vec::new();
    for (path, format) in figures {
        let figure = report::figure(&results, &options, format).map_err(wrong)?;
        save::write(path, &figure)?;
        written.push(path.clone());
    }
    if let Some(folder) = &args.out {
        let samples = match &dataset {
            Some(dataset) => samples(args, dataset, quiet)?,
            None => Vec::new(),
        };
        let report = report::files(&results, &samples, &options).map_err(wrong)?;
        save::save_report(folder, &report)?;
        written.extend(report.iter().map(|file| folder.join(&file.name)));
    }
    if args.json {
        let files: Vec<String> = written.iter().map(|p| p.display().to_string()).collect();
        console::print_json(&json!({ "files": files }))?;
    } else if !quiet {
        for path in &written {
            console::remark(&format!("{}", path.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The format that the extension of a figure stands for.
fn format(path: &Path) -> Result<Format, UsageError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("svg") => Ok(Format::Svg),
        Some("png") => Ok(Format::Png),
        _ => Err(UsageError(format!(
            "--figure {}: figures are .svg or .png",
            path.display()
        ))),
    }
}

/// A curve that does not exist was asked for on the command line.
fn wrong(error: ReportError) -> anyhow::Error {
    match error {
        ReportError::UnknownCurve { .. } => UsageError(format!("--curves: {error}")).into(),
        other => other.into(),
    }
}

/// Reads `results.json`.
fn read(path: &Path) -> anyhow::Result<Results> {
    let source = Source::from(path);
    let text = String::from_utf8(files::read(&source)?)
        .with_context(|| format!("{source} is not a text file"))?;
    Results::from_json(&text).with_context(|| source.to_string())
}

/// The pictures to show.
fn dataset(folder: &Path, only: Option<&[String]>) -> anyhow::Result<Dataset> {
    let mut dataset = if folder == Path::new("kodak") {
        Dataset::kodak(&kiln_datasets::kodak_folder()?)?
    } else {
        Dataset::folder(folder)?
    };
    let known: BTreeSet<String> = dataset.iter().map(|item| item.name.clone()).collect();
    let chosen: BTreeSet<String> = match only {
        Some(names) => names.iter().cloned().collect(),
        None => known.iter().take(PICTURES).cloned().collect(),
    };
    if let Some(unknown) = chosen.difference(&known).next() {
        let message = format!(
            "--only {unknown}: {} has no picture of that name",
            folder.display()
        );
        return Err(UsageError(message).into());
    }
    dataset.retain(|item| chosen.contains(&item.name));
    Ok(dataset)
}

fn samples(args: &ReportArgs, dataset: &Dataset, quiet: bool) -> anyhow::Result<Vec<Sample>> {
    let model = model::load(&args.model, quiet)?;
    let kiln = Kiln::new("kiln", model, How::default(), "")?;
    samples::samples(&kiln, dataset, args.at, &Progress::new("crops", quiet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_apart_by_extension() {
        assert_eq!(format(Path::new("a/rd.SVG")).unwrap(), Format::Svg);
        assert_eq!(format(Path::new("rd.png")).unwrap(), Format::Png);
        let error = format(Path::new("rd.pdf")).unwrap_err();
        assert!(error.0.contains("rd.pdf"), "{error}");
        assert!(format(Path::new("svg")).is_err());
    }

    #[test]
    fn the_first_pictures_are_taken_unless_named() {
        let all = dataset(Path::new("kodak"), None).unwrap();
        assert_eq!(all.len(), PICTURES);
        let two = ["kodim20".to_owned(), "kodim03".to_owned()];
        let names: Vec<String> = dataset(Path::new("kodak"), Some(&two))
            .unwrap()
            .iter()
            .map(|item| item.name.clone())
            .collect();
        assert_eq!(names, ["kodim03", "kodim20"]);
        assert!(dataset(Path::new("kodak"), Some(&["x".to_owned()])).is_err());
    }
}
