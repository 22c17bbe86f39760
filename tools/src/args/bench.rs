//! `kiln bench`, and the process that it starts to measure memory.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use kiln::Effort;
use kiln_measure::adapters::{ADAPTERS, adapter};
use kiln_measure::metrics::MetricGroup;

use super::values;
use super::{ModelArgs, ModelName};

/// Arguments of `kiln bench`.
#[derive(Args, Debug)]
#[command(after_help = help())]
pub struct BenchArgs {
    /// A folder of pictures, `kodak` for the bundled 24, or the name of a folder in $KILN_DATASETS
    #[arg(value_name = "FOLDER|NAME", default_value = "kodak", value_hint = ValueHint::DirPath)]
    pub pictures: PathBuf,
    /// Levels to measure [default: eight over all that the weights have]
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', value_parser = values::level)]
    pub levels: Option<Vec<u8>>,
    /// Weights to measure, each a curve: files, or `bundled` [default: bundled]
    #[arg(
        long,
        value_name = "FILE|bundled,..",
        value_delimiter = ',',
        conflicts_with = "weights"
    )]
    pub models: Option<Vec<PathBuf>>,
    /// Efforts of the encoder, 0 (one pass) to 9, each a curve [default: 0]. With --model fitted and auto, iterations, as
    /// `kiln encode` has them [default: 3]
    #[arg(
        long,
        value_name = "N,N,..",
        value_delimiter = ',',
        value_parser = values::effort,
        allow_negative_numbers = true
    )]
    pub effort: Vec<Effort>,
    /// What makes the files: base (the weights), fitted (networks fitted to each picture) or auto. Of the last two, as many
    /// files as there are threads are made at a time, one on each, and none is made again for times unless --timed asks
    #[arg(
        long = "model",
        value_name = "NAME",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub model_name: ModelName,
    /// Iterations of fits, each a curve, instead of efforts
    #[arg(
        long,
        value_name = "N,N,..",
        value_delimiter = ',',
        value_parser = values::iterations,
        conflicts_with_all = ["effort", "time"],
        allow_negative_numbers = true
    )]
    pub iterations: Vec<u32>,
    /// Times of fits, such as 3m, each a curve, instead of efforts. What they come to depends on the machine
    #[arg(
        long,
        value_name = "TIME,..",
        value_delimiter = ',',
        value_parser = values::time,
        conflicts_with = "effort",
        allow_negative_numbers = true
    )]
    pub time: Vec<Duration>,
    /// Measure these pictures only, named without extension
    #[arg(long, value_name = "NAME,NAME,..", value_delimiter = ',')]
    pub only: Option<Vec<String>>,
    /// Measures of distortion besides PSNR: psnr, which alone is the fastest, msssim, ssimulacra2, butteraugli
    #[arg(
        long,
        value_name = "NAME,..",
        value_delimiter = ',',
        default_values_t = MetricGroup::ALL
    )]
    pub metrics: Vec<MetricGroup>,
    /// How many pictures are timed, one at a time while nothing else runs; 0 skips times and memory [default: all, of fits
    /// none]
    #[arg(long, value_name = "N")]
    pub timed: Option<usize>,
    /// Go on with an interrupted run in the same --out folder
    #[arg(long)]
    pub resume: bool,
    /// Compare with these curves: files of benches/anchors, results.json or results.csv of an earlier run, or curves
    /// of CompressAI
    #[arg(long, value_name = "FILE,..", value_delimiter = ',', value_hint = ValueHint::FilePath)]
    pub anchors: Vec<PathBuf>,
    /// Measure these codecs in the same run: names listed below, `crates` for those that are compiled in, or `all`
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', value_parser = live)]
    pub live: Vec<Live>,
    /// Compare every codec with this one, named as in the results
    #[arg(long, value_name = "NAME")]
    pub against: Option<String>,
    /// Folder for the results, made where it does not exist
    #[arg(long, value_name = "DIR", default_value = "kiln-bench", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Print the content of results.json instead of tables
    #[arg(long)]
    pub json: bool,
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// What `--live` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Live {
    /// One codec.
    One(&'static str),
    /// Those that are compiled in.
    Crates,
    /// Every one that is there.
    All,
}

fn live(text: &str) -> Result<Live, String> {
    match text {
        "all" => Ok(Live::All),
        "crates" => Ok(Live::Crates),
        name => adapter(name)
            .map(|adapter| Live::One(adapter.name))
            .ok_or_else(|| {
                let names: Vec<&str> = ADAPTERS.iter().map(|adapter| adapter.name).collect();
                format!("`{name}` is not one of {}, crates, all", names.join(", "))
            }),
    }
}

/// Arguments of `kiln bench-one`.
#[derive(Args, Debug)]
pub struct BenchOneArgs {
    /// What to do.
    #[arg(long)]
    pub step: Step,
    /// The setting.
    #[arg(long)]
    pub q: f64,
    /// The picture: read to encode, and its size to decode.
    #[arg(long)]
    pub picture: PathBuf,
    /// The file: written by the one, read by the other.
    #[arg(long)]
    pub file: PathBuf,
    /// How long to think.
    #[arg(long, value_parser = values::effort)]
    pub effort: Option<Effort>,
    /// What makes the file.
    #[arg(long = "model", value_enum, default_value_t)]
    pub model_name: ModelName,
    /// Iterations of a fit.
    #[arg(long, value_parser = values::iterations)]
    pub iterations: Option<u32>,
    /// Time of a fit.
    #[arg(long, value_parser = values::time)]
    pub time: Option<Duration>,
    /// A codec that is compiled in, instead of kiln.
    #[arg(long)]
    pub live: Option<String>,
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Half of a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// Picture to file.
    Encode,
    /// File to picture.
    Decode,
}

/// What stands below the options: what the numbers mean, the codecs, and examples.
fn help() -> String {
    let codecs: String = ADAPTERS
        .iter()
        .map(|adapter| format!("  {:<10}{}\n", adapter.name, adapter.about))
        .collect();
    format!(
        "{MEANING}\n\nCodecs for --live; tools that are not installed are skipped:\n{codecs}\n{EXAMPLES}"
    )
}

const MEANING: &str = "\
Every picture is encoded and decoded at every level. Rate is the length of the file, distortion is measured on 8-bit
RGB, and means are taken over pictures. Pictures other than 8-bit RGB are converted to it first. Rate and distortion are
measured on all threads; times afterwards, one picture at a time, and one encode and decode before are not counted.

PSNR-YUV is (6 Y + Cb + Cr) / 8 of BT.709 YCbCr, full range, 4:4:4. SSIMULACRA2 and Butteraugli take pictures for sRGB,
Butteraugli at 80 nits; its table shows the 3-norm. BD-rate: PCHIP of log(bpp) over quality on the range both curves
cover, mean curves, the same pictures on both sides. benches/RESULTS.md describes the files of --out.";

const EXAMPLES: &str = "\
Examples:
  kiln bench kodak --anchors benches/anchors/kodak_measured.json
  kiln bench kodak --live all --against vtm --out results/kodak --resume
  kiln bench kodak --only kodim01,kodim05 --levels 10,30,50 --metrics psnr,msssim
  kiln bench my-photos --models bundled,new.safetensors --json
  kiln bench kodak --model fitted --iterations 1000,4000 --levels 10,30,50 --out results/fitted --resume";
