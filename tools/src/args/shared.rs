//! Arguments that several subcommands have.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use kiln::{Effort, Fit, Limits};

use super::values;

/// Which network runs where.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub struct ModelArgs {
    /// Where networks run: auto, cpu, gpu or the name of a device (see `kiln info --devices`)
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub device: String,
    /// Where the exact networks run, those that pick probabilities: auto takes the CPU unless the device is known to be
    /// exact and faster; gpu takes the device anyway and checks it against the CPU
    #[arg(long, value_name = "WHERE", value_enum, default_value_t)]
    pub exact_device: ExactDevice,
    /// Number of CPU threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = values::threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Weights to encode with instead of the bundled ones, or to decode with beside them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub weights: Option<PathBuf>,
}

/// What makes a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum ModelName {
    /// The networks of the weights: a part of a second for a file
    #[default]
    Base,
    /// Networks fitted to the one picture, which travel in its file: minutes, and smaller files that decode faster
    Fitted,
    /// Whichever of the two costs less, bits and error together; takes as long as fitted
    Auto,
}

impl ModelName {
    /// The fit that it needs, within a budget: one of these, else effort 3.
    pub fn fit(
        self,
        effort: Option<Effort>,
        iterations: Option<u32>,
        time: Option<Duration>,
    ) -> Option<Fit> {
        let fit = match (iterations, time) {
            (Some(count), _) => Fit::iterations(count),
            (None, Some(time)) => Fit::time(time),
            (None, None) => Fit::effort(effort.or(Effort::new(3)).unwrap_or_default()),
        };
        match self {
            Self::Base => None,
            Self::Fitted => Some(fit),
            Self::Auto => Some(fit.or_weights()),
        }
    }
}

/// Where the exact networks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum ExactDevice {
    #[default]
    Auto,
    Cpu,
    Gpu,
}

/// What a file may cost.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Most pixels of a picture; k, M, G are thousands, Ki, Mi, Gi 1024s [default: 128M]
    #[arg(long, value_name = "N", value_parser = values::pixels, allow_negative_numbers = true)]
    pub max_pixels: Option<u64>,
    /// Most memory to take for a picture, in bytes [default: 6Gi]
    #[arg(long, value_name = "BYTES", value_parser = values::size, allow_negative_numbers = true)]
    pub max_memory: Option<u64>,
}

impl LimitArgs {
    /// The limits of the library, with those that were given.
    pub fn limits(&self) -> Limits {
        let default = Limits::default();
        default
            .with_max_pixels(self.max_pixels.unwrap_or(default.max_pixels))
            .with_max_memory(self.max_memory.unwrap_or(default.max_memory))
    }
}

/// Files to read and where to write, as `cp` takes them.
#[derive(Args, Clone, Debug)]
pub struct TransferArgs {
    /// Files to read, or folders, of which every suitable file is read, folders in them included; `-` is standard input
    #[arg(required = true, num_args = 1.., value_name = "IN", value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<PathBuf>,
    /// File to write, or `-` for standard output, or a folder, needed for several inputs and for a folder. An existing
    /// file is replaced, as `cp` does it, once the new one is complete
    #[arg(required = true, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub output: PathBuf,
    /// Go on with an earlier run: leave out files whose outputs are there, complete and not older than they are,
    /// whatever options made them
    #[arg(long)]
    pub resume: bool,
    /// Give each output the time of the last change of its input
    #[arg(short, long)]
    pub preserve_times: bool,
    /// Write to a terminal, or under a name whose extension says something else
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}
