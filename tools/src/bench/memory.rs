//! Peak memory: a process of its own encodes, another one decodes, and each tells how much it held at most.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use image::RgbImage;
use kiln_measure::results::{Memory, peak_memory};

/// What a child process does.
pub const ENCODE: &str = "encode";
/// What the other one does.
pub const DECODE: &str = "decode";

/// Peak memory on one picture of the codec that `kiln bench-one` opens with these arguments. `None` where the system
/// does not tell it.
///
/// # Errors
/// A child process fails.
pub fn memory(
    arguments: &[OsString],
    name: &str,
    picture: &RgbImage,
    q: f64,
) -> anyhow::Result<Option<Memory>> {
    if peak_memory().is_none() {
        return Ok(None);
    }
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (pixels, file) = (
        folder.path().join("picture.ppm"),
        folder.path().join("file"),
    );
    picture
        .save(&pixels)
        .with_context(|| format!("cannot write {}", pixels.display()))?;
    let run = |step: &str| child(arguments, step, q, &pixels, &file);
    Ok(Some(Memory {
        image: name.to_owned(),
        q,
        encode_bytes: run(ENCODE)?,
        decode_bytes: run(DECODE)?,
    }))
}

/// Runs `kiln bench-one` and reads the number it prints.
fn child(
    arguments: &[OsString],
    step: &str,
    q: f64,
    pixels: &Path,
    file: &Path,
) -> anyhow::Result<u64> {
    let program = std::env::current_exe().context("the path of this program is unknown")?;
    let done = Command::new(program)
        .arg("bench-one")
        .args(["--step", step, "--q", &q.to_string()])
        .arg("--picture")
        .arg(pixels)
        .arg("--file")
        .arg(file)
        .args(arguments)
        .output()
        .context("cannot start a process to measure its memory")?;
    let (out, error) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    if !done.status.success() {
        bail!("the process that measures memory failed: {}", error.trim());
    }
    out.trim()
        .parse()
        .with_context(|| format!("the process that measures memory printed `{}`", out.trim()))
}
