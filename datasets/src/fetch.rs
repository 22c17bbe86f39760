//! Fetching a data set: resumable, bounded, and checked by hash before a file gets its name.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::RANGE;

use crate::archive;
use crate::disk::{check, is_there, part, write_error, write_manifest};
use crate::manifest::{self, Entry};
use crate::recipe::{Archive, Recipe, RemoteFile};
use crate::{Dataset, DatasetError};

/// A server that is silent for so long has gone away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Told how many of so many bytes of a file are there.
pub type Report<'a> = &'a dyn Fn(&str, u64, u64);

/// Fetches what is not yet in `folder` (made where it does not exist), and opens it as a data set. Files that are there
/// and have the right hash are kept; a part of a file is continued.
///
/// # Errors
/// A file cannot be fetched or written, or is not what the manifest says. What was fetched so far stays for another try.
pub fn fetch(recipe: &Recipe, folder: &Path, report: Report) -> Result<Dataset, DatasetError> {
    fs::create_dir_all(folder).map_err(write_error(folder))?;
    let agent = agent();
    for RemoteFile {
        name,
        url,
        bytes,
        sha256,
    } in &recipe.files
    {
        let path = folder.join(name);
        if !is_there(&path, sha256)? {
            let part = part(&path);
            download(&agent, url, &part, *bytes, sha256, &|done| {
                report(name, done, *bytes);
            })?;
            fs::rename(&part, &path).map_err(write_error(&path))?;
        }
    }
    let mut entries: Vec<Entry> = recipe.files.iter().map(Entry::from).collect();
    let mut taken = recipe.names_in_folder();
    for (index, archive) in recipe.archives.iter().enumerate() {
        let new = take(&agent, archive, index, folder, &taken, report)?;
        taken.extend(new.iter().map(|entry| entry.file.to_ascii_lowercase()));
        entries.extend(new);
    }
    write_manifest(&folder.join(manifest::FILE_NAME), &entries)?;
    Dataset::folder(folder)
}

/// The files of an archive, which is fetched where one of them is missing, and removed afterwards.
fn take(
    agent: &Agent,
    archive: &Archive,
    index: usize,
    folder: &Path,
    taken: &BTreeSet<String>,
    report: Report,
) -> Result<Vec<Entry>, DatasetError> {
    if let Some(entries) = archive::complete(archive, folder)? {
        return Ok(entries);
    }
    let path = folder.join(format!("archive-{index}.zip.part"));
    if !is_there(&path, &archive.sha256)? {
        let name = archive.url.rsplit('/').next().unwrap_or(&archive.url);
        download(
            agent,
            &archive.url,
            &path,
            archive.bytes,
            &archive.sha256,
            &|done| {
                report(name, done, archive.bytes);
            },
        )?;
    }
    let entries = archive::unpack(archive, &path, folder, taken, report)?;
    if archive.all.is_some() {
        write_manifest(&archive::listing(archive, folder), &entries)?;
    }
    remove(&path)?;
    Ok(entries)
}

fn agent() -> Agent {
    Agent::config_builder()
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .http_status_as_error(true)
        .build()
        .into()
}

/// Fetches `url` to `part`, going on where the file ends, and checks the whole.
fn download(
    agent: &Agent,
    url: &str,
    part: &Path,
    bytes: u64,
    sha256: &str,
    report: &dyn Fn(u64),
) -> Result<(), DatasetError> {
    let failed = |what: String| DatasetError::Download {
        url: url.to_owned(),
        what,
    };
    let have = match fs::metadata(part) {
        // A part that is too long was made for another manifest.
        Ok(found) if found.len() <= bytes => found.len(),
        _ => 0,
    };
    if have < bytes {
        let mut request = agent.get(url);
        if have > 0 {
            request = request.header(RANGE, format!("bytes={have}-"));
        }
        let mut response = request.call().map_err(|error| failed(error.to_string()))?;
        // A server that knows no ranges sends everything.
        let resumed = have > 0 && response.status() == StatusCode::PARTIAL_CONTENT;
        let mut options = OpenOptions::new();
        if resumed {
            options.append(true);
        } else {
            options.write(true).truncate(true);
        }
        let mut file = options.create(true).open(part).map_err(write_error(part))?;
        let mut done = if resumed { have } else { 0 };
        let mut reader = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            report(done);
            let read = reader
                .read(&mut buffer)
                .map_err(|error| failed(error.to_string()))?;
            if read == 0 {
                break;
            }
            done += read as u64;
            if done > bytes {
                drop(file);
                remove(part)?;
                return Err(failed(format!(
                    "it has more than the {bytes} bytes it should"
                )));
            }
            file.write_all(&buffer[..read]).map_err(write_error(part))?;
        }
        if done < bytes {
            return Err(failed(format!(
                "it ended after {done} of {bytes} bytes; try again"
            )));
        }
    }
    check(part, sha256).inspect_err(|_| {
        // Going on from wrong bytes would never end; if they cannot be removed, the next try will say so.
        let _ = fs::remove_file(part);
    })
}

fn remove(path: &Path) -> Result<(), DatasetError> {
    fs::remove_file(path).map_err(write_error(path))
}
