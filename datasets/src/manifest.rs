//! Manifests in the format of `sha256sum`: 64 hexadecimal digits, two spaces, a file name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::DatasetError;

/// Name of the manifest inside a data set's folder.
pub(crate) const FILE_NAME: &str = "manifest.txt";

/// One line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub(crate) sha256: String,
    /// File name without any folder.
    pub(crate) file: String,
}

/// Reads the manifest at `path`.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, DatasetError> {
    let text = std::fs::read_to_string(path).map_err(|source| DatasetError::Read {
        path: path.into(),
        source,
    })?;
    text.lines()
        .enumerate()
        .map(|(index, line)| {
            parse_line(line).map_err(|what| DatasetError::Manifest {
                path: path.into(),
                line: index + 1,
                what,
            })
        })
        .collect()
}

/// Reads one line; the error says what is wrong with it.
fn parse_line(line: &str) -> Result<Entry, String> {
    let (sha256, file) = line
        .split_once("  ")
        .ok_or("no two spaces between hash and file name")?;
    if !is_sha256(sha256) {
        return Err(format!(
            "`{sha256}` is no SHA-256 of 64 lower-case hexadecimal digits"
        ));
    }
    // A manifest must not reach outside its folder.
    if file.is_empty() || file.contains(['/', '\\']) || file == ".." {
        return Err(format!("`{file}` is no plain file name"));
    }
    Ok(Entry {
        sha256: sha256.to_owned(),
        file: file.to_owned(),
    })
}

/// Whether a text is 64 lower-case hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() == 64 && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// SHA-256 of a file's content, 64 lower-case hexadecimal digits.
pub(crate) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn hashes_the_standard_example() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(sha256_of(&path).unwrap(), HASH_OF_ABC);
    }

    #[test]
    fn accepts_what_sha256sum_writes() {
        let entry = parse_line(&format!("{HASH_OF_ABC}  a b.png")).unwrap();
        assert_eq!(
            entry,
            Entry {
                sha256: HASH_OF_ABC.into(),
                file: "a b.png".into()
            }
        );
    }

    #[test]
    fn refuses_other_lines() {
        let upper = HASH_OF_ABC.to_uppercase();
        let bad = [
            String::new(),
            format!("{HASH_OF_ABC} a.png"),
            format!("{upper}  a.png"),
            format!("{HASH_OF_ABC}  "),
            format!("{HASH_OF_ABC}  ../a.png"),
            format!("{HASH_OF_ABC}  .."),
            "abc  a.png".to_owned(),
        ];
        for line in bad {
            assert!(parse_line(&line).is_err(), "accepted `{line}`");
        }
    }
}
