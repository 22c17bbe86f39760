//! Manifests that say where a data set can be fetched: see `manifests/README.md` for the form.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::DatasetError;
use crate::manifest;

/// The largest file or archive, in bytes.
pub const MOST_BYTES: u64 = 16 << 30;

/// Manifests that come with this crate: name and text.
const BUNDLED: [(&str, &str); 1] = [("kodak", include_str!("../manifests/kodak.json"))];

/// Where the files of a data set are, and what they must be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Short name.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub title: String,
    /// Page about the data set.
    #[serde(default)]
    pub source: String,
    /// Terms of use, in words or as an SPDX name.
    pub licence: String,
    /// Files fetched one by one.
    #[serde(default)]
    pub files: Vec<RemoteFile>,
    /// ZIP files that hold further ones.
    #[serde(default)]
    pub archives: Vec<Archive>,
}

/// A file with an address of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteFile {
    /// Its name in the folder.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A ZIP file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Where it is.
    pub url: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// What to take from it.
    pub members: Vec<Member>,
}

/// A file inside an archive.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its path in the archive.
    pub member: String,
    /// Its name in the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl Recipe {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`DatasetError::Recipe`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, DatasetError> {
        let recipe: Self = serde_json::from_str(text).map_err(|error| DatasetError::Recipe {
            what: error.to_string(),
        })?;
        recipe
            .check()
            .map_err(|what| DatasetError::Recipe { what })?;
        Ok(recipe)
    }

    /// The manifest of this name that comes with the crate.
    #[must_use]
    pub fn bundled(name: &str) -> Option<Self> {
        let (_, text) = BUNDLED.iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok()
    }

    /// Names of the manifests that come with the crate.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUNDLED.iter().map(|(name, _)| *name)
    }

    /// Name and hash of every file that the folder will hold.
    pub(crate) fn outputs(&self) -> Vec<(&str, &str)> {
        let files = self
            .files
            .iter()
            .map(|file| (file.name.as_str(), file.sha256.as_str()));
        let members = self
            .archives
            .iter()
            .flat_map(|archive| &archive.members)
            .map(|member| (member.name.as_str(), member.sha256.as_str()));
        files.chain(members).collect()
    }

    /// Bytes to fetch, if nothing is there yet.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files = self.files.iter().map(|file| file.bytes);
        let archives = self.archives.iter().map(|archive| archive.bytes);
        files.chain(archives).fold(0, u64::saturating_add)
    }

    fn check(&self) -> Result<(), String> {
        let outputs = self.outputs();
        if outputs.is_empty() {
            return Err("it lists no file".into());
        }
        if !is_plain(&self.name) {
            return Err(format!("`{}` is no plain name", self.name));
        }
        let mut seen = BTreeSet::new();
        for (name, _) in &outputs {
            if !is_plain(name) || *name == manifest::FILE_NAME {
                return Err(format!("`{name}` is no plain file name"));
            }
            // Some file systems hold `a` and `A` to be one.
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(format!("`{name}` is there twice"));
            }
        }
        let files = self.files.iter();
        let archives = self.archives.iter();
        let urls = files
            .map(|file| (&file.url, file.bytes, &file.sha256))
            .chain(archives.map(|archive| (&archive.url, archive.bytes, &archive.sha256)));
        for (url, bytes, sha256) in urls {
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                return Err(format!("`{url}` is no address of http or https"));
            }
            check_bytes(url, bytes, sha256)?;
        }
        for member in self.archives.iter().flat_map(|archive| &archive.members) {
            check_bytes(&member.name, member.bytes, &member.sha256)?;
        }
        Ok(())
    }
}

fn check_bytes(what: &str, bytes: u64, sha256: &str) -> Result<(), String> {
    if !(1..=MOST_BYTES).contains(&bytes) {
        return Err(format!(
            "{what} has {bytes} bytes, outside 1..={MOST_BYTES}"
        ));
    }
    if !manifest::is_sha256(sha256) {
        return Err(format!(
            "`{sha256}` of {what} is no SHA-256 of 64 lower-case hexadecimal digits"
        ));
    }
    Ok(())
}

/// A name that stays in its folder and is visible there.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.ends_with(".part")
        && !name.contains(|c: char| matches!(c, '/' | '\\' | ':') || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, url: &str, bytes: u64) -> String {
        let hash = "0".repeat(64);
        format!(
            r#"{{"name": "x", "licence": "CC0",
                "files": [{{"name": "{name}", "url": "{url}", "bytes": {bytes}, "sha256": "{hash}"}}]}}"#
        )
    }

    #[test]
    fn bundled_manifests_are_valid() {
        for name in Recipe::names() {
            assert_eq!(Recipe::bundled(name).unwrap().name, name);
        }
        let kodak = Recipe::bundled("kodak").unwrap();
        assert_eq!(kodak.files.len(), 24);
        assert_eq!(Recipe::bundled("none"), None);
    }

    #[test]
    fn kodak_lists_the_bundled_files() {
        let folder = crate::kodak_folder().unwrap();
        let entries = manifest::read(&folder.join(manifest::FILE_NAME)).unwrap();
        let kodak = Recipe::bundled("kodak").unwrap();
        for (entry, file) in entries.iter().zip(&kodak.files) {
            assert_eq!((&entry.file, &entry.sha256), (&file.name, &file.sha256));
            let bytes = std::fs::metadata(folder.join(&file.name)).unwrap().len();
            assert_eq!(bytes, file.bytes);
        }
    }

    #[test]
    fn bad_manifests_say_what_is_wrong() {
        let good = text("a.png", "https://x/a.png", 5);
        assert!(Recipe::parse(&good).is_ok());
        for (bad, part) in [
            (text("../a.png", "https://x/a", 5), "`../a.png`"),
            (text(".a", "https://x/a", 5), "`.a`"),
            (text("manifest.txt", "https://x/a", 5), "`manifest.txt`"),
            (
                text("a.png", "file:///etc/passwd", 5),
                "`file:///etc/passwd`",
            ),
            (text("a.png", "https://x/a", 0), "outside 1..="),
            (text("a.png", "https://x/a", MOST_BYTES + 1), "outside 1..="),
            (good.replace("000", "ABC"), "no SHA-256"),
            (good.replace("licence", "license"), "license"),
            (r#"{"name": "x", "licence": "CC0"}"#.into(), "no file"),
        ] {
            let error = Recipe::parse(&bad).unwrap_err().to_string();
            assert!(error.contains(part), "`{error}` lacks `{part}`");
        }
        let file = good.split_once('[').unwrap().1.split_once(']').unwrap().0;
        let twice = good.replace(
            file,
            &format!("{file}, {}", file.replace("a.png\",", "A.png\",")),
        );
        let error = Recipe::parse(&twice).unwrap_err().to_string();
        assert!(error.contains("twice"), "{error}");
    }
}
