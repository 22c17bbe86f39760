//! A folder to run the command in, and pictures for it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use image::{RgbImage, RgbaImage, imageops};
use serde_json::Value;
use tempfile::TempDir;

/// A fresh folder with pictures in it, where `kiln` runs.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a crop of the Kodak picture as PNG.
    pub fn picture(
        &self,
        name: &str,
        kodak: &str,
        [left, top, width, height]: [u32; 4],
    ) -> RgbImage {
        let picture = crop(kodak, [left, top, width, height]);
        picture.save(self.path(name)).unwrap();
        picture
    }

    /// Writes a crop of a Kodak picture as PNG, with alpha that depends on the place. The colours beneath stay.
    pub fn transparent(&self, name: &str, alpha: impl Fn(u32, u32) -> u8) -> RgbaImage {
        let picture = crop("kodim05", [100, 100, 48, 40]);
        let picture = RgbaImage::from_fn(48, 40, |x, y| {
            let [r, g, b] = picture.get_pixel(x, y).0;
            image::Rgba([r, g, b, alpha(x, y)])
        });
        picture.save(self.path(name)).unwrap();
        picture
    }

    /// Where `kiln` runs.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and the folders that it is in.
    pub fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Standard error of a run that ends with this code.
    pub fn stderr(&self, arguments: &str, code: i32) -> String {
        let assert = self.kiln(arguments).assert().code(code);
        String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
    }

    /// Names of all files, from this folder on, with `/` on every system.
    pub fn names(&self, below: &str) -> Vec<String> {
        let below = self.path(below);
        let inside = self.files().into_iter().filter_map(|(path, _)| {
            let name = path.strip_prefix(&below).ok()?;
            Some(name.display().to_string().replace('\\', "/"))
        });
        inside.collect()
    }

    /// `kiln` with these arguments, split at spaces.
    pub fn kiln(&self, arguments: &str) -> Command {
        let mut command = cargo_bin_cmd!("kiln");
        command
            .current_dir(self.0.path())
            .args(arguments.split_whitespace());
        command
    }

    /// Standard output of a run that succeeds, as JSON.
    pub fn json(&self, arguments: &str) -> Value {
        serde_json::from_slice(&self.stdout(arguments)).unwrap()
    }

    /// Standard output of a run that succeeds.
    pub fn stdout(&self, arguments: &str) -> Vec<u8> {
        self.kiln(arguments)
            .assert()
            .success()
            .get_output()
            .stdout
            .clone()
    }

    /// Runs and expects this exit code and these parts of standard error, and no trace on the disk.
    pub fn fails(&self, arguments: &str, code: i32, parts: &[&str]) {
        let before = self.files();
        let assert = self.kiln(arguments).assert().code(code);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        for part in parts {
            assert!(
                stderr.contains(part),
                "`kiln {arguments}` does not say `{part}`:\n{stderr}"
            );
        }
        assert!(
            assert.get_output().stdout.is_empty(),
            "`kiln {arguments}` wrote to standard output"
        );
        assert_eq!(
            self.files(),
            before,
            "`kiln {arguments}` left something behind"
        );
    }

    /// Every file below the folder with its content; links are not followed.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                if kind.is_dir() {
                    folders.push(path)
                } else if kind.is_file() {
                    found.push((path.clone(), fs::read(path).unwrap()))
                }
            }
        }
        found.sort();
        found
    }
}

/// A crop of a Kodak picture: left, top, width, height.
pub fn crop(kodak: &str, [left, top, width, height]: [u32; 4]) -> RgbImage {
    let path = kiln_datasets::kodak_folder()
        .unwrap()
        .join(format!("{kodak}.png"));
    let picture = image::open(path).unwrap().into_rgb8();
    imageops::crop_imm(&picture, left, top, width, height).to_image()
}

/// Peak signal-to-noise ratio in decibels.
pub fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let squares: f64 = a
        .iter()
        .zip(b.iter())
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / squares).log10()
}

pub fn open(path: &Path) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}
