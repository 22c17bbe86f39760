//! Reading whole inputs.

use std::fs::{self, File};
use std::io::{self, Read};
use std::time::SystemTime;

use anyhow::{Context, bail};

use super::Source;

/// The largest input that is read. A pipe may never end; pictures under the library's limits are smaller.
const MOST_BYTES: u64 = 4 << 30;

/// All bytes of `source`.
pub fn read(source: &Source) -> anyhow::Result<Vec<u8>> {
    let what = || format!("cannot read {source}");
    let bytes = match source {
        Source::Stdin => read_limited(io::stdin().lock(), MOST_BYTES).with_context(what)?,
        Source::File(path) => {
            let file = File::open(path).with_context(what)?;
            // Opening a folder succeeds on some systems, and reading it fails with a riddle.
            if file.metadata().with_context(what)?.is_dir() {
                bail!("cannot read {source}: it is a folder");
            }
            read_limited(file, MOST_BYTES).with_context(what)?
        }
    };
    Ok(bytes)
}

/// When a file was last changed. A stream does not say.
///
/// # Errors
/// The file cannot be looked at.
pub fn modified(source: &Source) -> anyhow::Result<Option<SystemTime>> {
    match source {
        Source::Stdin => Ok(None),
        Source::File(path) => {
            let time = fs::metadata(path).and_then(|found| found.modified());
            time.map(Some)
                .with_context(|| format!("cannot tell when {source} was changed"))
        }
    }
}

/// Reads to the end, or fails once there are more than `most` bytes.
fn read_limited(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = format!("it is larger than {most} bytes, the most that is read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed() {
        assert_eq!(read_limited(&b"abc"[..], 3).unwrap(), b"abc");
        let error = read_limited(io::repeat(0), 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_folder_or_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!(
            "{:#}",
            read(&Source::File(folder.path().into())).unwrap_err()
        );
        assert!(
            error.contains("folder") && error.contains(&folder.path().display().to_string()),
            "{error}"
        );
        let missing = folder.path().join("missing.png");
        let error = format!("{:#}", read(&Source::File(missing)).unwrap_err());
        assert!(error.contains("missing.png"), "{error}");
    }
}
