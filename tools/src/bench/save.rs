//! The files that a run leaves.

use std::fs;
use std::path::Path;

use anyhow::Context;
use kiln_measure::report::ReportFile;
use kiln_measure::results::{Results, to_compressai, to_csv};

use crate::files;

/// Writes `results.json`, `results.csv` and `compressai/*.json` into a folder that exists.
///
/// # Errors
/// A file cannot be written.
pub fn save(folder: &Path, results: &Results) -> anyhow::Result<()> {
    write(&folder.join("results.json"), results.to_json()?.as_bytes())?;
    write(&folder.join("results.csv"), &to_csv(&results.codecs)?)?;
    let compressai = folder.join("compressai");
    make_folder(&compressai)?;
    for codec in results.codecs.iter().filter(|codec| !codec.rows.is_empty()) {
        let path = compressai.join(format!("{}.json", slug(&codec.name)));
        write(&path, to_compressai(codec, &results.dataset)?.as_bytes())?;
    }
    Ok(())
}

/// Writes the files of a report into a folder that exists.
///
/// # Errors
/// A file cannot be written.
pub fn save_report(folder: &Path, report: &[ReportFile]) -> anyhow::Result<()> {
    let mut files = report.iter();
    files.try_for_each(|file| write(&folder.join(&file.name), &file.bytes))
}

/// Writes one file, complete or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    files::write_file(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a folder where it does not exist.
///
/// # Errors
/// The folder cannot be made.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// A file name for a codec: letters, digits, `.` and `-`.
pub fn slug(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let slug: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    // A leading dot hides a file, or leaves the folder.
    slug.replacen('.', "_", usize::from(slug.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_in_their_folder() {
        assert_eq!(slug("8bit/a b:c"), "8bit_a_b_c");
        assert_eq!(slug("../x"), "_._x");
        assert_eq!(slug("avif-444.1"), "avif-444.1");
    }
}
