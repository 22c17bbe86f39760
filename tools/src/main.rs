//! The `kiln` command line: encode, decode, inspect, measure and compare.
//!
//! Three steps: [`args`] holds what was typed, [`commands`] turns it into ready values and checks them before any
//! long work starts, and the library does the work. Results go to standard output, everything else to standard error.

mod args;
mod bench;
mod commands;
mod digest;
mod files;
mod progress;
#[cfg(feature = "train")]
mod train;
mod usage;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

/// Networks ask for the same large pieces of memory again and again; the allocators of operating systems give them back
/// in between, and their pages are mapped anew each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Wrong arguments end the program here, with exit code 2.
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Encode(args) => commands::encode::run(args, cli.quiet),
        Command::Decode(args) => commands::decode::run(args, cli.quiet),
        Command::Info(args) => commands::info::run(args),
        Command::Bench(args) => commands::bench::run(args, cli.quiet),
        Command::Selftest(args) => commands::selftest::run(args, cli.quiet),
        Command::BenchOne(args) => commands::bench_one::run(args),
        Command::Compare(args) => commands::compare::run(args, cli.quiet),
        Command::Dataset(args) => commands::dataset::run(args, cli.quiet),
        Command::Report(args) => commands::report::run(args, cli.quiet),
        Command::Models(args) => commands::models::run(args),
        #[cfg(feature = "train")]
        Command::Train(args) => commands::train::run(args, cli.quiet),
    };
    match result {
        Ok(code) => code,
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<usage::UsageError>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Whether some cause of the error is a closed pipe.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
