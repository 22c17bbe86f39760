//! Taking files out of a ZIP file that has been checked by hash.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::DatasetError;
use crate::disk::{check, is_there, part, read_error, write_error};
use crate::fetch::Report;
use crate::manifest::{self, Entry};
use crate::recipe::{self, Archive, MOST_BYTES};

/// Members that no manifest describes may have so many times the bytes of their archive: pictures hardly get smaller in
/// a ZIP file, and what does is made to fill a disk.
const MOST_GROWTH: u64 = 16;

/// One member to take.
struct Wanted {
    /// Its place in the archive.
    index: usize,
    /// Its path there.
    path: String,
    /// Its name in the folder.
    name: String,
    /// Its length.
    bytes: u64,
    /// SHA-256, where the manifest gives one. Otherwise the archive's own stands for it.
    sha256: Option<String>,
}

/// Where the names and hashes of members are kept that no manifest lists, so that another fetch finds them without the
/// archive.
pub(crate) fn listing(archive: &Archive, folder: &Path) -> PathBuf {
    let ending = archive.all.as_deref().unwrap_or_default();
    folder.join(format!("archive-{}{ending}.txt", archive.sha256))
}

/// Everything that this archive gives, if all of it is in the folder.
pub(crate) fn complete(
    archive: &Archive,
    folder: &Path,
) -> Result<Option<Vec<Entry>>, DatasetError> {
    let entries = if archive.all.is_none() {
        archive.members.iter().map(Entry::from).collect()
    } else {
        // Without a listing that can be read, nothing tells what is missing.
        match manifest::read(&listing(archive, folder)) {
            Ok(entries) => entries,
            Err(_) => return Ok(None),
        }
    };
    for entry in &entries {
        if !is_there(&folder.join(&entry.file), &entry.sha256)? {
            return Ok(None);
        }
    }
    Ok(Some(entries))
}

/// Takes what is missing out of the archive at `path`. `taken` are the names of other files of the data set, in lower
/// case.
pub(crate) fn unpack(
    archive: &Archive,
    path: &Path,
    folder: &Path,
    taken: &BTreeSet<String>,
    report: Report,
) -> Result<Vec<Entry>, DatasetError> {
    let bad = |what: String| DatasetError::Archive {
        url: archive.url.clone(),
        what,
    };
    let file = File::open(path).map_err(read_error(path))?;
    let mut zip = ZipArchive::new(file).map_err(|error| bad(error.to_string()))?;
    let wanted = match &archive.all {
        Some(ending) => all(&mut zip, ending, archive.bytes, taken),
        None => listed(&zip, archive),
    }
    .map_err(bad)?;
    let (count, mut entries) = (wanted.len(), Vec::new());
    for (done, wanted) in wanted.iter().enumerate() {
        report(&wanted.name, done as u64, count as u64);
        let target = folder.join(&wanted.name);
        let sha256 = match &wanted.sha256 {
            Some(sha256) if is_there(&target, sha256)? => sha256.clone(),
            _ => take(&mut zip, wanted, &target, &bad)?,
        };
        entries.push(Entry {
            sha256,
            file: wanted.name.clone(),
        });
    }
    Ok(entries)
}

/// The members that the manifest lists.
fn listed(zip: &ZipArchive<File>, archive: &Archive) -> Result<Vec<Wanted>, String> {
    let wanted = |member: &recipe::Member| {
        Ok(Wanted {
            index: zip
                .index_for_name(&member.member)
                .ok_or_else(|| format!("{} is not in it", member.member))?,
            path: member.member.clone(),
            name: member.name.clone(),
            bytes: member.bytes,
            sha256: Some(member.sha256.clone()),
        })
    };
    archive.members.iter().map(wanted).collect()
}

/// The members whose names end alike, without their folders.
fn all(
    zip: &mut ZipArchive<File>,
    ending: &str,
    archive_bytes: u64,
    taken: &BTreeSet<String>,
) -> Result<Vec<Wanted>, String> {
    let most = archive_bytes.saturating_mul(MOST_GROWTH).min(MOST_BYTES);
    let (mut seen, mut total, mut wanted) = (taken.clone(), 0u64, Vec::new());
    for index in 0..zip.len() {
        let member = zip.by_index_raw(index).map_err(|error| error.to_string())?;
        let path = member.name().map_err(|error| error.to_string())?;
        let name = path.rsplit('/').next().unwrap_or_default();
        // Hidden files are notes of the system that the archive was made on, such as `__MACOSX/._a.png`.
        if name.starts_with('.') || !name.to_ascii_lowercase().ends_with(ending) {
            continue;
        }
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(format!("`{path}` leads out of it"));
        }
        if !recipe::is_file_name(name) {
            return Err(format!("`{path}` has no plain file name"));
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(format!("`{path}` has the name of another file"));
        }
        total = total.saturating_add(member.size());
        if total > most {
            return Err(format!(
                "its members have more than {MOST_GROWTH} times its {archive_bytes} bytes"
            ));
        }
        wanted.push(Wanted {
            index,
            name: name.to_owned(),
            path: path.into_owned(),
            bytes: member.size(),
            sha256: None,
        });
    }
    if wanted.is_empty() {
        return Err(format!("it holds no file that ends with `{ending}`"));
    }
    Ok(wanted)
}

/// Writes one member and tells its hash.
fn take(
    zip: &mut ZipArchive<File>,
    wanted: &Wanted,
    target: &Path,
    bad: &dyn Fn(String) -> DatasetError,
) -> Result<String, DatasetError> {
    let failed = |error: String| bad(format!("{}: {error}", wanted.path));
    let member = zip
        .by_index(wanted.index)
        .map_err(|error| failed(error.to_string()))?;
    let part = part(target);
    // One byte more than there should be tells a member that is too long from one that fits.
    let mut out = File::create(&part).map_err(write_error(&part))?;
    let copied = io::copy(&mut member.take(wanted.bytes + 1), &mut out)
        .map_err(|error| failed(error.to_string()))?;
    if copied != wanted.bytes {
        return Err(bad(format!(
            "{} has {copied} bytes or more, not {}",
            wanted.path, wanted.bytes
        )));
    }
    let sha256 = match &wanted.sha256 {
        Some(sha256) => {
            check(&part, sha256)?;
            sha256.clone()
        }
        None => manifest::sha256_of(&part).map_err(read_error(&part))?,
    };
    fs::rename(&part, target).map_err(write_error(target))?;
    Ok(sha256)
}
