//! What can go wrong with a data set on disk.

use std::io;
use std::path::PathBuf;

/// Why a data set could not be opened or trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A file or folder could not be read: the caller's path or its permissions are wrong.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bundled data are at none of the places searched.
    #[error(
        "the {name} pictures were not found (looked in {}); set {variable} to the folder that holds `{name}/`",
        looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NotFound {
        /// Name of the data set.
        name: &'static str,
        /// Environment variable that names the folder with all data sets.
        variable: &'static str,
        /// Every folder that was tried, in order.
        looked: Vec<PathBuf>,
    },
    /// The folder exists and holds no picture with a known extension.
    #[error("{} holds no picture (known extensions: {})", path.display(), extensions.join(", "))]
    Empty {
        /// The folder.
        path: PathBuf,
        /// The extensions that count as pictures.
        extensions: &'static [&'static str],
    },
    /// Two files of the folder would carry the same name in results.
    #[error("{} and {} have the same name without their extensions; rename one", first.display(), second.display())]
    SameName {
        /// The first file, in sorted order.
        first: PathBuf,
        /// The second file.
        second: PathBuf,
    },
    /// The manifest cannot be understood: whoever packaged the data set must act.
    #[error("{}, line {line}: {what}", path.display())]
    Manifest {
        /// The manifest file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with the line.
        what: String,
    },
    /// The data set came without hashes, so nothing can be verified.
    #[error("{} has no manifest.txt, so its files cannot be verified", path.display())]
    NoManifest {
        /// The folder of the data set.
        path: PathBuf,
    },
    /// A file is not the one the manifest describes: it was changed or damaged.
    #[error("{} has SHA-256 {have}, but the manifest says {expected}", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// The hash in the manifest, lower-case hexadecimal.
        expected: String,
        /// The hash of the file, lower-case hexadecimal.
        have: String,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A manifest of a data set to fetch is not valid: whoever wrote it must act.
    #[error("the manifest is not valid: {what}")]
    Recipe {
        /// What is wrong with it.
        what: String,
    },
    /// A file could not be fetched: the network, the server or the manifest is wrong.
    #[error("cannot fetch {url}: {what}")]
    Download {
        /// The address.
        url: String,
        /// What happened.
        what: String,
    },
    /// An archive does not hold what the manifest says.
    #[error("the archive {url}: {what}")]
    Archive {
        /// The address it came from.
        url: String,
        /// What is wrong with it.
        what: String,
    },
}
