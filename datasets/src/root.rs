//! Where the bundled data are.

use std::path::{Path, PathBuf};

use crate::DatasetError;

/// Environment variable that names the folder with all data sets (the one that holds `kodak/`).
pub const ROOT_VARIABLE: &str = "KILN_DATASETS";

/// The folder of the bundled Kodak pictures.
///
/// Looks below [`ROOT_VARIABLE`] when it is set, and nowhere else then: a wrong value should be noticed, not papered
/// over. Otherwise looks in the source tree this crate was compiled from.
///
/// # Errors
/// [`DatasetError::NotFound`] names every folder that was tried.
pub fn kodak_folder() -> Result<PathBuf, DatasetError> {
    let root = match std::env::var_os(ROOT_VARIABLE) {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")),
    };
    find("kodak", &[root])
}

/// The first of `roots` that holds a folder `name`, joined with `name`.
fn find(name: &'static str, roots: &[PathBuf]) -> Result<PathBuf, DatasetError> {
    let looked: Vec<PathBuf> = roots.iter().map(|root| root.join(name)).collect();
    match looked.iter().find(|folder| Path::is_dir(folder)) {
        Some(folder) => Ok(folder.clone()),
        None => Err(DatasetError::NotFound {
            name,
            variable: ROOT_VARIABLE,
            looked,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_every_place() {
        let error = find("kodak", &["/nowhere/a".into(), "/nowhere/b".into()])
            .unwrap_err()
            .to_string();
        for part in ["/nowhere/a/kodak", "/nowhere/b/kodak", ROOT_VARIABLE] {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }

    #[test]
    fn the_first_root_that_has_it_wins() {
        let (empty, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(full.path().join("kodak")).unwrap();
        let found = find("kodak", &[empty.path().into(), full.path().into()]).unwrap();
        assert_eq!(found, full.path().join("kodak"));
    }
}
