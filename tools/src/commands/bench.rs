//! `kiln bench`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use kiln::{Decoder, Encoder};
use kiln_datasets::Dataset;

use super::{batch, model};
use crate::args::BenchArgs;
use crate::bench::results::{self, Results};
use crate::bench::run::Codec;
use crate::bench::{anchors, compare, table};
use crate::files;
use crate::progress::Progress;
use crate::usage::UsageError;

/// Runs the subcommand.
pub fn run(args: &BenchArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let dataset = dataset(args)?;
    let levels: Vec<u8> = BTreeSet::from_iter(args.levels.iter().copied())
        .into_iter()
        .collect();
    // Everything that may be wrong with files is found before the long part.
    let anchors = match &args.anchors {
        Some(path) => read_anchors(path)?,
        None => Vec::new(),
    };
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;

    let model = model::load(&args.model, quiet)?;
    let mut results = Results {
        program: format!("kiln {}", env!("CARGO_PKG_VERSION")),
        dataset: dataset.name().to_owned(),
        device: model.device_name(),
        decoder_set: model::hex(model.decoder_set()),
        pictures: dataset.iter().map(|item| item.name.clone()).collect(),
        points: Vec::new(),
        rows: Vec::new(),
        bd_rates: Vec::new(),
    };
    let codec = Codec {
        encoder: Encoder::new(model.clone()),
        decoder: Decoder::new(model),
    };
    results.rows = codec.measure(&dataset, &levels, &Progress::new("bench", quiet))?;
    results.points = results::means(&results.rows);
    results.bd_rates = compare::compare(&results.points, &results.pictures, &anchors);

    save(&args.out, &results)?;
    if args.json {
        batch::print_json(&results)?;
    } else {
        batch::print(&format!("{}\n", table::tables(&results).trim_end()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The pictures asked for. Those with a manifest are checked: numbers of a damaged data set mislead.
fn dataset(args: &BenchArgs) -> anyhow::Result<Dataset> {
    let mut dataset = if args.pictures == Path::new("kodak") {
        Dataset::kodak(&kiln_datasets::kodak_folder()?)?
    } else {
        Dataset::folder(&args.pictures)?
    };
    if dataset.has_manifest() {
        dataset.verify()?;
    }
    if let Some(only) = &args.only {
        let known: BTreeSet<&str> = dataset.iter().map(|item| item.name.as_str()).collect();
        if let Some(unknown) = only.iter().find(|name| !known.contains(name.as_str())) {
            let message = format!(
                "--only {unknown}: {} has no picture of that name",
                args.pictures.display()
            );
            return Err(UsageError(message).into());
        }
        dataset.retain(|item| only.contains(&item.name));
    }
    Ok(dataset)
}

fn read_anchors(path: &Path) -> anyhow::Result<Vec<anchors::Anchor>> {
    let bytes = files::read(&files::Source::File(path.into()))?;
    let what = || format!("{} is no file of anchors", path.display());
    anchors::parse(std::str::from_utf8(&bytes).with_context(what)?).with_context(what)
}

/// Writes `results.json` and `results.csv`.
fn save(folder: &Path, results: &Results) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(results)? + "\n";
    let csv = results::csv("kiln", &results.rows);
    for (name, text) in [("results.json", json), ("results.csv", csv)] {
        let path = folder.join(name);
        files::write_file(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
