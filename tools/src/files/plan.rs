//! From the paths that were typed to pairs of source and sink, by the rules of `cp`, but that folders need no `-r`.

use std::fs;
use std::path::{self, Path, PathBuf};

use anyhow::{Context, bail};

use super::names::Names;
use super::walk::{Ignored, walk};
use super::write::{check_sink, parent};
use super::{Kind, Sink, Source};
use crate::usage::UsageError;

/// One file to turn into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What to read.
    pub source: Source,
    /// What to write.
    pub sink: Sink,
    /// Whether the folder of the sink is made where it does not exist.
    pub in_tree: bool,
}

/// What a command has to do.
#[derive(Debug, Default)]
pub struct Plan {
    /// The files, in the order in which they are done.
    pub jobs: Vec<Job>,
    /// Files of the folders that are of another kind.
    pub ignored: Ignored,
    /// What could not be looked at, and why.
    pub failures: Vec<(PathBuf, String)>,
    /// Links that lead back to a folder that they are in, and are not followed.
    pub loops: Vec<PathBuf>,
}

/// Pairs every input with its output. Of a folder the files of `kind` are taken, with their folders. In a folder, an
/// output is named after its input, with `extension`.
///
/// Several inputs, a folder among them, a trailing separator and an existing folder all mean that `output` is a folder.
/// It is made if an input is a folder; otherwise it must exist.
pub fn plan(
    inputs: &[PathBuf],
    output: &Path,
    kind: Kind,
    extension: &str,
) -> anyhow::Result<Plan> {
    let trees = inputs.iter().any(|path| is_folder(path));
    let several = inputs.len() > 1 || trees;
    match Sink::from(output) {
        Sink::Stdout if several => Err(usage(
            "several inputs cannot go to standard output; name a folder as the last argument",
        )),
        Sink::File(folder) if several || ends_with_separator(output) || output.is_dir() => {
            if trees {
                refuse_file_name(&folder, extension)?;
            }
            let plan = into_folder(inputs, &folder, kind, extension, trees)?;
            if folder.exists() && !folder.is_dir() {
                bail!("{} is not a folder", folder.display());
            }
            if !folder.exists() && !trees {
                bail!(
                    "the output folder {} does not exist; make it first",
                    folder.display()
                );
            }
            if plan.jobs.is_empty() && plan.failures.is_empty() {
                let places: Vec<String> = inputs
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                let others = match plan.ignored.count {
                    0 => String::new(),
                    _ => format!("; other files: {}", plan.ignored),
                };
                bail!("no {} in {}{others}", kind.plural(), places.join(", "));
            }
            Ok(plan)
        }
        sink => Ok(Plan {
            jobs: inputs
                .iter()
                .map(|path| Job {
                    source: Source::from(path.as_path()),
                    sink: sink.clone(),
                    in_tree: false,
                })
                .collect(),
            ..Plan::default()
        }),
    }
}

/// Names the outputs inside `folder`.
fn into_folder(
    inputs: &[PathBuf],
    folder: &Path,
    kind: Kind,
    extension: &str,
    trees: bool,
) -> anyhow::Result<Plan> {
    let (mut plan, mut names) = (Plan::default(), Names::default());
    let mut add = |plan: &mut Plan, source: PathBuf, folder: &Path| {
        let Some(name) = source.file_name() else {
            return Err(usage(format!("{} has no file name", source.display())));
        };
        plan.jobs.push(Job {
            sink: Sink::File(names.take(folder, name, extension)),
            source: Source::File(source),
            in_tree: trees,
        });
        Ok(())
    };
    for input in inputs {
        if Source::from(input.as_path()) == Source::Stdin {
            return Err(usage(
                "standard input has no name to write under in a folder; name an output file",
            ));
        }
        if !is_folder(input) {
            add(&mut plan, input.clone(), folder)?;
            continue;
        }
        // The output mirrors a single folder; of several each keeps its name.
        let base = match input.file_name() {
            Some(name) if inputs.len() > 1 => folder.join(name),
            _ => folder.to_owned(),
        };
        let found = walk(input, kind);
        for file in found.files {
            let below = file.strip_prefix(input).unwrap_or(&file);
            let folder = base.join(below.parent().unwrap_or(Path::new("")));
            add(&mut plan, file, &folder)?;
        }
        plan.ignored.merge(found.ignored);
        plan.failures.extend(found.failures);
        plan.loops.extend(found.loops);
    }
    Ok(plan)
}

/// `kiln encode photos a.kiln` would make a folder `a.kiln`.
fn refuse_file_name(folder: &Path, extension: &str) -> anyhow::Result<()> {
    let named = folder.extension().is_some_and(|found| found == extension);
    if named && !folder.exists() && !ends_with_separator(folder) {
        return Err(usage(format!(
            "the files of a folder go to a folder, and {} has the name of a file; add a / if it is meant",
            folder.display()
        )));
    }
    Ok(())
}

impl Job {
    /// Checks everything that can be known before long work starts.
    ///
    /// # Errors
    /// The output is the input, or cannot be written.
    pub fn check(&self) -> anyhow::Result<()> {
        self.refuse_same_file()?;
        match &self.sink {
            Sink::File(path) if self.in_tree && !parent(path).exists() => Ok(()),
            sink => check_sink(sink),
        }
    }

    /// Makes the folder of the output, where it is to be made.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make_folder(&self) -> anyhow::Result<()> {
        match &self.sink {
            Sink::File(path) if self.in_tree => {
                let folder = parent(path);
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder {}", folder.display()))
            }
            _ => Ok(()),
        }
    }

    /// An input is never replaced by its output.
    fn refuse_same_file(&self) -> anyhow::Result<()> {
        let (Source::File(source), Sink::File(sink)) = (&self.source, &self.sink) else {
            return Ok(());
        };
        // Paths that do not resolve are not the same file; reading will say what is wrong with them.
        if let (Ok(source), Ok(sink)) = (fs::canonicalize(source), fs::canonicalize(sink))
            && source == sink
            && source.is_file()
        {
            return Err(usage(format!(
                "{} is input and output at once",
                self.source
            )));
        }
        Ok(())
    }
}

fn is_folder(path: &Path) -> bool {
    Source::from(path) != Source::Stdin && path.is_dir()
}

fn ends_with_separator(path: &Path) -> bool {
    path.to_string_lossy().ends_with(path::is_separator)
}

fn usage(message: impl Into<String>) -> anyhow::Error {
    UsageError(message.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    fn encode(inputs: &[PathBuf], output: &Path) -> anyhow::Result<Plan> {
        plan(inputs, output, Kind::Picture, "kiln")
    }

    fn sinks(inputs: &[PathBuf], output: &Path) -> Vec<String> {
        let plan = encode(inputs, output).unwrap();
        let relative = plan.jobs.iter().map(|job| match &job.sink {
            Sink::File(path) => path.strip_prefix(output).unwrap().display().to_string(),
            Sink::Stdout => panic!("{job:?}"),
        });
        relative.map(|path| path.replace('\\', "/")).collect()
    }

    fn is_usage(error: &anyhow::Error) -> bool {
        error.is::<UsageError>()
    }

    /// A folder with empty files.
    fn tree(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn one_to_one() {
        for (input, output, source, sink) in [
            ("-", "a.kiln", Source::Stdin, Sink::File("a.kiln".into())),
            ("./-", "-", Source::File("./-".into()), Sink::Stdout),
        ] {
            let jobs = encode(&paths(&[input]), Path::new(output)).unwrap().jobs;
            let in_tree = false;
            assert_eq!(
                jobs,
                [Job {
                    source,
                    sink,
                    in_tree
                }]
            );
        }
    }

    #[test]
    fn an_existing_folder_takes_the_name_of_the_input() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            sinks(&paths(&["x/a.b.png", "c"]), folder.path()),
            ["a.b.kiln", "c.kiln"]
        );
        assert_eq!(sinks(&paths(&["a.png"]), folder.path()), ["a.kiln"]);
        assert_eq!(
            sinks(&paths(&["x/a.png", "y/a.jpg"]), folder.path()),
            ["a.kiln", "a.jpg.kiln"]
        );
    }

    #[test]
    fn a_tree_keeps_its_folders_and_needs_no_output_yet() {
        let scratch = tree(&[
            "in/a.png",
            "in/sub/b.jpg",
            "in/sub/notes.txt",
            "other/a.png",
            "c.png",
        ]);
        let at = |name: &str| scratch.path().join(name);
        assert_eq!(sinks(&[at("in")], &at("new")), ["a.kiln", "sub/b.kiln"]);
        assert_eq!(
            sinks(&[at("in"), at("other"), at("c.png")], &at("new")),
            ["in/a.kiln", "in/sub/b.kiln", "other/a.kiln", "c.kiln"]
        );
        let plan = encode(&[at("in")], &at("new/er")).unwrap();
        assert_eq!(plan.ignored.count, 1);
        assert!(plan.jobs.iter().all(|job| job.check().is_ok()));
        assert!(!at("new").exists());
        plan.jobs[1].make_folder().unwrap();
        assert!(at("new/er/sub").is_dir());
    }

    #[test]
    fn a_folder_without_pictures_is_a_failure_that_names_it() {
        let scratch = tree(&["in/notes.txt"]);
        let error = encode(&[scratch.path().join("in")], &scratch.path().join("out")).unwrap_err();
        let text = error.to_string();
        assert!(
            !is_usage(&error) && text.contains("no pictures") && text.contains(".txt"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_folder_is_a_failure_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        for (inputs, output) in [
            (paths(&["a.png", "b.png"]), missing.clone()),
            (
                paths(&["a.png"]),
                PathBuf::from(format!("{}/", missing.display())),
            ),
        ] {
            let error = encode(&inputs, &output).unwrap_err();
            assert!(
                !is_usage(&error) && error.to_string().contains("missing"),
                "{error}"
            );
        }
    }

    #[test]
    fn ambiguous_requests_are_wrong_usage() {
        let scratch = tree(&["in/a.png"]);
        let (folder, photos) = (scratch.path(), scratch.path().join("in"));
        let wrong: [(&[PathBuf], &Path); 4] = [
            (&paths(&["a.png", "b.png"]), Path::new("-")),
            (&paths(&["-"]), folder),
            (std::slice::from_ref(&photos), Path::new("-")),
            (std::slice::from_ref(&photos), Path::new("new.kiln")),
        ];
        for (inputs, output) in wrong {
            let error = encode(inputs, output).unwrap_err();
            assert!(is_usage(&error), "{inputs:?}: {error}");
        }
        assert!(encode(&[photos], Path::new("new.kiln/")).is_ok());
    }

    #[test]
    fn an_input_is_not_overwritten() {
        let scratch = tree(&["a.kiln"]);
        let file = scratch.path().join("a.kiln");
        let other_spelling = scratch.path().join(".").join("a.kiln");
        for output in [other_spelling.as_path(), scratch.path()] {
            let plan = encode(std::slice::from_ref(&file), output).unwrap();
            let error = plan.jobs[0].check().unwrap_err();
            assert!(
                is_usage(&error) && error.to_string().contains("at once"),
                "{error}"
            );
        }
    }
}
