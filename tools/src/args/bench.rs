//! `kiln bench`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::ModelArgs;
use super::values;

/// Arguments of `kiln bench`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// A folder of pictures, or `kodak` for the bundled 24
    #[arg(value_name = "FOLDER|kodak", value_hint = ValueHint::DirPath)]
    pub pictures: PathBuf,
    /// Levels to measure
    #[arg(
        long,
        value_name = "N,N,..",
        value_delimiter = ',',
        value_parser = values::level,
        default_value = "0,9,18,27,36,45,54,63"
    )]
    pub levels: Vec<u8>,
    /// Measure these pictures only, named without extension
    #[arg(long, value_name = "NAME,NAME,..", value_delimiter = ',')]
    pub only: Option<Vec<String>>,
    /// Compare with these curves: a file of benches/anchors, or results.json or results.csv of an earlier run
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub anchors: Option<PathBuf>,
    /// Folder for results.json and results.csv, made where it does not exist
    #[arg(long, value_name = "DIR", default_value = "kiln-bench", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Print the content of results.json instead of tables
    #[arg(long)]
    pub json: bool,
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
}

const EXAMPLES: &str = "\
Every picture is encoded and decoded at every level. Rate is the length of the file, distortion is measured on 8-bit
RGB, and means are taken over pictures. Pictures other than 8-bit RGB are converted to it first. One encode and one
decode before the clock starts are not counted.

BD-rate: PCHIP of log(bpp) over quality on the range both curves cover, mean curves, the same pictures on both sides.

Examples:
  kiln bench kodak --anchors benches/anchors/kodak_measured.json
  kiln bench kodak --only kodim01,kodim05 --levels 10,30,50
  kiln bench my-photos --out results/my-photos --json";
