//! `kiln selftest`.

use clap::Args;

use super::values;

/// Arguments of `kiln selftest`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SelftestArgs {
    /// Test this device only: cpu, gpu or the name of a device [default: every device found]
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Number of CPU threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = values::threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Decodes files that travel inside the program. Probabilities and integers must come out identical to the last bit,
pixels within one step of 255. The exact networks are tried on each device itself too, even where kiln runs them on
the CPU beside it. The first run on a graphics device compiles its kernels; on one that is emulated by the CPU that
takes minutes.

Examples:
  kiln selftest
  kiln selftest --device cpu
  kiln selftest --json

Exit code: 0 when all devices pass, 1 when one fails.";
