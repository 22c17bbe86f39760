//! Manifests that say where a data set can be fetched: see `manifests/README.md` for the form.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::DatasetError;
use crate::manifest::{self, Entry};

/// The largest file or archive, in bytes.
pub const MOST_BYTES: u64 = 16 << 30;

/// Manifests that come with this crate: name and text.
const BUNDLED: [(&str, &str); 5] = [
    ("kodak", include_str!("../manifests/kodak.json")),
    (
        "clic2020-professional-valid",
        include_str!("../manifests/clic2020-professional-valid.json"),
    ),
    (
        "clic2020-professional-test",
        include_str!("../manifests/clic2020-professional-test.json"),
    ),
    (
        "clic2020-mobile-valid",
        include_str!("../manifests/clic2020-mobile-valid.json"),
    ),
    (
        "clic2020-mobile-test",
        include_str!("../manifests/clic2020-mobile-test.json"),
    ),
];

/// Where the files of a data set are, and what they must be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Short name.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub title: String,
    /// Page about the data set, and where its hashes come from if it is not that page.
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
    #[serde(default)]
    pub members: Vec<Member>,
    /// In place of `members`: take every file whose name ends so, such as `.png`, under its name without folders. The
    /// hash of the archive covers them.
    #[serde(default)]
    pub all: Option<String>,
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

impl From<&RemoteFile> for Entry {
    fn from(file: &RemoteFile) -> Self {
        Self {
            sha256: file.sha256.clone(),
            file: file.name.clone(),
        }
    }
}

impl From<&Member> for Entry {
    fn from(member: &Member) -> Self {
        Self {
            sha256: member.sha256.clone(),
            file: member.name.clone(),
        }
    }
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

    /// Names of the files that the folder will hold, as far as they are listed, in lower case: some file systems hold
    /// `a` and `A` to be one.
    pub(crate) fn names_in_folder(&self) -> BTreeSet<String> {
        self.outputs().map(str::to_ascii_lowercase).collect()
    }

    fn outputs(&self) -> impl Iterator<Item = &str> {
        let members = self.archives.iter().flat_map(|archive| &archive.members);
        let files = self.files.iter().map(|file| file.name.as_str());
        files.chain(members.map(|member| member.name.as_str()))
    }

    /// Bytes to fetch, if nothing is there yet.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files = self.files.iter().map(|file| file.bytes);
        let archives = self.archives.iter().map(|archive| archive.bytes);
        files.chain(archives).fold(0, u64::saturating_add)
    }

    fn check(&self) -> Result<(), String> {
        if self.files.is_empty() && self.archives.is_empty() {
            return Err("it lists no file".into());
        }
        if !is_plain(&self.name) {
            return Err(format!("`{}` is no plain name", self.name));
        }
        for archive in &self.archives {
            match &archive.all {
                Some(ending) if !is_ending(ending) => {
                    return Err(format!("`{ending}` is no ending such as `.png`"));
                }
                Some(_) if !archive.members.is_empty() => {
                    return Err(format!("{} has both `members` and `all`", archive.url));
                }
                None if archive.members.is_empty() => {
                    return Err(format!("{} has neither `members` nor `all`", archive.url));
                }
                _ => {}
            }
        }
        let mut seen = BTreeSet::new();
        for name in self.outputs() {
            if !is_file_name(name) {
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

/// A name that a file of the data set may have in the folder.
pub(crate) fn is_file_name(name: &str) -> bool {
    is_plain(name) && name != manifest::FILE_NAME
}

/// The end of a file name: a dot, and lower-case letters and digits.
fn is_ending(text: &str) -> bool {
    text.strip_prefix('.').is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
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

    #[test]
    fn an_archive_lists_its_members_or_takes_all() {
        let hash = "0".repeat(64);
        let archive = |rest: &str| {
            format!(
                r#"{{"name": "x", "licence": "CC0", "archives": [
                    {{"url": "https://x/a.zip", "bytes": 9, "sha256": "{hash}"{rest}}}]}}"#
            )
        };
        let members = format!(
            r#", "members": [{{"member": "a", "name": "a", "bytes": 1, "sha256": "{hash}"}}]"#
        );
        let all = r#", "all": ".png""#;
        assert!(Recipe::parse(&archive(&members)).is_ok());
        assert!(Recipe::parse(&archive(all)).is_ok());
        for (bad, part) in [
            (String::new(), "neither"),
            (format!("{all}{members}"), "both"),
            (r#", "all": "png""#.into(), "`png` is no ending"),
            (r#", "all": ".""#.into(), "`.` is no ending"),
            (r#", "all": "./a.png""#.into(), "`./a.png` is no ending"),
        ] {
            let error = Recipe::parse(&archive(&bad)).unwrap_err().to_string();
            assert!(error.contains(part), "`{error}` lacks `{part}`");
        }
    }
}
