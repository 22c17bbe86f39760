//! What an interrupted run has measured: a line of JSON for each result, written as it comes.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use kiln_measure::results::{Row, Times};
use serde::{Deserialize, Serialize};

/// What a result belongs to. It is taken up again only if all of this is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Codec, version, and whatever its files or its times depend on.
    pub of: String,
    /// The setting, as it prints.
    pub q: String,
    /// SHA-256 of the picture's file.
    pub picture: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    Row { key: Key, row: Row },
    Times { key: Key, times: Times },
}

/// The journal of one codec.
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    rows: HashMap<Key, Row>,
    times: HashMap<Key, Times>,
}

impl Journal {
    /// Opens or makes the journal. Unless `resume`, what it holds is dropped.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(path: &Path, resume: bool) -> anyhow::Result<Self> {
        let what = || format!("cannot use {}", path.display());
        let old = match fs::read_to_string(path) {
            Ok(text) if resume => text,
            Ok(_) => String::new(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(what),
        };
        let mut options = OpenOptions::new();
        if resume {
            options.append(true);
        } else {
            options.write(true).truncate(true);
        }
        let mut file = options.create(true).open(path).with_context(what)?;
        if !old.is_empty() && !old.ends_with('\n') {
            // The last line was cut off; the next one must not continue it.
            file.write_all(b"\n").with_context(what)?;
        }
        let (mut rows, mut times) = (HashMap::new(), HashMap::new());
        // Lines that were cut off or that another version wrote are measured again.
        for entry in old
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
        {
            match entry {
                Entry::Row { key, row } => drop(rows.insert(key, row)),
                Entry::Times { key, times: found } => drop(times.insert(key, found)),
            }
        }
        Ok(Self {
            path: path.into(),
            file: Mutex::new(file),
            rows,
            times,
        })
    }

    /// A row of an earlier run.
    pub fn row(&self, key: &Key) -> Option<&Row> {
        self.rows.get(key)
    }

    /// Times of an earlier run.
    pub fn times(&self, key: &Key) -> Option<&Times> {
        self.times.get(key)
    }

    /// Notes a row.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_row(&self, key: Key, row: Row) -> anyhow::Result<()> {
        self.note(&Entry::Row { key, row })
    }

    /// Notes times.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_times(&self, key: Key, times: Times) -> anyhow::Result<()> {
        self.note(&Entry::Times { key, times })
    }

    fn note(&self, entry: &Entry) -> anyhow::Result<()> {
        let line = serde_json::to_string(entry)? + "\n";
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_measure::metrics::Quality;

    fn key(q: &str) -> Key {
        Key {
            of: "kiln".into(),
            q: q.into(),
            picture: "00".into(),
        }
    }

    /// A row whose numbers JSON keeps to the last bit.
    fn row(q: f64) -> Row {
        Row {
            image: "a".into(),
            q,
            bytes: 1000,
            bpp: 1.0,
            quality: Quality {
                psnr: Some(30.0 + q),
                ..Quality::default()
            },
            times: Times::default(),
        }
    }

    #[test]
    fn a_cut_off_line_is_measured_again_and_the_rest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kiln.jsonl");
        let times = Times {
            enc_s: Some(1.0),
            ..Times::default()
        };
        let journal = Journal::open(&path, true).unwrap();
        journal.note_row(key("1"), row(1.0)).unwrap();
        journal.note_times(key("1"), times.clone()).unwrap();
        journal.note_row(key("2"), row(2.0)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 9]).unwrap();

        let journal = Journal::open(&path, true).unwrap();
        assert_eq!(journal.row(&key("1")), Some(&row(1.0)));
        assert_eq!(journal.times(&key("1")), Some(&times));
        assert_eq!(
            (journal.row(&key("2")), journal.times(&key("2"))),
            (None, None)
        );
        journal.note_row(key("3"), row(3.0)).unwrap();
        let journal = Journal::open(&path, true).unwrap();
        assert!(journal.row(&key("3")).is_some() && journal.row(&key("1")).is_some());

        let other = Key {
            of: "kiln with other weights".into(),
            ..key("1")
        };
        assert_eq!(journal.row(&other), None);
        let journal = Journal::open(&path, false).unwrap();
        assert_eq!(journal.row(&key("1")), None);
        assert!(fs::read_to_string(&path).unwrap().is_empty());
    }
}
