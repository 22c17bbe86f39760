//! Turning several files into several others: one failure does not stop the rest.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use kiln::Threads;
use serde_json::{Value, json};

use crate::args::TransferArgs;
use crate::console;
use crate::files::{Job, Plan, Sink, Source};
use crate::interrupt::{self, Finishing, asked_to_finish};
use crate::panics;
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

/// Checks everything about the outputs that can be known before long work starts. What is wrong with one file of
/// several is a failure of that file alone, when its turn has come.
pub fn check(plan: &Plan, args: &TransferArgs) -> anyhow::Result<()> {
    if let [job] = plan.jobs.as_slice() {
        job.check()?;
    }
    if args.json {
        console::check_stdout()?;
    }
    for job in &plan.jobs {
        if args.preserve_times && (job.source == Source::Stdin || job.sink == Sink::Stdout) {
            return Err(usage("--preserve-times needs files: a stream has no time"));
        }
        if job.sink != Sink::Stdout {
            continue;
        }
        if args.json {
            return Err(usage(
                "--json needs standard output for itself; name an output file",
            ));
        }
        console::check_stdout()?;
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

/// How the files of a batch ended, but for those that were done.
#[derive(Default)]
struct Counts {
    failed: usize,
    skipped: usize,
    not_begun: usize,
}

/// What became of a file.
enum Outcome {
    Done(Value),
    Failed(Value),
    Skipped,
    NotBegun,
}

/// Runs `work` on every file. Failures are printed and counted, panics too; the exit code is 1 when there was one.
///
/// With --resume, files whose outputs are there and not older are left out, if `is_whole` says so of the output.
pub fn run(
    plan: &Plan,
    args: &TransferArgs,
    quiet: bool,
    is_whole: impl Fn(&Path) -> bool,
    work: impl Fn(&Job, &Progress) -> anyhow::Result<Done>,
) -> anyhow::Result<ExitCode> {
    let each = |index: usize| {
        let job = &plan.jobs[index];
        match args.resume && is_done(job, &is_whole) {
            true => Ok(Outcome::Skipped),
            false => attempt(plan, index, quiet, &work),
        }
    };
    let outcomes: anyhow::Result<Vec<Outcome>> = (0..plan.jobs.len()).map(each).collect();
    report(plan, args, quiet, outcomes?)
}

/// The same, several files at a time, each on its part of the threads. A Ctrl-C has what runs [end early](Finishing); the
/// program then ends as by the signal if files are left.
pub fn run_in_parallel(
    plan: &Plan,
    args: &TransferArgs,
    quiet: bool,
    is_whole: impl Fn(&Path) -> bool,
    work: impl Fn(&Job, &Progress, &Threads) -> anyhow::Result<Done> + Sync,
) -> anyhow::Result<ExitCode> {
    let _finishing = Finishing::new();
    let left: Vec<usize> = (0..plan.jobs.len())
        .filter(|&index| !(args.resume && is_done(&plan.jobs[index], &is_whole)))
        .collect();
    let mut outcomes: Vec<anyhow::Result<Outcome>> = Vec::new();
    outcomes.resize_with(plan.jobs.len(), || Ok(Outcome::Skipped));
    let shares = Shares {
        threads: Threads::current().count(),
        files: left.len(),
    };
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(&index) = left.get(place) else {
                return;
            };
            let outcome = match asked_to_finish() {
                true => Ok(Outcome::NotBegun),
                false => shares.of(place).and_then(|threads| {
                    attempt(plan, index, quiet, &|job, progress| {
                        work(job, progress, &threads)
                    })
                }),
            };
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.push((index, outcome));
        }
    };
    // Not rayon's threads: one that waits for a picture would begin another meanwhile.
    std::thread::scope(|scope| {
        for _ in 1..shares.at_a_time() {
            scope.spawn(worker);
        }
        worker();
    });
    for (index, outcome) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        outcomes[index] = outcome;
    }
    let outcomes = outcomes.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let not_begun = outcomes.iter().any(|o| matches!(o, Outcome::NotBegun));
    let code = report(plan, args, quiet, outcomes)?;
    match not_begun {
        true => interrupt::end_unfinished(),
        false => Ok(code),
    }
}

/// How threads are shared by files: one each, and those that are left over at the end share them all.
struct Shares {
    threads: usize,
    files: usize,
}

impl Shares {
    /// Files that are worked on at a time.
    fn at_a_time(&self) -> usize {
        self.threads.min(self.files).max(1)
    }

    /// Threads for a file, by its place among all.
    fn count(&self, place: usize) -> usize {
        let over = self.files % self.threads;
        match place < self.files - over {
            true => 1,
            false => self.threads / over,
        }
    }

    fn of(&self, place: usize) -> anyhow::Result<Threads> {
        match self.count(place) {
            all if all == self.threads => Ok(Threads::current()),
            count => Ok(Threads::new(count)?),
        }
    }
}

/// Works on one file.
fn attempt(
    plan: &Plan,
    index: usize,
    quiet: bool,
    work: &impl Fn(&Job, &Progress) -> anyhow::Result<Done>,
) -> anyhow::Result<Outcome> {
    let job = &plan.jobs[index];
    let (input, output) = (job.source.to_string(), job.sink.to_string());
    let label = match plan.jobs.len() {
        1 => input.clone(),
        all => format!("{}/{all} {input}", index + 1),
    };
    let progress = Progress::new(label, quiet);
    let result = panics::guard(|| job.check().and_then(|()| work(job, &progress)))
        .map_err(anyhow::Error::from)
        .with_context(|| input.clone())
        .flatten();
    match result {
        Ok(done) => {
            if !quiet {
                progress.line(&format!("{input} -> {output}: {}", done.summary));
            }
            Ok(Outcome::Done(done.json))
        }
        // Standard output is the only one of its batch, and a closed pipe is for the caller to judge.
        Err(error) if job.sink == Sink::Stdout => Err(error),
        Err(error) => {
            progress.line(&format!("error: {error:#}"));
            Ok(Outcome::Failed(json!({ "error": format!("{error:#}") })))
        }
    }
}

/// Tells what became of all files.
fn report(
    plan: &Plan,
    args: &TransferArgs,
    quiet: bool,
    outcomes: Vec<Outcome>,
) -> anyhow::Result<ExitCode> {
    let mut files = Vec::with_capacity(plan.jobs.len());
    let mut counts = Counts::default();
    for path in plan.loops.iter().filter(|_| !quiet) {
        console::remark(&format!(
            "note: {}: not followed, it leads back",
            path.display()
        ));
    }
    for (path, why) in &plan.failures {
        console::remark(&format!("error: {}: {why}", path.display()));
        files.push(json!({ "input": path.display().to_string(), "error": why }));
        counts.failed += 1;
    }
    for (job, outcome) in plan.jobs.iter().zip(outcomes) {
        let (input, output) = (job.source.to_string(), job.sink.to_string());
        let mut file = json!({ "input": input, "output": output });
        let more = match outcome {
            Outcome::Done(more) => more,
            Outcome::Failed(more) => {
                counts.failed += 1;
                more
            }
            Outcome::Skipped => {
                counts.skipped += 1;
                json!({ "skipped": true })
            }
            Outcome::NotBegun => {
                counts.not_begun += 1;
                json!({ "not_begun": true })
            }
        };
        merge(&mut file, more);
        files.push(file);
    }
    if let Some(summary) = summary(plan, &counts)
        && !quiet
    {
        console::remark(&summary);
    }
    if args.json {
        console::print_json(&json!({
            "files": files,
            "failed": counts.failed,
            "skipped": counts.skipped,
            "not_begun": counts.not_begun,
            "ignored": plan.ignored.count,
        }))?;
    }
    Ok(match counts.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// One line on all files, where the lines of each do not say everything.
fn summary(plan: &Plan, counts: &Counts) -> Option<String> {
    let all = plan.jobs.len() + plan.failures.len();
    if all <= 1 && counts.skipped == 0 && plan.ignored.count == 0 {
        return None;
    }
    let other = counts.failed + counts.skipped + counts.not_begun;
    let mut parts = vec![format!("{} done", all - other)];
    if counts.failed > 0 {
        parts.push(format!("{} failed", counts.failed));
    }
    if counts.skipped > 0 {
        parts.push(format!(
            "{} skipped, whose outputs are newer",
            counts.skipped
        ));
    }
    if counts.not_begun > 0 {
        parts.push(format!("{} not begun", counts.not_begun));
    }
    if plan.ignored.count > 0 {
        parts.push(format!("ignored other files: {}", plan.ignored));
    }
    let noun = if all == 1 { "file" } else { "files" };
    Some(format!("{all} {noun}: {}", parts.join("; ")))
}

/// Whether an earlier run has done a file: its output is complete and not older than it.
fn is_done(job: &Job, is_whole: impl Fn(&Path) -> bool) -> bool {
    let (Source::File(source), Sink::File(sink)) = (&job.source, &job.sink) else {
        return false;
    };
    let modified = |path: &Path| {
        let found = fs::metadata(path).ok().filter(|found| found.is_file());
        found.and_then(|found| found.modified().ok())
    };
    match (modified(source), modified(sink)) {
        (Some(source), Some(made)) => made >= source && is_whole(sink),
        _ => false,
    }
}

/// Adds the members of one object to another.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::time::{Duration, SystemTime};

    use clap::Parser;

    use crate::args::{Cli, Command};
    use crate::files::{self, Kind};

    fn args(more: &[&str]) -> TransferArgs {
        let words = ["kiln", "encode", "in", "out"].iter().chain(more);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Encode(args) => args.files,
            _ => panic!("not parsed as encode"),
        }
    }

    /// A folder `in` with files, and the plan to encode it to `out`.
    fn scratch(names: &[&str]) -> (tempfile::TempDir, Plan) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("in")).unwrap();
        fs::create_dir(at("out")).unwrap();
        for name in names {
            fs::write(at("in").join(name), "picture").unwrap();
        }
        let plan = files::plan(&[at("in")], &at("out"), Kind::Picture, "kiln").unwrap();
        (folder, plan)
    }

    fn name(job: &Job) -> String {
        let Source::File(path) = &job.source else {
            panic!("{job:?}")
        };
        path.file_name().unwrap().to_str().unwrap().to_owned()
    }

    fn done() -> anyhow::Result<Done> {
        Ok(Done {
            summary: String::new(),
            json: json!({}),
        })
    }

    #[test]
    fn a_panic_is_a_failure_of_its_file_alone() {
        let (_folder, plan) = scratch(&["a.png", "b.png", "c.png"]);
        let finished = RefCell::new(Vec::new());
        let work = |job: &Job, _: &Progress| {
            let name = name(job);
            assert_ne!(name, "b.png", "a fault of the program");
            finished.borrow_mut().push(name);
            done()
        };
        let code = run(&plan, &args(&[]), true, |_| true, work).unwrap();
        assert_eq!(finished.into_inner(), ["a.png", "c.png"]);
        assert_eq!(code, ExitCode::FAILURE);
    }

    #[test]
    fn only_outputs_that_are_whole_and_not_older_are_kept() {
        let (folder, plan) = scratch(&["missing.png", "old.png", "cut.png", "same.png", "new.png"]);
        let set = |path: &str, seconds: u64| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds);
            let file = fs::File::options()
                .write(true)
                .open(folder.path().join(path))
                .unwrap();
            file.set_modified(time).unwrap();
        };
        for (stem, seconds) in [("old", 9), ("cut", 11), ("same", 10), ("new", 11)] {
            set(&format!("in/{stem}.png"), 10);
            fs::write(folder.path().join(format!("out/{stem}.kiln")), stem).unwrap();
            set(&format!("out/{stem}.kiln"), seconds);
        }
        let is_whole = |path: &Path| fs::read(path).unwrap() != b"cut";
        for (more, expected) in [
            (
                &["--resume"][..],
                &["cut.png", "missing.png", "old.png"][..],
            ),
            (
                &[],
                &["cut.png", "missing.png", "new.png", "old.png", "same.png"],
            ),
        ] {
            let worked = RefCell::new(Vec::new());
            let work = |job: &Job, _: &Progress| {
                worked.borrow_mut().push(name(job));
                done()
            };
            run(&plan, &args(more), true, is_whole, work).unwrap();
            assert_eq!(worked.into_inner(), expected, "{more:?}");
        }
    }

    #[test]
    fn files_share_threads_until_the_last_one() {
        let shares = |threads, files| {
            let shares = Shares { threads, files };
            (
                shares.at_a_time(),
                (0..files).map(|f| shares.count(f)).collect::<Vec<_>>(),
            )
        };
        assert_eq!(shares(2, 1), (1, vec![2]));
        assert_eq!(shares(2, 2), (2, vec![1, 1]));
        assert_eq!(shares(2, 3), (2, vec![1, 1, 2]));
        assert_eq!(shares(8, 3), (3, vec![2, 2, 2]));
        assert_eq!(shares(3, 5), (3, vec![1, 1, 1, 1, 1]));
        assert_eq!(shares(1, 2), (1, vec![1, 1]));
    }

    #[test]
    fn a_parallel_batch_does_every_file_once_and_keeps_their_order() {
        let (_folder, plan) = scratch(&["a.png", "b.png", "c.png", "d.png"]);
        let seen = Mutex::new(Vec::new());
        let work = |job: &Job, _: &Progress, _: &Threads| {
            let name = name(job);
            assert_ne!(name, "c.png", "a fault of the program");
            seen.lock().unwrap().push(name);
            done()
        };
        let code = run_in_parallel(&plan, &args(&[]), true, |_| true, work).unwrap();
        let mut seen = seen.into_inner().unwrap();
        seen.sort();
        assert_eq!(seen, ["a.png", "b.png", "d.png"]);
        assert_eq!(code, ExitCode::FAILURE);
    }

    #[test]
    fn the_summary_says_what_single_lines_do_not() {
        let (_folder, plan) = scratch(&["a.png", "b.png", "c.txt"]);
        let counts = Counts {
            failed: 1,
            skipped: 1,
            not_begun: 0,
        };
        assert_eq!(
            summary(&plan, &counts).unwrap(),
            "2 files: 0 done; 1 failed; 1 skipped, whose outputs are newer; ignored other files: 1 (.txt)"
        );
        let (_folder, plan) = scratch(&["a.png"]);
        assert_eq!(summary(&plan, &Counts::default()), None);
    }
}
