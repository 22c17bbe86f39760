//! `kiln compare`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use image::{ImageFormat, Rgb, RgbImage};
use kiln_measure::metrics::{MetricGroup, Quality};
use serde::Serialize;

use super::{batch, model};
use crate::args::CompareArgs;
use crate::files::{self, Sink, Source};
use crate::progress::Progress;

/// First bytes of a kiln file, as `FORMAT.md` states them.
const SIGNATURE: &[u8] = b"\x9bKLN";

/// What is printed.
#[derive(Serialize)]
struct Comparison {
    width: u32,
    height: u32,
    /// Length of file B.
    bytes: usize,
    bpp: f64,
    /// Samples that differ, of all samples of RGB.
    differing_samples: usize,
    /// Largest difference of a sample.
    largest_difference: u8,
    #[serde(flatten)]
    quality: Quality,
}

/// Runs the subcommand.
pub fn run(args: &CompareArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        files::check_sink(&Sink::File(out.clone()))?;
    }
    let progress = Progress::new("compare", quiet);
    progress.set("reading", 0, 3);
    let (original, _) = load(&args.original, args)?;
    let (other, bytes) = load(&args.other, args)?;
    ensure!(
        original.dimensions() == other.dimensions(),
        "{} has {}x{} pixels, but {} has {}x{}: only pictures of one size can be compared",
        args.original.display(),
        original.width(),
        original.height(),
        args.other.display(),
        other.width(),
        other.height()
    );
    progress.set("measuring", 1, 3);
    let differences = || {
        let pairs = original.as_raw().iter().zip(other.as_raw());
        pairs.map(|(&a, &b)| a.abs_diff(b))
    };
    let (width, height) = original.dimensions();
    let comparison = Comparison {
        width,
        height,
        bytes,
        bpp: 8.0 * bytes as f64 / (f64::from(width) * f64::from(height)),
        differing_samples: differences().filter(|&difference| difference > 0).count(),
        largest_difference: differences().max().unwrap_or(0),
        quality: Quality::measure(&original, &other, &MetricGroup::ALL)?,
    };
    if let Some(out) = &args.out {
        progress.set("writing", 2, 3);
        let mut png = std::io::Cursor::new(Vec::new());
        difference(&original, &other, args.gain).write_to(&mut png, ImageFormat::Png)?;
        files::write(&Sink::File(out.clone()), png.get_ref())?;
    }
    drop(progress);
    if args.json {
        console::print_json(&comparison)?;
    } else {
        console::print(&text(&comparison))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// 8-bit RGB of a picture or of a kiln file, and the length of the file.
fn load(path: &Path, args: &CompareArgs) -> anyhow::Result<(RgbImage, usize)> {
    let source = Source::from(path);
    let bytes = files::read(&source)?;
    let length = bytes.len();
    let pixels = if bytes.starts_with(SIGNATURE) {
        let decoder = model::decoder(&args.model)?.allow_not_portable(true);
        let decoded = decoder
            .decode(&bytes)
            .map_err(model::hint)
            .with_context(|| source.to_string())?;
        decoded.picture.image.into_rgb8()
    } else {
        files::decode_rgb8(&bytes).with_context(|| source.to_string())?
    };
    Ok((pixels, length))
}

/// `grey + gain * (b - a)` for every sample.
fn difference(a: &RgbImage, b: &RgbImage, gain: u8) -> RgbImage {
    RgbImage::from_fn(a.width(), a.height(), |x, y| {
        let (a, b) = (a.get_pixel(x, y), b.get_pixel(x, y));
        Rgb([0, 1, 2].map(|c| {
            let amplified = i32::from(gain) * (i32::from(b[c]) - i32::from(a[c]));
            (128 + amplified).clamp(0, 255) as u8
        }))
    })
}

fn text(comparison: &Comparison) -> String {
    let quality = &comparison.quality;
    let samples = 3.0 * f64::from(comparison.width) * f64::from(comparison.height);
    let mut lines = vec![
        (
            "size",
            format!("{}x{}", comparison.width, comparison.height),
        ),
        (
            "file B",
            format!("{} bytes, {:.4} bpp", comparison.bytes, comparison.bpp),
        ),
        (
            "differing samples",
            format!(
                "{:.2} %, by at most {}",
                100.0 * comparison.differing_samples as f64 / samples,
                comparison.largest_difference
            ),
        ),
    ];
    let mut put = |name, value: Option<f64>, digits: usize, unit: &str| {
        let value = value.map_or_else(
            || "none: the pictures are too small for it".to_owned(),
            |value| format!("{value:.digits$}{unit}"),
        );
        lines.push((name, value));
    };
    put("PSNR", quality.psnr, 3, " dB");
    put("PSNR of luma", quality.psnr_y, 3, " dB");
    put("PSNR-YUV 6:1:1", quality.psnr_yuv, 3, " dB");
    put("MS-SSIM", quality.msssim, 6, "");
    put("SSIMULACRA2", quality.ssimulacra2, 3, "");
    put("Butteraugli max", quality.butteraugli, 3, "");
    put("Butteraugli 3-norm", quality.butteraugli_3norm, 3, "");
    lines
        .iter()
        .map(|(name, value)| format!("{name:<18}  {value}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_is_grey_and_differences_are_amplified_and_clamped() {
        let a = RgbImage::from_raw(1, 2, vec![10, 20, 30, 0, 255, 9]).unwrap();
        let b = RgbImage::from_raw(1, 2, vec![10, 21, 28, 255, 0, 9]).unwrap();
        assert_eq!(
            difference(&a, &b, 8).into_raw(),
            [128, 136, 112, 255, 0, 128]
        );
        assert_eq!(difference(&a, &a, 128).into_raw(), [128; 6]);
    }
}
