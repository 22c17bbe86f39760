//! The files below a folder that a command is for.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::Kind;

/// Most extensions that are named of the files that are passed over.
const MOST_NAMED: usize = 6;

/// What lies below some folders.
#[derive(Debug, Default)]
pub struct Found {
    /// The files of the kind, in the order of their names.
    pub files: Vec<PathBuf>,
    /// The others.
    pub ignored: Ignored,
    /// Files and folders that cannot be read, and why.
    pub failures: Vec<(PathBuf, String)>,
    /// Links that lead back to a folder that they are in.
    pub loops: Vec<PathBuf>,
}

/// Files that were passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// How many.
    pub count: usize,
    /// Their extensions.
    extensions: BTreeSet<String>,
}

impl Ignored {
    fn add(&mut self, path: &Path) {
        self.count += 1;
        if let Some(extension) = path.extension() {
            let extension = extension.to_string_lossy().to_lowercase();
            self.extensions.insert(format!(".{extension}"));
        }
    }

    /// Adds what another folder has.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.extensions.extend(other.extensions);
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<&str> = self
            .extensions
            .iter()
            .take(MOST_NAMED)
            .map(String::as_str)
            .collect();
        match named.as_slice() {
            [] => write!(f, "{}", self.count),
            _ if self.extensions.len() > MOST_NAMED => {
                write!(f, "{} ({}, ...)", self.count, named.join(", "))
            }
            _ => write!(f, "{} ({})", self.count, named.join(", ")),
        }
    }
}

/// Looks for files of a kind below `folder`. Links are followed, but never in a circle. What is hidden is passed over,
/// and so is what is not a regular file: reading a pipe may wait forever.
pub fn walk(folder: &Path, kind: Kind) -> Found {
    let mut found = Found::default();
    let entries = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry));
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_file() => match kind.is_of(entry.path()) {
                Ok(true) => found.files.push(entry.into_path()),
                Ok(false) => found.ignored.add(entry.path()),
                Err(error) => found
                    .failures
                    .push((entry.into_path(), format!("cannot read: {error}"))),
            },
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                match (error.loop_ancestor(), error.io_error()) {
                    (Some(_), _) => found.loops.push(path),
                    (None, Some(source)) => found.failures.push((path, source.to_string())),
                    (None, None) => found.failures.push((path, error.to_string())),
                }
            }
        }
    }
    found
}

/// Notes of systems and programs: `.git`, thumbnails, and the `._a.jpg` that macOS leaves on other disks.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(found: &Found, folder: &Path) -> Vec<String> {
        let relative = found
            .files
            .iter()
            .map(|path| path.strip_prefix(folder).unwrap());
        relative
            .map(|path| path.display().to_string().replace('\\', "/"))
            .collect()
    }

    #[test]
    fn a_tree_is_taken_in_order_without_what_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "b.png",
            "a/c.jpg",
            "a/notes.TXT",
            "a/.d.jpg",
            ".git/e.png",
            "list",
            "z.kiln",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let found = walk(folder.path(), Kind::Picture);
        assert_eq!(names(&found, folder.path()), ["a/c.jpg", "b.png"]);
        assert_eq!(found.ignored.to_string(), "3 (.kiln, .txt)");
        assert_eq!(
            names(&walk(folder.path(), Kind::Kiln), folder.path()),
            ["z.kiln"]
        );
        // A hidden folder that was named is meant.
        assert_eq!(
            walk(&folder.path().join(".git"), Kind::Picture).files.len(),
            1
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_a_circle() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (tree, other) = (folder.path().join("tree"), folder.path().join("other"));
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("a.png"), "x").unwrap();
        symlink("..", tree.join("sub/up")).unwrap();
        symlink(&other, tree.join("linked")).unwrap();
        symlink("nowhere", tree.join("broken.png")).unwrap();
        let found = walk(&tree, Kind::Picture);
        assert_eq!(names(&found, &tree), ["linked/a.png"]);
        assert_eq!(found.loops, [tree.join("sub/up")]);
        let broken: Vec<_> = found
            .failures
            .iter()
            .map(|(path, _)| path.clone())
            .collect();
        assert_eq!(broken, [tree.join("broken.png")]);
    }

    #[test]
    fn few_extensions_are_named() {
        let mut ignored = Ignored::default();
        assert_eq!(ignored.to_string(), "0");
        for name in ["a.1", "a.2", "a.3", "a.4", "a.5", "a.6", "b.6"] {
            ignored.add(Path::new(name));
        }
        assert_eq!(ignored.to_string(), "7 (.1, .2, .3, .4, .5, .6)");
        ignored.add(Path::new("a.7"));
        assert_eq!(ignored.to_string(), "8 (.1, .2, .3, .4, .5, .6, ...)");
    }
}
