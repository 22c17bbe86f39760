//! What was typed: the command line as clap parses it, before any file is looked at.

mod bench;
mod compare;
mod dataset;
mod decode;
mod encode;
mod info;
mod models;
mod report;
mod selftest;
mod shared;
#[cfg(feature = "train")]
mod train;
mod values;

use clap::{Parser, Subcommand};

pub use bench::{BenchArgs, BenchOneArgs, Live, Step};
pub use compare::CompareArgs;
pub use dataset::{DatasetAction, DatasetArgs, FetchArgs};
pub use decode::{DecodeArgs, FormatName};
pub use encode::EncodeArgs;
pub use info::InfoArgs;
pub use models::ModelsArgs;
pub use report::ReportArgs;
pub use selftest::SelftestArgs;
pub use shared::{ExactDevice, LimitArgs, ModelArgs, ModelName, TransferArgs};
#[cfg(feature = "train")]
pub use train::TrainArgs;

/// A learned image codec whose files decode identically on every machine.
#[derive(Debug, Parser)]
#[command(name = "kiln", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    /// Print errors and results only: no progress bars, no remarks
    #[arg(long, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compress pictures into .kiln files
    Encode(EncodeArgs),
    /// Turn .kiln files back into pictures
    Decode(DecodeArgs),
    /// Show what a .kiln file holds, or which devices there are
    Info(InfoArgs),
    /// Measure rate, distortion and speed on a set of pictures
    Bench(BenchArgs),
    /// Prove that every device of this machine decodes files as it must
    Selftest(SelftestArgs),
    /// One half of a round trip, which tells the memory it took; `kiln bench` starts it
    #[command(hide = true)]
    BenchOne(BenchOneArgs),
    /// Measure how two pictures differ
    Compare(CompareArgs),
    /// Fetch pictures to measure on
    Dataset(DatasetArgs),
    /// Draw figures and an HTML page from the results of `kiln bench`
    Report(ReportArgs),
    /// List the architectures that this program runs, and the bundled weights
    Models(ModelsArgs),
    /// Fine-tune the model on photographs
    #[cfg(feature = "train")]
    Train(TrainArgs),
}

const EXAMPLES: &str = "\
Examples:
  kiln encode photo.jpg photo.kiln -q 60
  kiln decode photo.kiln photo.png
  kiln info photo.kiln
  kiln encode photos/ small/ --resume
  kiln encode photo.jpg photo.kiln --model fitted --time 5m

Each command has its own --help with more of them.

Exit codes: 0 success, 1 something failed, 2 wrong usage. Ctrl-C and SIGTERM leave no half-written file; shells show \
them as 130 and 143. A fit of `kiln encode --model fitted` ends early at the first Ctrl-C, and its file is written.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_last_path_is_the_output() {
        let cli = Cli::try_parse_from(["kiln", "encode", "a.png", "b.png", "out/"]).unwrap();
        let Command::Encode(args) = cli.command else {
            panic!("not parsed as encode")
        };
        assert_eq!(
            args.files.inputs,
            ["a.png", "b.png"].map(std::path::PathBuf::from)
        );
        assert_eq!(args.files.output, std::path::Path::new("out/"));
    }

    #[test]
    fn one_path_is_too_few() {
        for command in ["encode", "decode"] {
            assert!(Cli::try_parse_from(["kiln", command, "a"]).is_err());
        }
    }

    #[test]
    fn the_limits_in_the_help_are_those_of_the_library() {
        let default = kiln::Limits::default();
        for command in ["encode", "decode", "compare", "info"] {
            let help = Cli::try_parse_from(["kiln", command, "--help"])
                .unwrap_err()
                .to_string();
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            let stated = |argument: &str| {
                let after = help.split_once(argument).unwrap().1;
                let text = after.split_once("[default: ").unwrap().1;
                values::pixels(text.split_once(']').unwrap().0).unwrap()
            };
            assert_eq!(stated("--max-pixels"), default.max_pixels, "{command}");
            if command != "info" {
                assert_eq!(stated("--max-memory"), default.max_memory, "{command}");
            }
        }
    }

    #[test]
    fn targets_exclude_each_other() {
        let both = [
            "kiln", "encode", "a.png", "a.kiln", "-q", "50", "--bpp", "0.5",
        ];
        let error = Cli::try_parse_from(both).unwrap_err().to_string();
        assert!(error.contains("cannot be used with"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_range() {
        for (value, range) in [("101", "0..=100"), ("-1", "0..=100")] {
            let error = Cli::try_parse_from(["kiln", "encode", "a", "b", "-q", value])
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&format!("quality {value} is outside {range}")),
                "{error}"
            );
        }
    }
}
