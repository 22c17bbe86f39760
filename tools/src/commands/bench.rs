//! `kiln bench`.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use kiln_datasets::Dataset;

use super::{batch, model};
use crate::args::{BenchArgs, Live, ModelArgs};
use crate::bench::anchors::{self, Anchor};
use crate::bench::codec::Codec;
use crate::bench::kiln::Kiln;
use crate::bench::live::ADAPTERS;
use crate::bench::memory::memory;
use crate::bench::results::{CodecResults, Cost, Origin, Results, SCHEMA, Skipped};
use crate::bench::run::{Plan, Subject, sha256, subjects};
use crate::bench::{compare, machine, means, save, table};
use crate::files;
use crate::progress::Progress;
use crate::report;
use crate::usage::UsageError;

/// What `--models` calls the weights inside the program.
const BUNDLED: &str = "bundled";

/// Pictures whose crops the page shows, and the rate they are coded at.
const SAMPLES: usize = 4;
const SAMPLE_BPP: f64 = 0.3;

/// Runs the subcommand.
pub fn run(args: &BenchArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    // Once, and before anything runs in parallel.
    if let Some(threads) = args.model.threads {
        kiln::set_threads(threads)?;
    }
    // Everything that may be wrong with files is found before the long part.
    let dataset = dataset(args)?;
    let subjects = subjects(&dataset, quiet)?;
    let pictures: Vec<String> = dataset.iter().map(|item| item.name.clone()).collect();
    let anchors = read_anchors(&args.anchors)?;
    let mut skipped = Vec::new();
    let (mut codecs, device) = kilns(args, quiet)?;
    codecs.extend(live(args, &mut skipped));
    check_against(args, &codecs, &anchors)?;
    let measured = args.out.join("measured");
    fs::create_dir_all(&measured)
        .with_context(|| format!("cannot make the folder {}", measured.display()))?;

    let machine = machine::machine(device);
    let plan = Plan {
        subjects: &subjects,
        measures: &args.metrics,
        timed: args.timed.unwrap_or(usize::MAX),
        machine: &machine,
        folder: &measured,
        resume: args.resume,
        quiet,
    };
    let mut curves = Vec::new();
    for (codec, settings) in &codecs {
        let about = codec.about();
        match curve(&plan, codec.as_ref(), settings, &pictures) {
            Ok(curve) => curves.push(curve),
            // What others do wrong must not cost the rest of a long run.
            Err(error) if about.origin == Origin::Live => {
                if !quiet {
                    eprintln!("note: {} is left out: {error:#}", about.name);
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
        comparisons: compare::compare(&curves, args.against.as_deref()),
        machine,
        pictures: subjects.into_iter().map(|subject| subject.info).collect(),
        codecs: curves,
        skipped,
    };
    save::save(&args.out, &results)?;
    let samples = samples(args, dataset, quiet)?;
    report::write(&args.out, &results, &samples, &report::Options::default())?;
    if args.json {
        batch::print_json(&results)?;
    } else {
        let text = table::tables(&results, args.against.as_deref());
        batch::print(&format!("{}\n", text.trim_end()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Crops for the page: the first pictures, by the first of the models and by WebP.
fn samples(
    args: &BenchArgs,
    mut dataset: Dataset,
    quiet: bool,
) -> anyhow::Result<Vec<report::Sample>> {
    let first: BTreeSet<String> = dataset
        .iter()
        .take(SAMPLES)
        .map(|item| item.name.clone())
        .collect();
    dataset.retain(|item| first.contains(&item.name));
    let weights = match args.models.as_deref() {
        Some([first, ..]) => (first != Path::new(BUNDLED)).then(|| first.clone()),
        _ => args.model.weights.clone(),
    };
    let model = model::load(
        &ModelArgs {
            threads: None,
            weights,
            ..args.model.clone()
        },
        true,
    )?;
    report::encode::samples(&model, &dataset, SAMPLE_BPP, &Progress::new("crops", quiet))
}

/// Measures a codec.
fn curve(
    plan: &Plan,
    codec: &dyn Codec,
    settings: &[f64],
    pictures: &[String],
) -> anyhow::Result<CodecResults> {
    let about = codec.about();
    let rows = plan.measure(codec, settings)?;
    // The largest picture and the middle setting say most.
    let largest = plan
        .subjects
        .iter()
        .max_by_key(|subject| u64::from(subject.info.width) * u64::from(subject.info.height));
    let memory = match (largest, settings.get(settings.len() / 2)) {
        (Some(subject), Some(&q)) if plan.timed > 0 => of_child(codec, subject, q)?,
        _ => Vec::new(),
    };
    Ok(CodecResults {
        name: about.name.clone(),
        origin: about.origin,
        version: about.version.clone(),
        command: about.command.clone(),
        setting: about.setting.into(),
        decoder_set: about.decoder_set.clone(),
        cost: about.cost,
        memory,
        points: means::points(&rows, pictures),
        rows,
    })
}

fn of_child(
    codec: &dyn Codec,
    subject: &Subject,
    q: f64,
) -> anyhow::Result<Vec<crate::bench::results::Memory>> {
    let memory = memory(codec, &subject.info.name, &subject.pixels()?, q)?;
    Ok(memory.into_iter().collect())
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

/// A codec to measure, and its settings.
type Measured = (Box<dyn Codec>, Vec<f64>);

/// kiln with each of the weights asked for, and the device that the first runs on.
fn kilns(args: &BenchArgs, quiet: bool) -> anyhow::Result<(Vec<Measured>, String)> {
    let levels: Vec<f64> = BTreeSet::from_iter(args.levels.iter().copied())
        .into_iter()
        .map(f64::from)
        .collect();
    let weights: Vec<Option<PathBuf>> = match &args.models {
        Some(models) => models
            .iter()
            .map(|path| (path != Path::new(BUNDLED)).then(|| path.clone()))
            .collect(),
        None => vec![args.model.weights.clone()],
    };
    let program = program_hash()?;
    let mut codecs: Vec<Measured> = Vec::new();
    let mut device = String::new();
    for (index, path) in weights.into_iter().enumerate() {
        let model_args = ModelArgs {
            threads: None,
            weights: path.clone(),
            ..args.model.clone()
        };
        let model = model::load(&model_args, quiet)?;
        if index == 0 {
            device = model.device_name();
        }
        let (name, hash) = match &path {
            None => ("kiln".to_owned(), sha256(kiln_models::BUNDLED)),
            Some(path) => {
                let stem = path.file_stem().unwrap_or(path.as_os_str());
                let bytes = files::read(&files::Source::File(path.clone()))?;
                (format!("kiln {}", stem.to_string_lossy()), sha256(&bytes))
            }
        };
        if codecs.iter().any(|(codec, _)| codec.about().name == name) {
            let message = format!("--models names `{name}` twice; results are told apart by name");
            return Err(UsageError(message).into());
        }
        let (encode, decode) = model.macs_per_pixel();
        let cost = Cost {
            encode_kmac_per_pixel: encode / 1000.0,
            decode_kmac_per_pixel: decode / 1000.0,
        };
        let efforts = BTreeSet::from_iter(args.effort.iter().copied());
        let mut in_child: Vec<OsString> = vec!["--device".into(), args.model.device.clone().into()];
        if let Some(path) = path {
            in_child.extend(["--weights".into(), path.into_os_string()]);
        }
        if let Some(threads) = args.model.threads {
            in_child.extend(["--threads".into(), threads.to_string().into()]);
        }
        let build = format!("program {program} weights {hash}");
        for effort in efforts {
            let kiln = Kiln::new(&name, model.clone(), effort, cost, &build, &in_child);
            codecs.push((Box::new(kiln), levels.clone()));
        }
    }
    Ok((codecs, device))
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
        match (adapter.open)(adapter.name) {
            Ok(codec) => codecs.push((codec, adapter.settings.to_vec())),
            Err(error) => skipped.push(Skipped {
                codec: adapter.name.into(),
                reason: format!("{error:#}"),
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
    let mut names = codecs.iter().map(|(codec, _)| &codec.about().name);
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
        let what = || format!("{} is no file of anchors", path.display());
        let text = String::from_utf8(bytes)
            .map_err(io::Error::other)
            .with_context(what)?;
        found.extend(anchors::parse(&text).with_context(what)?);
    }
    Ok(found)
}
