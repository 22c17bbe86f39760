//! Files of a fetch on the disk: partial ones, checked ones, and errors that name them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::DatasetError;
use crate::manifest::{self, Entry};

/// Where a file lies while it is not complete.
pub(crate) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Whether the file exists and has this hash.
pub(crate) fn is_there(path: &Path, sha256: &str) -> Result<bool, DatasetError> {
    match manifest::sha256_of(path) {
        Ok(have) => Ok(have == sha256),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(read_error(path)(error)),
    }
}

/// Compares a file with its hash.
pub(crate) fn check(path: &Path, sha256: &str) -> Result<(), DatasetError> {
    let have = manifest::sha256_of(path).map_err(read_error(path))?;
    if have == sha256 {
        Ok(())
    } else {
        Err(DatasetError::Hash {
            path: path.into(),
            expected: sha256.to_owned(),
            have,
        })
    }
}

/// Writes hashes in the format of `sha256sum`; the file is whole or not there.
pub(crate) fn write_manifest(path: &Path, entries: &[Entry]) -> Result<(), DatasetError> {
    let lines: String = entries
        .iter()
        .map(|Entry { sha256, file }| format!("{sha256}  {file}\n"))
        .collect();
    let part = part(path);
    fs::write(&part, lines).map_err(write_error(&part))?;
    fs::rename(&part, path).map_err(write_error(path))
}

/// The error of a file that cannot be written.
pub(crate) fn write_error(path: &Path) -> impl Fn(io::Error) -> DatasetError {
    move |source| DatasetError::Write {
        path: path.into(),
        source,
    }
}

/// The error of a file that cannot be read.
pub(crate) fn read_error(path: &Path) -> impl Fn(io::Error) -> DatasetError {
    move |source| DatasetError::Read {
        path: path.into(),
        source,
    }
}
