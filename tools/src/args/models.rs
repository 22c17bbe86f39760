//! `kiln models`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Arguments of `kiln models`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ModelsArgs {
    /// Describe these weights too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub weights: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
A file names the architecture and the weights that decode it: see `kiln info`.

Examples:
  kiln models
  kiln models --weights mine.safetensors --json";
