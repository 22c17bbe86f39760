//! `kiln bench`.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use kiln::{Effort, Fit, Levels, Model};
use kiln_datasets::Dataset;
use kiln_measure::adapters::ADAPTERS;
use kiln_measure::codec::Codec;
use kiln_measure::report::{self, Sample};
use kiln_measure::results::anchors::{self, Anchor};
use kiln_measure::results::{
    CodecResults, Machine, Memory, Origin, Results, SCHEMA, Skipped, compare, tables,
};
use tempfile::TempDir;

use super::model;
use crate::args::{BenchArgs, Live, ModelArgs, ModelName};
use crate::bench::kiln::{How, Kiln};
use crate::bench::memory::memory;
use crate::bench::run::{Plan, subjects};
use crate::bench::{samples, save};
use crate::console;
use crate::digest::sha256;
use crate::files;
use crate::interrupt::Temporary;
use crate::progress::Progress;
use crate::usage::UsageError;

/// What `--models` calls the weights inside the program.
const BUNDLED: &str = "bundled";

/// Pictures whose crops the page shows, and the rate they are coded at.
const SAMPLES: usize = 4;
const SAMPLE_BPP: f64 = 0.3;

/// Runs the subcommand.
pub fn run(args: &BenchArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    console::check_stdout()?;
    let _temporary = temporary_folder()?;
    model::threads(args.model.threads)?;
    // Everything that may be wrong with files is found before the long part.
    let dataset = dataset(args)?;
    let subjects = subjects(&dataset, quiet)?;
    let pictures: Vec<String> = dataset.iter().map(|item| item.name.clone()).collect();
    let anchors = read_anchors(&args.anchors)?;
    let mut skipped = Vec::new();
    let fits = args.model_name != ModelName::Base;
    let (mut codecs, model) = kilns(args, subjects.len(), quiet)?;
    codecs.extend(live(args, &mut skipped));
    check_against(args, &codecs, &anchors)?;
    let journals = args.out.join("measured");
    save::make_folder(&journals)?;

    let machine = Machine::here(model.device()?.name);
    let plan = Plan {
        subjects: &subjects,
        metrics: &args.metrics,
        timed: args.timed.unwrap_or(if fits { 0 } else { usize::MAX }),
        fits,
        machine: &machine,
        folder: &journals,
        resume: args.resume,
        quiet,
    };
    let mut curves = Vec::new();
    for measured in &codecs {
        let about = measured.codec.about();
        match curve(&plan, measured, &pictures) {
            Ok(curve) => curves.push(curve),
            // What others do wrong must not cost the rest of a long run.
            Err(error) if about.origin == Origin::Live => {
                if !quiet {
                    console::remark(&format!("note: {} is left out: {error:#}", about.name));
                }
                skipped.push(Skipped {
                    codec: about.name.clone(),
                    reason: format!("{error:#}"),
                });
            }
            Err(error) => return Err(error),
        }
    }
    for anchor in &anchors {
        match anchor.over(&pictures) {
            Some(curve) => curves.push(unique(curve, &curves)),
            None => skipped.push(Skipped {
                codec: anchor.name.clone(),
                reason: "it has no means over the same pictures".into(),
            }),
        }
    }
    let results = Results {
        schema: SCHEMA.into(),
        program: format!("kiln {}", env!("CARGO_PKG_VERSION")),
        dataset: dataset.name().to_owned(),
        comparisons: compare(&curves, args.against.as_deref()),
        machine,
        pictures: subjects.into_iter().map(|subject| subject.info).collect(),
        codecs: curves,
        skipped,
    };
    save::save(&args.out, &results)?;
    let samples = samples(model, dataset, quiet)?;
    let report = report::files(&results, &samples, &report::Options::default())?;
    save::save_report(&args.out, &report)?;
    if args.json {
        console::print_json(&results)?;
    } else {
        let text = tables(&results, args.against.as_deref());
        console::print(&format!("{}\n", text.trim_end()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A folder in which all temporary files of the run lie, those for other programs too: it is gone at the end, however
/// the run ends.
fn temporary_folder() -> anyhow::Result<Temporary<TempDir>> {
    let make = || tempfile::Builder::new().prefix("kiln-bench-").tempdir();
    let folder = Temporary::make(make, TempDir::path).context("cannot make a temporary folder")?;
    // Refused if it was chosen before; the run works in that one too.
    let _ = tempfile::env::override_temp_dir(folder.get().path());
    Ok(folder)
}

/// Crops for the page: the first pictures, by the first of the models and by WebP.
fn samples(model: Model, mut dataset: Dataset, quiet: bool) -> anyhow::Result<Vec<Sample>> {
    let first: BTreeSet<String> = dataset
        .iter()
        .take(SAMPLES)
        .map(|item| item.name.clone())
        .collect();
    dataset.retain(|item| first.contains(&item.name));
    let kiln = Kiln::new("kiln", model, How::default(), "")?;
    samples::samples(&kiln, &dataset, SAMPLE_BPP, &Progress::new("crops", quiet))
}

/// Measures a codec.
fn curve(plan: &Plan, measured: &Measured, pictures: &[String]) -> anyhow::Result<CodecResults> {
    let rows = plan.measure(measured.codec.as_ref(), &measured.settings)?;
    let mut results = measured.codec.about().results(rows, pictures);
    results.memory.extend(peak(plan, measured)?);
    Ok(results)
}

/// Peak memory on the largest picture at the middle one of the settings, which say most. `None` for tools, which are
/// processes of their own already, and where times are not asked for either.
fn peak(plan: &Plan, measured: &Measured) -> anyhow::Result<Option<Memory>> {
    let largest = plan
        .subjects
        .iter()
        .max_by_key(|subject| u64::from(subject.info.width) * u64::from(subject.info.height));
    let settings = &measured.settings;
    match (largest, settings.get(settings.len() / 2), &measured.child) {
        (Some(subject), Some(&q), Some(child)) if plan.timed > 0 => {
            memory(child, &subject.info.name, &subject.pixels()?, q)
        }
        _ => Ok(None),
    }
}

/// A curve from a file, under a name that no other one has.
fn unique(mut curve: CodecResults, others: &[CodecResults]) -> CodecResults {
    let name = curve.name.clone();
    let mut count = 1;
    while others.iter().any(|other| other.name == curve.name) {
        count += 1;
        curve.name = format!("{name} ({count})");
    }
    curve
}

/// A codec to measure.
struct Measured {
    codec: Box<dyn Codec>,
    settings: Vec<f64>,
    /// Arguments with which `kiln bench-one` opens the same codec; `None` for tools.
    child: Option<Vec<OsString>>,
}

/// kiln with each of the weights asked for, and the first of the models.
fn kilns(args: &BenchArgs, pictures: usize, quiet: bool) -> anyhow::Result<(Vec<Measured>, Model)> {
    let weights: Vec<Option<PathBuf>> = match &args.models {
        Some(models) => models
            .iter()
            .map(|path| (path != Path::new(BUNDLED)).then(|| path.clone()))
            .collect(),
        None => vec![args.model.weights.clone()],
    };
    let program = program_hash()?;
    let mut codecs: Vec<Measured> = Vec::new();
    let mut first = None;
    for path in weights {
        let model_args = ModelArgs {
            threads: None,
            weights: path.clone(),
            ..args.model.clone()
        };
        let model = model::load(&model_args, quiet)?;
        first.get_or_insert_with(|| model.clone());
        let (name, hash) = match &path {
            None => ("kiln".to_owned(), sha256(kiln_models::BUNDLED)),
            Some(path) => {
                let stem = path.file_stem().unwrap_or(path.as_os_str());
                let bytes = files::read(&files::Source::File(path.clone()))?;
                (format!("kiln {}", stem.to_string_lossy()), sha256(&bytes))
            }
        };
        if codecs.iter().any(|other| other.codec.about().name == name) {
            let message = format!("--models names `{name}` twice; results are told apart by name");
            return Err(UsageError(message).into());
        }
        let mut child: Vec<OsString> = vec!["--device".into(), args.model.device.clone().into()];
        if let Some(path) = path {
            child.extend(["--weights".into(), path.into_os_string()]);
        }
        if let Some(threads) = args.model.threads {
            child.extend(["--threads".into(), threads.to_string().into()]);
        }
        let settings = levels(args, model.levels());
        let files = pictures * settings.len();
        let build = format!("program {program} weights {hash}");
        for how in hows(args, files)? {
            let mut child = child.clone();
            child.extend(how.arguments());
            codecs.push(Measured {
                codec: Box::new(Kiln::new(&name, model.clone(), how, &build)?),
                settings: settings.clone(),
                child: Some(child),
            });
        }
    }
    let model = first.context("--models names no weights")?;
    Ok((codecs, model))
}

/// Every way to make files that is asked for. `files`: how many each makes.
fn hows(args: &BenchArgs, files: usize) -> Result<Vec<How>, UsageError> {
    let on_one_thread = files >= rayon::current_num_threads();
    let efforts: BTreeSet<Effort> = args.effort.iter().copied().collect();
    let fit = |effort, iterations, time| args.model_name.fit(effort, iterations, time);
    if args.model_name == ModelName::Base {
        if !(args.iterations.is_empty() && args.time.is_empty()) {
            let text = "--iterations and --time are for --model fitted and auto; use --effort";
            return Err(UsageError(text.into()));
        }
        let efforts = match efforts.is_empty() {
            true => BTreeSet::from([Effort::default()]),
            false => efforts,
        };
        let how = |effort| How {
            effort,
            ..How::default()
        };
        return Ok(efforts.into_iter().map(how).collect());
    }
    let iterations = BTreeSet::from_iter(args.iterations.iter().copied());
    let times = BTreeSet::from_iter(args.time.iter().copied());
    let mut fits: Vec<(Effort, Option<Fit>)> = Vec::new();
    fits.extend(efforts.iter().map(|e| (*e, fit(Some(*e), None, None))));
    let plain = Effort::default();
    fits.extend(
        iterations
            .iter()
            .map(|n| (plain, fit(None, Some(*n), None))),
    );
    fits.extend(times.iter().map(|t| (plain, fit(None, None, Some(*t)))));
    if fits.is_empty() {
        fits.push((plain, fit(None, None, None)));
    }
    let how = |(effort, fit)| How {
        effort,
        fit,
        on_one_thread,
    };
    Ok(fits.into_iter().map(how).collect())
}

/// The levels to measure: those that are asked for, else eight over all that the weights have, or as many as there are.
fn levels(args: &BenchArgs, of: Levels) -> Vec<f64> {
    const POINTS: usize = 8;
    let last = usize::from(of.last().number());
    let spread = || {
        (0..POINTS)
            .map(|i| ((2 * i * last + POINTS - 1) / (2 * (POINTS - 1))) as u8)
            .collect()
    };
    let levels: BTreeSet<u8> = match &args.levels {
        Some(levels) => levels.iter().copied().collect(),
        None => spread(),
    };
    levels.into_iter().map(f64::from).collect()
}

/// Hash of this program: an encoder that was changed is another one, whatever its version says.
fn program_hash() -> anyhow::Result<String> {
    let path = env::current_exe().context("the path of this program is unknown")?;
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(sha256(&bytes))
}

/// The codecs of `--live` that can run; the others are noted.
fn live(args: &BenchArgs, skipped: &mut Vec<Skipped>) -> Vec<Measured> {
    let wanted = ADAPTERS.iter().filter(|adapter| {
        args.live.iter().any(|live| match live {
            Live::All => true,
            Live::Crates => adapter.built_in,
            Live::One(name) => *name == adapter.name,
        })
    });
    let mut codecs: Vec<Measured> = Vec::new();
    for adapter in wanted {
        match adapter.open() {
            Ok(codec) => codecs.push(Measured {
                codec,
                settings: adapter.settings.to_vec(),
                child: adapter
                    .built_in
                    .then(|| vec!["--live".into(), adapter.name.into()]),
            }),
            Err(error) => skipped.push(Skipped {
                codec: adapter.name.into(),
                reason: error.to_string(),
            }),
        }
    }
    codecs
}

/// The name to compare with must be that of a curve.
fn check_against(args: &BenchArgs, codecs: &[Measured], anchors: &[Anchor]) -> anyhow::Result<()> {
    let Some(name) = &args.against else {
        return Ok(());
    };
    let mut names = codecs.iter().map(|measured| &measured.codec.about().name);
    if names.any(|known| known == name) || anchors.iter().any(|anchor| anchor.name == *name) {
        return Ok(());
    }
    let message = format!(
        "--against {name}: no curve has that name; add it by --live or --anchors (there are {} curves)",
        codecs.len() + anchors.len()
    );
    Err(UsageError(message).into())
}

/// The pictures asked for. Those with a manifest are checked: numbers of a damaged data set mislead.
fn dataset(args: &BenchArgs) -> anyhow::Result<Dataset> {
    let mut dataset = if args.pictures == Path::new("kodak") {
        Dataset::kodak(&kiln_datasets::kodak_folder()?)?
    } else {
        Dataset::folder(&folder(&args.pictures))?
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

/// A folder, or one of that name among the data sets.
fn folder(path: &Path) -> PathBuf {
    let root = env::var_os(kiln_datasets::ROOT_VARIABLE);
    let named = root.map(|root| Path::new(&root).join(path));
    match named.filter(|named| !path.is_dir() && named.is_dir()) {
        Some(named) => named,
        None => path.to_owned(),
    }
}

fn read_anchors(paths: &[PathBuf]) -> anyhow::Result<Vec<Anchor>> {
    let mut found = Vec::new();
    for path in paths {
        let bytes = files::read(&files::Source::File(path.clone()))?;
        let what = || format!("{} is not a file of anchors", path.display());
        let text = String::from_utf8(bytes)
            .map_err(io::Error::other)
            .with_context(what)?;
        found.extend(anchors::parse(&text).with_context(what)?);
    }
    Ok(found)
}
