//! `kiln report`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use kiln_measure::report::Axis;

use super::ModelArgs;
use super::values;

/// Arguments of `kiln report`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// results.json of `kiln bench`; `-` is standard input
    #[arg(value_name = "RESULTS", value_hint = ValueHint::FilePath)]
    pub results: PathBuf,
    /// Folder for report.html and the figures, made where it does not exist
    #[arg(long, value_name = "DIR", required_unless_present = "figure", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Write the rate-distortion figure alone, as .svg or .png; may be given more than once
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub figure: Vec<PathBuf>,
    /// Rates of the figures, in bits per pixel
    #[arg(long, value_name = "MIN-MAX", value_parser = values::bpp_range, default_value = "0-1.5")]
    pub bpp: RangeInclusive<f64>,
    /// Panels of the figures: psnr, psnr_of_mean_mse, psnr_yuv, msssim (in dB), msssim_raw, ssimulacra2,
    /// butteraugli_3norm
    #[arg(
        long,
        value_name = "NAME,..",
        value_delimiter = ',',
        default_value = "psnr,msssim"
    )]
    pub metrics: Vec<Axis>,
    /// Show these curves beside kiln, named as in the results [default: up to 10]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub curves: Option<Vec<String>>,
    /// Show crops of pictures of this folder, or of `kodak`: encodes them with kiln and with WebP
    #[arg(long, value_name = "FOLDER|kodak", requires = "out", value_hint = ValueHint::DirPath)]
    pub pictures: Option<PathBuf>,
    /// Of --pictures, show these only, named without extension [default: the first 8]
    #[arg(
        long,
        value_name = "NAME,..",
        value_delimiter = ',',
        requires = "pictures"
    )]
    pub only: Option<Vec<String>>,
    /// Rate of the crops: kiln at the level nearest to it, in bits per pixel
    #[arg(long, value_name = "BPP", value_parser = values::bpp, default_value = "0.3", requires = "pictures")]
    pub at: f64,
    /// Print one JSON object with the names of the files
    #[arg(long)]
    pub json: bool,
    /// The network, for --pictures.
    #[command(flatten)]
    pub model: ModelArgs,
}

const EXAMPLES: &str = "\
report.html is one file that needs no network: curves to point at, tables that sort, and crops with a border to move.
rd.svg and rd.png are for print. speed.svg and speed.png show the time to decode against BD-rate, for codecs that were
measured in the same run.

Crops are the middle of each picture. WebP is set to nearly the same number of bytes as kiln.

Examples:
  kiln report kiln-bench/results.json --out report
  kiln report kiln-bench/results.json --out report --pictures kodak --only kodim05,kodim23 --at 0.25
  kiln report kiln-bench/results.json --figure rd.svg --figure rd.png --curves webp_m6,vtm_444_10b";
