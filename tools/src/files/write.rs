//! Writing whole outputs: complete or not at all.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use super::Sink;
use crate::console;
use crate::interrupt::Temporary;

/// Checks, before long work starts, that `sink` can be written as far as that can be known.
pub fn check_sink(sink: &Sink) -> anyhow::Result<()> {
    let Sink::File(path) = sink else {
        return Ok(());
    };
    if path.is_dir() {
        bail!("cannot write {sink}: it is a folder");
    }
    let folder = parent(path);
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => bail!("cannot write {sink}: {} is not a folder", folder.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!(
                "cannot write {sink}: the folder {} does not exist; make it first",
                folder.display()
            )
        }
        Err(error) => Err(error).with_context(|| format!("cannot write {sink}")),
    }
}

/// Writes all of `bytes`. A file gets this time of its last change, if there is one; a stream has none.
pub fn write(sink: &Sink, bytes: &[u8], modified: Option<SystemTime>) -> anyhow::Result<()> {
    let written = match sink {
        Sink::Stdout => console::write_stdout(bytes),
        Sink::File(path) => write_file_of(path, bytes, modified),
    };
    written.with_context(|| format!("cannot write {sink}"))
}

/// Writes all of `bytes` to a file and reads them back from the disk for `check`, before the file takes its name: when
/// the check fails, nothing new is left behind and an old file stays whole.
pub fn write_checked<T>(
    sink: &Sink,
    bytes: &[u8],
    modified: Option<SystemTime>,
    check: impl FnOnce(&[u8]) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let Sink::File(path) = sink else {
        bail!("what goes to {sink} cannot be read back");
    };
    let what = || format!("cannot write {sink}");
    let (target, old) = resolve(path).with_context(what)?;
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        bail!("{sink} is not a regular file: what is written there cannot be read back");
    }
    let staged = stage(&target, bytes, old.as_ref(), modified).with_context(what)?;
    let on_disk =
        fs::read(staged.get().path()).with_context(|| format!("cannot read back {sink}"))?;
    let found = check(&on_disk)?;
    persist(staged, &target).with_context(what)?;
    Ok(found)
}

/// Replaces or makes the file at `path`. Whatever fails, the old file stays whole and nothing new is left behind:
/// bytes go to a temporary file in the same folder, which is renamed at the end.
///
/// A device or a pipe is opened and written. Symbolic links are followed, and the permissions
/// of a file that is replaced are kept, as `cp` does it.
pub fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_file_of(path, bytes, None)
}

fn write_file_of(path: &Path, bytes: &[u8], modified: Option<SystemTime>) -> io::Result<()> {
    let (target, old) = resolve(path)?;
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    persist(stage(&target, bytes, old.as_ref(), modified)?, &target)
}

/// The file behind links, and what is there now.
fn resolve(path: &Path) -> io::Result<(PathBuf, Option<Metadata>)> {
    let old = match fs::metadata(path) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => None,
        Err(error) => return Err(error),
    };
    // Renaming onto a link would replace the link.
    let target = if path.is_symlink() {
        fs::canonicalize(path)?
    } else {
        path.to_path_buf()
    };
    Ok((target, old))
}

/// Writes a temporary file beside `target`, complete and on the disk.
fn stage(
    target: &Path,
    bytes: &[u8],
    old: Option<&Metadata>,
    modified: Option<SystemTime>,
) -> io::Result<Temporary<NamedTempFile>> {
    if old.is_some_and(|old| old.permissions().readonly()) {
        // The rename would succeed all the same.
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the existing file is read-only",
        ));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kiln-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The process's umask applies, as for any new file; without this the file would be private.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let folder = parent(target);
    let mut staged = Temporary::make(|| builder.tempfile_in(folder), |file| file.path())?;
    staged.get_mut().write_all(bytes)?;
    let file = staged.get().as_file();
    if let Some(old) = old {
        file.set_permissions(old.permissions())?;
    }
    if let Some(modified) = modified {
        file.set_modified(modified)?;
    }
    // Without this a crash of the machine after the rename may leave an empty file.
    file.sync_all()?;
    Ok(staged)
}

/// Gives a temporary file its name.
fn persist(staged: Temporary<NamedTempFile>, target: &Path) -> io::Result<()> {
    let renamed = staged.finish(|file| file.persist(target));
    renamed.map(drop).map_err(|error| error.error)
}

/// The folder that holds `path`.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn makes_and_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.kiln");
        for content in [&b"first"[..], b"2"] {
            write_file(&path, content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert_eq!(entries(folder.path()), ["a.kiln"]);
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A rename onto a folder that appeared after the checks fails at the last moment.
        let path = folder.path().join("a.kiln");
        fs::create_dir(&path).unwrap();
        let staged = stage(&path, b"bytes", None, None).unwrap();
        assert!(persist(staged, &path).is_err());
        assert_eq!(entries(folder.path()), ["a.kiln"]);
        assert!(path.is_dir());
    }

    #[test]
    fn a_check_that_fails_keeps_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.kiln");
        let sink = Sink::File(path.clone());
        let refuse = |_: &[u8]| -> anyhow::Result<()> { bail!("not what was written") };
        assert!(write_checked(&sink, b"new", None, refuse).is_err());
        assert!(entries(folder.path()).is_empty());
        fs::write(&path, "old").unwrap();
        let error = write_checked(&sink, b"new", None, refuse).unwrap_err();
        assert_eq!(error.to_string(), "not what was written");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let length = write_checked(&sink, b"new", None, |found| Ok(found.len())).unwrap();
        assert_eq!((length, fs::read(&path).unwrap()), (3, b"new".to_vec()));
        assert_eq!(entries(folder.path()), ["a.kiln"]);
    }

    #[test]
    fn what_cannot_be_read_back_is_refused() {
        for sink in [Sink::Stdout, Sink::File("/dev/null".into())] {
            let error = write_checked(&sink, b"bytes", None, |_| Ok(())).unwrap_err();
            assert!(error.to_string().contains("read back"), "{error}");
        }
    }

    #[test]
    fn a_missing_folder_is_named_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::File(folder.path().join("no/a.kiln"));
        let error = check_sink(&sink).unwrap_err().to_string();
        assert!(error.contains("no does not exist"), "{error}");
        assert!(check_sink(&Sink::File(folder.path().into())).is_err());
        assert!(check_sink(&Sink::File(folder.path().join("a.kiln"))).is_ok());
        assert!(check_sink(&Sink::File("a-file-here.kiln".into())).is_ok());
    }

    #[test]
    fn a_read_only_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.kiln");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(
            write_file(&path, b"new").unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(entries(folder.path()), ["a.kiln"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_permissions_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (
            folder.path().join("a.kiln"),
            folder.path().join("link.kiln"),
        );
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.kiln", &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(entries(folder.path()), ["a.kiln", "link.kiln"]);
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_written_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        write_file(Path::new("/dev/null"), b"bytes").unwrap();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
    }
}
