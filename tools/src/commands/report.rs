//! `kiln report`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use kiln_datasets::Dataset;
use serde_json::json;

use super::{batch, model};
use crate::args::ReportArgs;
use crate::bench::results::{Results, SCHEMA};
use crate::files::{self, Source};
use crate::progress::Progress;
use crate::report::{self, Format, Options, Sample};
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
        report::make_folder(folder)?;
    }

    let mut written: Vec<PathBuf> = Vec::new();
    for (path, format) in figures {
        report::write_figure(path, format, &results, &options)?;
        written.push(path.clone());
    }
    if let Some(folder) = &args.out {
        let samples = match &dataset {
            Some(dataset) => samples(args, dataset, quiet)?,
            None => Vec::new(),
        };
        written.extend(report::write(folder, &results, &samples, &options)?);
    }
    if args.json {
        let files: Vec<String> = written.iter().map(|p| p.display().to_string()).collect();
        batch::print_json(&json!({ "files": files }))?;
    } else if !quiet {
        for path in &written {
            eprintln!("{}", path.display());
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

/// Reads `results.json`.
fn read(path: &Path) -> anyhow::Result<Results> {
    let source = Source::from(path);
    let bytes = files::read(&source)?;
    // The number of the form first: a reader of the wrong form would complain about some field.
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).with_context(|| format!("{source} is no JSON file"))?;
    match value.get("schema").and_then(|schema| schema.as_str()) {
        Some(SCHEMA) => {}
        Some(other) => bail!("{source} has the form {other}; this version reads {SCHEMA}"),
        None => bail!("{source} holds no results of `kiln bench`: it names no `schema`"),
    }
    serde_json::from_value(value).with_context(|| format!("{source} holds damaged results"))
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
    report::encode::samples(&model, dataset, args.at, &Progress::new("crops", quiet))
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
