//! Running installed tools.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use image::{ImageError, ImageFormat, RgbImage};
use tempfile::TempDir;

use crate::codec::CodecError;

/// A program found in `PATH`.
#[derive(Clone, Debug)]
pub struct Tool {
    name: String,
    path: PathBuf,
}

impl Tool {
    /// Looks for the first of these names.
    ///
    /// # Errors
    /// None is in `PATH`.
    pub fn find(names: &[&str]) -> Result<Self, CodecError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = env::split_paths(&path).collect();
        find_in(&folders, names).ok_or_else(|| {
            CodecError::NotInstalled(names.iter().map(|&name| name.to_owned()).collect())
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first line that the program prints when asked for its version and that is not empty.
    pub fn version(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.path)
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else {
            return format!("{} of unknown version", self.name);
        };
        let text = [output.stdout, output.stderr].concat();
        let line = String::from_utf8_lossy(&text)
            .lines()
            .map(str::trim)
            .find(|line| line.chars().any(|c| c.is_ascii_digit()))
            .unwrap_or("unknown version")
            .to_owned();
        if line.contains(&self.name) {
            line
        } else {
            format!("{} {line}", self.name)
        }
    }

    /// Runs it and tells its wall seconds.
    ///
    /// # Errors
    /// It cannot be started, or it fails; its last words are in the message.
    pub fn run<I>(&self, arguments: I) -> Result<f64, CodecError>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let started = Instant::now();
        let output = Command::new(&self.path)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| CodecError::Start {
                path: self.path.clone(),
                source,
            })?;
        let seconds = started.elapsed().as_secs_f64();
        if !output.status.success() {
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            let last: Vec<&str> = text.trim().lines().rev().take(3).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            return Err(CodecError::Tool {
                tool: self.name.clone(),
                status: output.status.to_string(),
                last_words: last.join(" / "),
            });
        }
        Ok(seconds)
    }
}

fn find_in(folders: &[PathBuf], names: &[&str]) -> Option<Tool> {
    names.iter().find_map(|name| {
        let file = format!("{name}{}", env::consts::EXE_SUFFIX);
        folders
            .iter()
            .map(|folder| folder.join(&file))
            .find(|path| path.is_file())
            .map(|path| Tool {
                name: (*name).to_owned(),
                path,
            })
    })
}

/// A temporary folder for the files of one run; gone when dropped.
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes the folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> Result<Self, CodecError> {
        tempfile::Builder::new()
            .prefix("kiln-bench-")
            .tempdir()
            .map(Self)
            .map_err(|source| file_error("make a folder in", &env::temp_dir(), source))
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, CodecError> {
        let path = self.path(name);
        fs::write(&path, bytes).map_err(|source| file_error("write", &path, source))?;
        Ok(path)
    }

    /// Writes a picture as PPM, or else in the format that the extension names.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_picture(&self, name: &str, picture: &RgbImage) -> Result<PathBuf, CodecError> {
        let path = self.path(name);
        let failed = |source| picture_error("encode", &path, source);
        let format = ImageFormat::from_path(&path).map_err(failed)?;
        if format == ImageFormat::Pnm {
            // The encoder of `image` chooses PAM, or a header that some tools cannot read.
            let head = format!("P6\n{} {}\n255\n", picture.width(), picture.height());
            return self.write(name, &[head.as_bytes(), picture.as_raw()].concat());
        }
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).map_err(failed)?;
        self.write(name, bytes.get_ref())
    }

    /// Reads a file that a tool has written.
    ///
    /// # Errors
    /// It is not there.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, CodecError> {
        let path = self.path(name);
        fs::read(&path).map_err(|source| file_error("read", &path, source))
    }

    /// Reads a picture that a tool has written, by the extension of its name, as 8-bit RGB.
    ///
    /// # Errors
    /// It is not there, or it is damaged.
    pub fn read_picture(&self, name: &str) -> Result<RgbImage, CodecError> {
        let path = self.path(name);
        let failed = |source| picture_error("decode", &path, source);
        let format = ImageFormat::from_path(&path).map_err(failed)?;
        let picture =
            image::load_from_memory_with_format(&self.read(name)?, format).map_err(failed)?;
        Ok(picture.into_rgb8())
    }
}

fn file_error(action: &'static str, path: &Path, source: io::Error) -> CodecError {
    CodecError::File {
        action,
        path: path.into(),
        source,
    }
}

fn picture_error(action: &'static str, path: &Path, source: ImageError) -> CodecError {
    CodecError::Picture {
        action,
        path: path.into(),
        source,
    }
}

/// Arguments of a command line written as one text: split at blanks, then each `{NAME}` is replaced by a value, which
/// may hold blanks.
pub fn arguments(template: &str, values: &[(&str, &OsStr)]) -> Vec<OsString> {
    template
        .split_whitespace()
        .map(|word| {
            let found = values.iter().find_map(|(name, value)| {
                let (before, after) = word.split_once(&format!("{{{name}}}"))?;
                Some([OsStr::new(before), value, OsStr::new(after)])
            });
            found.map_or_else(|| word.into(), |parts| parts.into_iter().collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_take_values_whole() {
        let values = [("Q", "5".as_ref()), ("OUT", "a b".as_ref())];
        let found = arguments("-q  {Q} level={Q} {OUT} {IN}", &values);
        assert_eq!(found, ["-q", "5", "level=5", "a b", "{IN}"]);
    }

    #[test]
    fn an_absent_tool_is_named() {
        let error = Tool::find(&["kiln-no-such-tool", "nor-this"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "kiln-no-such-tool or nor-this is not installed"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("b{}", env::consts::EXE_SUFFIX));
        fs::write(&file, "").unwrap();
        let found = find_in(&[folder.path().into()], &["a", "b"]).unwrap();
        assert_eq!((found.name.as_str(), found.path), ("b", file));
    }

    #[test]
    fn pictures_are_written_as_tools_read_them() {
        let scratch = Scratch::new().unwrap();
        let picture = RgbImage::from_fn(3, 2, |x, y| image::Rgb([x as u8, y as u8, 7]));
        scratch.write_picture("a.ppm", &picture).unwrap();
        assert!(
            scratch
                .read("a.ppm")
                .unwrap()
                .starts_with(b"P6\n3 2\n255\n")
        );
        scratch.write_picture("a.png", &picture).unwrap();
        for name in ["a.ppm", "a.png"] {
            assert_eq!(scratch.read_picture(name).unwrap(), picture, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_failure_carries_the_last_words() {
        let shell = Tool::find(&["sh"]).unwrap();
        let error = shell
            .run(["-c", "echo bad file >&2; exit 3"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("bad file") && error.contains('3'), "{error}");
        assert!(shell.run(["-c", "exit 0"]).unwrap() > 0.0);
        assert_eq!(shell.version(&["-c", "echo; echo v 1.5"]), "sh v 1.5");
    }
}
