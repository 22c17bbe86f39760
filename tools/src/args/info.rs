//! `kiln info`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Arguments of `kiln info`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct InfoArgs {
    /// File to describe; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "devices", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// List the devices that networks can run on
    #[arg(long, conflicts_with = "file")]
    pub devices: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Most pixels of a picture; k, M, G are thousands, Ki, Mi, Gi 1024s [default: 128M]
    #[arg(long, value_name = "N", value_parser = super::values::pixels, allow_negative_numbers = true)]
    pub max_pixels: Option<u64>,
}

const EXAMPLES: &str = "\
Reads the structure of the file alone: no weights are needed, and the picture is not decoded.

Examples:
  kiln info photo.kiln
  kiln info photo.kiln --json
  kiln info --devices";
