//! The `kiln` command line: encode, decode, inspect, measure and compare.
//!
//! Three steps: [`args`] holds what was typed, [`commands`] turns it into ready values and checks them before any
//! long work starts, and the library does the work. Results go to standard output, everything else to standard error.

mod args;
mod bench;
mod commands;
mod console;
mod digest;
mod files;
mod interrupt;
mod panics;
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
    panics::quiet();
    if let Err(error) = interrupt::watch() {
        console::remark(&format!(
            "note: temporary files may stay behind after Ctrl-C, which cannot be handled: {error}"
        ));
    }
    match panics::guard(start) {
        Ok(code) => code,
        Err(fault) => {
            console::remark(&format!("error: {fault}"));
            ExitCode::FAILURE
        }
    }
}

/// Does what was typed.
fn start() -> ExitCode {
    let result = match Cli::try_parse() {
        Ok(cli) => run(&cli),
        // Wrong arguments end the program here, with exit code 2.
        Err(error) if error.use_stderr() => error.exit(),
        Err(help) => print_help(&help),
    };
    match result {
        Ok(code) => code,
        // Whoever reads our output has seen enough: not worth a word, but it did not arrive.
        Err(error) if is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            console::remark(&format!("error: {error:#}"));
            if error.is::<usage::UsageError>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Runs a subcommand.
fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
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
    }
}

/// Prints what --help and --version ask for, in colours where they are shown.
fn print_help(help: &clap::Error) -> anyhow::Result<ExitCode> {
    console::print_with(|| help.print())?;
    Ok(ExitCode::SUCCESS)
}

/// Whether some cause of the error is a closed pipe.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
