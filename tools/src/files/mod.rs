//! Reading and writing whole files, with standard input and output as `-`.

mod kind;
mod names;
mod plan;
mod read;
mod rgb;
mod walk;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

pub use kind::{Kind, is_kiln};
pub use plan::{Job, Plan, plan};
pub use read::{modified, read};
pub use rgb::read_rgb8;
pub use write::{check_sink, write, write_checked, write_file};

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// Where bytes go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        if is_dash(path) {
            Self::Stdin
        } else {
            Self::File(path.into())
        }
    }
}

impl From<&Path> for Sink {
    fn from(path: &Path) -> Self {
        if is_dash(path) {
            Self::Stdout
        } else {
            Self::File(path.into())
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Whether a path means a standard stream. A file of that name is reached as `./-`.
fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}
