//! From the paths that were typed to pairs of source and sink, by the rules of `cp`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{self, Path, PathBuf};

use anyhow::bail;

use super::{Sink, Source};
use crate::usage::UsageError;

/// One file to turn into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What to read.
    pub source: Source,
    /// What to write.
    pub sink: Sink,
}

/// Pairs every input with its output. In a folder, an output is named after its input, with `extension`.
///
/// Several inputs, a trailing separator and an existing folder all mean that `output` is a folder. It must exist.
pub fn plan(inputs: &[PathBuf], output: &Path, extension: &str) -> anyhow::Result<Vec<Job>> {
    let sources: Vec<Source> = inputs
        .iter()
        .map(|path| Source::from(path.as_path()))
        .collect();
    let sink = Sink::from(output);
    let jobs = match sink {
        Sink::Stdout if sources.len() > 1 => {
            return Err(usage(
                "several inputs cannot go to standard output; name a folder as the last argument",
            ));
        }
        Sink::File(folder)
            if sources.len() > 1 || ends_with_separator(output) || output.is_dir() =>
        {
            let jobs = into_folder(sources, &folder, extension)?;
            if !folder.is_dir() {
                bail!(
                    "the output folder {} does not exist; make it first",
                    folder.display()
                );
            }
            jobs
        }
        sink => sources
            .into_iter()
            .map(|source| Job {
                source,
                sink: sink.clone(),
            })
            .collect(),
    };
    for job in &jobs {
        refuse_same_file(job)?;
    }
    Ok(jobs)
}

/// Names the outputs inside `folder`; two inputs that would get one name are refused.
fn into_folder(sources: Vec<Source>, folder: &Path, extension: &str) -> anyhow::Result<Vec<Job>> {
    let mut taken: BTreeMap<PathBuf, Source> = BTreeMap::new();
    let mut jobs = Vec::with_capacity(sources.len());
    for source in sources {
        let Source::File(path) = &source else {
            return Err(usage(
                "standard input has no name to write under in a folder; name an output file",
            ));
        };
        let Some(stem) = path.file_stem() else {
            return Err(usage(format!("{source} has no file name")));
        };
        // Not `with_extension`: it would cut `a.b.png` down to `a.kiln`.
        let mut name = OsString::from(stem);
        name.push(".");
        name.push(extension);
        let target = folder.join(name);
        if let Some(other) = taken.insert(target.clone(), source.clone()) {
            return Err(usage(format!(
                "{other} and {source} would both be written to {}",
                target.display()
            )));
        }
        jobs.push(Job {
            source,
            sink: Sink::File(target),
        });
    }
    Ok(jobs)
}

/// An input is never replaced by its output.
fn refuse_same_file(job: &Job) -> anyhow::Result<()> {
    let (Source::File(source), Sink::File(sink)) = (&job.source, &job.sink) else {
        return Ok(());
    };
    // Paths that do not resolve are not the same file; reading will say what is wrong with them.
    if let (Ok(source), Ok(sink)) = (fs::canonicalize(source), fs::canonicalize(sink))
        && source == sink
        && source.is_file()
    {
        return Err(usage(format!("{} is input and output at once", job.source)));
    }
    Ok(())
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

    fn is_usage(error: &anyhow::Error) -> bool {
        error.is::<UsageError>()
    }

    #[test]
    fn one_to_one() {
        let jobs = plan(&paths(&["-"]), Path::new("a.kiln"), "kiln").unwrap();
        assert_eq!(
            jobs,
            [Job {
                source: Source::Stdin,
                sink: Sink::File("a.kiln".into())
            }]
        );
        let jobs = plan(&paths(&["./-"]), Path::new("-"), "kiln").unwrap();
        assert_eq!(
            jobs,
            [Job {
                source: Source::File("./-".into()),
                sink: Sink::Stdout
            }]
        );
    }

    #[test]
    fn an_existing_folder_takes_the_name_of_the_input() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = plan(&paths(&["x/a.b.png", "c"]), folder.path(), "kiln").unwrap();
        let sinks: Vec<Sink> = jobs.into_iter().map(|job| job.sink).collect();
        assert_eq!(
            sinks,
            ["a.b.kiln", "c.kiln"].map(|name| Sink::File(folder.path().join(name)))
        );
        let single = plan(&paths(&["a.png"]), folder.path(), "kiln").unwrap();
        assert_eq!(single[0].sink, Sink::File(folder.path().join("a.kiln")));
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
            let error = plan(&inputs, &output, "kiln").unwrap_err();
            assert!(
                !is_usage(&error) && error.to_string().contains("missing"),
                "{error}"
            );
        }
    }

    #[test]
    fn ambiguous_requests_are_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let wrong: [(&[&str], &Path); 3] = [
            (&["a.png", "b.png"], Path::new("-")),
            (&["x/a.png", "y/a.jpg"], folder.path()),
            (&["-"], folder.path()),
        ];
        for (inputs, output) in wrong {
            let error = plan(&paths(inputs), output, "kiln").unwrap_err();
            assert!(is_usage(&error), "{inputs:?}: {error}");
        }
    }

    #[test]
    fn an_input_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.kiln");
        fs::write(&file, "x").unwrap();
        let other_spelling = folder.path().join(".").join("a.kiln");
        for output in [other_spelling.as_path(), folder.path()] {
            let error = plan(std::slice::from_ref(&file), output, "kiln").unwrap_err();
            assert!(
                is_usage(&error) && error.to_string().contains("at once"),
                "{error}"
            );
        }
    }
}
