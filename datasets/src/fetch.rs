//! Fetching a data set: resumable, bounded, and checked by hash before a file gets its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::RANGE;
use zip::ZipArchive;

use crate::manifest;
use crate::recipe::{Archive, Member, Recipe, RemoteFile};
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
    for (index, archive) in recipe.archives.iter().enumerate() {
        unpack(&agent, archive, index, folder, report)?;
    }
    let lines: String = recipe
        .outputs()
        .iter()
        .map(|(name, sha256)| format!("{sha256}  {name}\n"))
        .collect();
    let path = folder.join(manifest::FILE_NAME);
    let part = part(&path);
    fs::write(&part, lines).map_err(write_error(&part))?;
    fs::rename(&part, &path).map_err(write_error(&path))?;
    Dataset::folder(folder)
}

/// Takes the members of an archive that are missing; the archive itself is removed afterwards.
fn unpack(
    agent: &Agent,
    archive: &Archive,
    index: usize,
    folder: &Path,
    report: Report,
) -> Result<(), DatasetError> {
    let mut missing: Vec<&Member> = Vec::new();
    for member in &archive.members {
        if !is_there(&folder.join(&member.name), &member.sha256)? {
            missing.push(member);
        }
    }
    if missing.is_empty() {
        return Ok(());
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
    let bad = |what: String| DatasetError::Archive {
        url: archive.url.clone(),
        what,
    };
    let file = File::open(&path).map_err(read_error(&path))?;
    let mut zip = ZipArchive::new(file).map_err(|error| bad(error.to_string()))?;
    for (done, member) in missing.iter().enumerate() {
        report(&member.name, done as u64, missing.len() as u64);
        let entry = zip
            .by_name(&member.member)
            .map_err(|error| bad(format!("{}: {error}", member.member)))?;
        let target = folder.join(&member.name);
        let part = part(&target);
        // One byte more than there should be tells a member that is too long from one that fits.
        let mut out = File::create(&part).map_err(write_error(&part))?;
        let copied = io::copy(&mut entry.take(member.bytes + 1), &mut out)
            .map_err(|error| bad(format!("{}: {error}", member.member)))?;
        if copied != member.bytes {
            return Err(bad(format!(
                "{} has {copied} bytes or more, not {}",
                member.member, member.bytes
            )));
        }
        check(&part, &member.sha256)?;
        fs::rename(&part, &target).map_err(write_error(&target))?;
    }
    fs::remove_file(&path).map_err(write_error(&path))
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

/// Whether the file exists and has this hash.
fn is_there(path: &Path, sha256: &str) -> Result<bool, DatasetError> {
    match manifest::sha256_of(path) {
        Ok(have) => Ok(have == sha256),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(DatasetError::Read {
            path: path.into(),
            source,
        }),
    }
}

fn check(path: &Path, sha256: &str) -> Result<(), DatasetError> {
    let have = manifest::sha256_of(path).map_err(read_error(path))?;
    if have == sha256 {
        Ok(())
    } else {
        Err(DatasetError::Hash {
            path: path.into(),
            expected: sha256.to_owned(),
            have,
        })
    }
}

fn remove(path: &Path) -> Result<(), DatasetError> {
    fs::remove_file(path).map_err(write_error(path))
}

/// Where a file lies while it is not complete.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write_error(path: &Path) -> impl Fn(io::Error) -> DatasetError {
    move |source| DatasetError::Write {
        path: path.into(),
        source,
    }
}

fn read_error(path: &Path) -> impl Fn(io::Error) -> DatasetError {
    move |source| DatasetError::Read {
        path: path.into(),
        source,
    }
}
