//! A sorted list of pictures on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::slice;

use crate::DatasetError;
use crate::manifest::{self, Entry};

/// File extensions, lower case, that [`Dataset::folder`] takes for pictures. Upper case counts as well.
pub const PICTURE_EXTENSIONS: &[&str] = &[
    "jpeg", "jpg", "pam", "pbm", "pgm", "png", "pnm", "ppm", "webp",
];

/// One picture of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// File name without folder and extension: what result tables call the picture.
    pub name: String,
    /// Where the file is.
    pub path: PathBuf,
}

/// Pictures in a fixed order: sorted by name, so that results of two runs line up.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    folder: PathBuf,
    items: Vec<Item>,
    /// Hashes, when the data set came with a manifest.
    manifest: Option<Vec<Entry>>,
}

impl Dataset {
    /// The 24 Kodak pictures in `folder` (see [`kodak_folder`](crate::kodak_folder)), listed by its manifest.
    ///
    /// Contents are not read here: call [`verify`](Self::verify).
    ///
    /// # Errors
    /// The manifest is missing or damaged.
    pub fn kodak(folder: &Path) -> Result<Self, DatasetError> {
        let entries = manifest::read(&folder.join(manifest::FILE_NAME))?;
        let paths = entries
            .iter()
            .map(|entry| folder.join(&entry.file))
            .collect();
        Ok(Self {
            name: "kodak".to_owned(),
            folder: folder.into(),
            items: items(paths)?,
            manifest: Some(entries),
        })
    }

    /// Every picture directly inside `folder`, chosen by extension ([`PICTURE_EXTENSIONS`]); folders below it are
    /// not searched. A `manifest.txt` beside the pictures is used by [`verify`](Self::verify).
    ///
    /// # Errors
    /// The folder cannot be read, holds no picture, or two of its pictures differ in the extension alone.
    pub fn folder(folder: &Path) -> Result<Self, DatasetError> {
        let read_error = |source| DatasetError::Read {
            path: folder.into(),
            source,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(read_error)? {
            let path = entry.map_err(read_error)?.path();
            if is_picture(&path) && path.is_file() {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(DatasetError::Empty {
                path: folder.into(),
                extensions: PICTURE_EXTENSIONS,
            });
        }
        let manifest_path = folder.join(manifest::FILE_NAME);
        let manifest = if manifest_path.is_file() {
            Some(manifest::read(&manifest_path)?)
        } else {
            None
        };
        // A path such as `.` or `..` has no name of its own.
        let name = folder
            .file_name()
            .unwrap_or(folder.as_os_str())
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            name,
            folder: folder.into(),
            items: items(paths)?,
            manifest,
        })
    }

    /// Compares every file of the manifest with its SHA-256.
    ///
    /// # Errors
    /// A file is missing or differs, or the data set has no manifest.
    pub fn verify(&self) -> Result<(), DatasetError> {
        let entries = self
            .manifest
            .as_ref()
            .ok_or_else(|| DatasetError::NoManifest {
                path: self.folder.clone(),
            })?;
        for Entry { sha256, file } in entries {
            let path = self.folder.join(file);
            let have = manifest::sha256_of(&path).map_err(|source| DatasetError::Read {
                path: path.clone(),
                source,
            })?;
            if have != *sha256 {
                return Err(DatasetError::Hash {
                    path,
                    expected: sha256.clone(),
                    have,
                });
            }
        }
        Ok(())
    }

    /// Keeps the pictures for which `keep` says yes.
    pub fn retain(&mut self, keep: impl FnMut(&Item) -> bool) {
        self.items.retain(keep);
    }

    /// `kodak`, or the name of the folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether hashes came with the pictures, so that [`verify`](Self::verify) can work.
    #[must_use]
    pub fn has_manifest(&self) -> bool {
        self.manifest.is_some()
    }

    /// Number of pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether no picture is left; only [`retain`](Self::retain) can bring that about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The pictures, sorted by name.
    pub fn iter(&self) -> slice::Iter<'_, Item> {
        self.items.iter()
    }
}

impl<'a> IntoIterator for &'a Dataset {
    type Item = &'a Item;
    type IntoIter = slice::Iter<'a, Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Whether the extension is one of [`PICTURE_EXTENSIONS`].
fn is_picture(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| {
            PICTURE_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
        })
}

/// Sorted items of these files; two files of one name are refused, because results are keyed by it.
fn items(paths: Vec<PathBuf>) -> Result<Vec<Item>, DatasetError> {
    let mut by_name = BTreeMap::new();
    for path in paths {
        let name = path
            .file_stem()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        if let Some(other) = by_name.insert(name, path.clone()) {
            let (first, second) = if other < path {
                (other, path)
            } else {
                (path, other)
            };
            return Err(DatasetError::SameName { first, second });
        }
    }
    Ok(by_name
        .into_iter()
        .map(|(name, path)| Item { name, path })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(dataset: &Dataset) -> Vec<&str> {
        dataset.iter().map(|item| item.name.as_str()).collect()
    }

    #[test]
    fn a_folder_is_sorted_and_filtered_by_extension() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["c.png", "a.JPG", "b.webp", "notes.txt", "README"] {
            fs::write(folder.path().join(file), "x").unwrap();
        }
        fs::create_dir(folder.path().join("d.png")).unwrap();
        let dataset = Dataset::folder(folder.path()).unwrap();
        assert_eq!(names(&dataset), ["a", "b", "c"]);
        assert!(matches!(
            dataset.verify(),
            Err(DatasetError::NoManifest { .. })
        ));
    }

    #[test]
    fn an_empty_or_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            Dataset::folder(folder.path()),
            Err(DatasetError::Empty { .. })
        ));
        assert!(matches!(
            Dataset::folder(&folder.path().join("no")),
            Err(DatasetError::Read { .. })
        ));
    }

    #[test]
    fn names_must_be_unique() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a.png", "a.jpg"] {
            fs::write(folder.path().join(file), "x").unwrap();
        }
        let error = Dataset::folder(folder.path()).unwrap_err();
        match error {
            DatasetError::SameName { first, second } => {
                assert!(first.ends_with("a.jpg") && second.ends_with("a.png"));
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn verify_notices_a_changed_and_a_missing_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("abc.png");
        fs::write(&file, "abc").unwrap();
        let line = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  abc.png\n";
        fs::write(folder.path().join("manifest.txt"), line).unwrap();
        let dataset = Dataset::folder(folder.path()).unwrap();
        dataset.verify().unwrap();
        fs::write(&file, "abd").unwrap();
        assert!(matches!(dataset.verify(), Err(DatasetError::Hash { .. })));
        fs::remove_file(&file).unwrap();
        assert!(matches!(dataset.verify(), Err(DatasetError::Read { .. })));
    }

    #[test]
    fn a_bad_manifest_names_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let hash = "0".repeat(64);
        fs::write(
            folder.path().join("manifest.txt"),
            format!("{hash}  a.png\nnonsense\n"),
        )
        .unwrap();
        let error = Dataset::kodak(folder.path()).unwrap_err().to_string();
        assert!(error.contains("manifest.txt, line 2"), "{error}");
    }

    #[test]
    fn retain_keeps_the_order() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["c.png", "a.png", "b.png"] {
            fs::write(folder.path().join(file), "x").unwrap();
        }
        let mut dataset = Dataset::folder(folder.path()).unwrap();
        dataset.retain(|item| item.name != "b");
        assert_eq!(names(&dataset), ["a", "c"]);
        assert!(!dataset.is_empty());
    }
}
