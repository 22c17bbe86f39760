//! `kiln train`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};

use super::values;

/// Arguments of `kiln train`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("length").required(true), group = ArgGroup::new("start"), after_help = EXAMPLES)]
pub struct TrainArgs {
    /// Folder of photographs to train on
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: PathBuf,
    /// Weights to write; the curve is written beside them as .csv, the state for --resume as .state
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// Weights to start from, `bundled` or a file [default: bundled]
    #[arg(long, value_name = "WEIGHTS", group = "start", value_hint = ValueHint::FilePath)]
    pub init: Option<PathBuf>,
    /// Go on from the state of an earlier run, its optimiser included
    #[arg(long, value_name = "STATE", group = "start", value_hint = ValueHint::FilePath)]
    pub resume: Option<PathBuf>,
    /// Train for so many minutes
    #[arg(long, value_name = "N", group = "length", value_parser = values::minutes, allow_negative_numbers = true)]
    pub minutes: Option<f64>,
    /// Train for so many steps
    #[arg(long, value_name = "N", group = "length", value_parser = values::steps, allow_negative_numbers = true)]
    pub steps: Option<u64>,
    /// Learning rate at its highest; it rises over the first 20 steps, and falls linearly after a seventh of the run
    #[arg(long, value_name = "RATE", default_value = "3e-5", value_parser = values::learning_rate, allow_negative_numbers = true)]
    pub lr: f64,
    /// Crops in a step
    #[arg(long, value_name = "N", default_value = "8", value_parser = values::batch, allow_negative_numbers = true)]
    pub batch: usize,
    /// Side of a crop in pixels, a multiple of 64
    #[arg(long, value_name = "PIXELS", default_value = "128", value_parser = values::crop, allow_negative_numbers = true)]
    pub crop: usize,
    /// Levels to train for, first and last
    #[arg(long, value_name = "A..B", default_value = "0..63", value_parser = values::levels)]
    pub levels: (u8, u8),
    /// Seed of crops, levels and noise
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
    /// Where networks run: auto, cpu, gpu or the name of a device (see `kiln info --devices`)
    #[arg(
        long,
        value_name = "NAME",
        default_value = "auto",
        help_heading = "Network"
    )]
    pub device: String,
    /// Number of CPU threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = values::threads, allow_negative_numbers = true, help_heading = "Network")]
    pub threads: Option<usize>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Fine-tunes a model on photographs of your own, for all levels or a range. The loss is bits per pixel plus the squared
error, weighted as the level says; crops of random levels are drawn from pictures of at least the size of a crop. A step
chooses symbols and counts their bits as `kiln encode` does.

New weights are a new decoder set: files made with them need them to decode (`--weights FILE`). Layers that pick
probabilities are rounded to integers and checked when weights load. Tables of probabilities stay as they were.

The weights and the state are written at the end, and every ten minutes.

Examples:
  kiln train --data photos --out mine.safetensors --minutes 60
  kiln train --data photos --out mine.safetensors --minutes 60 --resume mine.state
  kiln train --data scans --out low.safetensors --steps 5000 --levels 0..20 --device gpu
  kiln encode photo.jpg photo.kiln --weights mine.safetensors";
