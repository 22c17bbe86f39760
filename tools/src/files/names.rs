//! Names of outputs in a folder: after their inputs, and each one once.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The names that are taken.
#[derive(Default)]
pub struct Names(BTreeSet<PathBuf>);

impl Names {
    /// The output in `folder` for an input with this file name: `a.png` becomes `a.kiln`. If another input has that
    /// name, the whole name is kept, `a.jpg.kiln`, and then a number is added, `a.jpg.2.kiln`.
    pub fn take(&mut self, folder: &Path, input: &OsStr, extension: &str) -> PathBuf {
        let stem = Path::new(input).file_stem().unwrap_or(input);
        let mut path = folder.join(joined(stem, &[extension]));
        let mut count = 1u64;
        while !self.0.insert(key(&path)) {
            let number = count.to_string();
            path = match count {
                1 => folder.join(joined(input, &[extension])),
                _ => folder.join(joined(input, &[&number, extension])),
            };
            count += 1;
        }
        path
    }
}

/// A name with more parts behind dots. Not `with_extension`: it would cut `a.b` down to `a.kiln`.
fn joined(name: &OsStr, parts: &[&str]) -> OsString {
    let mut joined = name.to_owned();
    for part in parts {
        joined.push(".");
        joined.push(part);
    }
    joined
}

/// What two names share that mean one file: some systems ignore case.
fn key(path: &Path) -> PathBuf {
    match cfg!(any(windows, target_os = "macos")) {
        true => path.to_string_lossy().to_lowercase().into(),
        false => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_has_the_short_name_and_nobody_loses() {
        let mut names = Names::default();
        let inputs = [
            "a.bmp",
            "a.jpg",
            "a.jpg",
            "a.jpg",
            "a.jpg.png",
            "b.v2.png",
            "c",
            ".hidden",
        ];
        let outputs: Vec<PathBuf> = inputs
            .iter()
            .map(|input| names.take(Path::new("out"), OsStr::new(input), "kiln"))
            .collect();
        let expected = [
            "a.kiln",
            "a.jpg.kiln",
            "a.jpg.2.kiln",
            "a.jpg.3.kiln",
            "a.jpg.png.kiln",
            "b.v2.kiln",
            "c.kiln",
            ".hidden.kiln",
        ];
        assert_eq!(outputs, expected.map(|name| Path::new("out").join(name)));
        // In another folder the name is free.
        assert_eq!(
            names.take(Path::new("x"), OsStr::new("a.png"), "kiln"),
            Path::new("x").join("a.kiln")
        );
    }
}
