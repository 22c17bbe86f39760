//! Turning several files into several others: one failure does not stop the rest.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};

use crate::args::TransferArgs;
use crate::files::{Job, Sink, check_sink};
use crate::progress::Progress;
use crate::usage::UsageError;

/// What came of one file.
#[derive(Debug)]
pub struct Done {
    /// One line for people, without the names of the files.
    pub summary: String,
    /// The same for programs: a JSON object.
    pub json: Value,
}

/// Checks everything about the outputs that can be known before long work starts.
pub fn check(jobs: &[Job], args: &TransferArgs) -> anyhow::Result<()> {
    for job in jobs {
        check_sink(&job.sink)?;
        if job.sink != Sink::Stdout {
            continue;
        }
        if args.json {
            return Err(usage(
                "--json needs standard output for itself; name an output file",
            ));
        }
        if io::stdout().is_terminal() && !args.force {
            return Err(usage(
                "binary data are not written to a terminal; name a file or add --force",
            ));
        }
    }
    Ok(())
}

fn usage(message: &str) -> anyhow::Error {
    UsageError(message.to_owned()).into()
}

/// Runs `work` on every job. Failures are printed and counted; the exit code is 1 when there was one.
pub fn run(
    jobs: &[Job],
    args: &TransferArgs,
    quiet: bool,
    work: impl Fn(&Job, &Progress) -> anyhow::Result<Done>,
) -> anyhow::Result<ExitCode> {
    let mut files = Vec::with_capacity(jobs.len());
    let mut code = ExitCode::SUCCESS;
    for job in jobs {
        let progress = Progress::new(job.source.to_string(), quiet);
        let (input, output) = (job.source.to_string(), job.sink.to_string());
        match work(job, &progress) {
            Ok(done) => {
                if !quiet {
                    progress.line(&format!("{input} -> {output}: {}", done.summary));
                }
                let mut file = json!({ "input": input, "output": output });
                merge(&mut file, done.json);
                files.push(file);
            }
            // Standard output is the only one of its batch, and a closed pipe is for the caller to judge.
            Err(error) if job.sink == Sink::Stdout => return Err(error),
            Err(error) => {
                progress.line(&format!("error: {error:#}"));
                files.push(json!({ "input": input, "error": format!("{error:#}") }));
                code = ExitCode::FAILURE;
            }
        }
    }
    if args.json {
        print_json(&json!({ "files": files }))?;
    }
    Ok(code)
}

/// Adds the members of one object to another.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// Prints one JSON value and a line break on standard output.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    print(&text)
}

/// Prints text on standard output. Unlike `print!`, it reports a closed pipe as an error.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}
