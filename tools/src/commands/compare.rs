//! `kiln compare`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use kiln::picture::{self, LoadOptions};
use kiln_measure::metrics::{MetricGroup, Quality, psnr_of_mse};
use serde::Serialize;

use super::model;
use crate::args::CompareArgs;
use crate::console;
use crate::files::{self, Sink, Source};
use crate::progress::Progress;

/// What transparent pixels are shown on: of black or white, content of that colour would be gone.
const BACKGROUND: u32 = 128;

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
    /// `None` where neither has alpha.
    alpha: Option<AlphaComparison>,
    /// What was lost when the files were read, and what makes the comparison unfair.
    warnings: Vec<String>,
    #[serde(flatten)]
    quality: Quality,
}

/// How alpha differs. A picture without alpha counts as opaque.
#[derive(Debug, PartialEq, Serialize)]
struct AlphaComparison {
    /// `both`, `A` or `B`.
    has: &'static str,
    equal: bool,
    /// In decibels.
    psnr: f64,
    differing_samples: usize,
    /// Largest difference, where opaque is 255.
    largest_difference: f64,
}

/// One side.
struct Side {
    /// What is seen on the background.
    pixels: RgbImage,
    /// Alpha at 16 bits.
    alpha: Option<Vec<u16>>,
    /// Length of the file.
    bytes: usize,
    warnings: Vec<String>,
}

/// Runs the subcommand.
pub fn run(args: &CompareArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    console::check_stdout()?;
    if let Some(out) = &args.out {
        files::check_sink(&Sink::File(out.clone()))?;
    }
    let progress = Progress::new("compare", quiet);
    progress.set("reading", 0, 3);
    let a = load(&args.original, args)?;
    let b = load(&args.other, args)?;
    ensure!(
        a.pixels.dimensions() == b.pixels.dimensions(),
        "{} has {}x{} pixels, but {} has {}x{}: only pictures of one size can be compared",
        args.original.display(),
        a.pixels.width(),
        a.pixels.height(),
        args.other.display(),
        b.pixels.width(),
        b.pixels.height()
    );
    progress.set("measuring", 1, 3);
    let differences = || {
        let pairs = a.pixels.as_raw().iter().zip(b.pixels.as_raw());
        pairs.map(|(&a, &b)| a.abs_diff(b))
    };
    let alpha = compare_alpha(a.alpha.as_deref(), b.alpha.as_deref());
    let mut warnings = [a.warnings, b.warnings].concat();
    if let Some(side) = alpha
        .as_ref()
        .map(|alpha| alpha.has)
        .filter(|has| *has != "both")
    {
        let (with, without) = match side {
            "A" => (&args.original, &args.other),
            _ => (&args.other, &args.original),
        };
        warnings.push(format!(
            "{}: it has no alpha and counts as opaque, but {} has",
            without.display(),
            with.display()
        ));
    }
    for warning in &warnings {
        progress.line(&format!("warning: {warning}"));
    }
    let (width, height) = a.pixels.dimensions();
    let comparison = Comparison {
        width,
        height,
        bytes: b.bytes,
        bpp: 8.0 * b.bytes as f64 / (f64::from(width) * f64::from(height)),
        differing_samples: differences().filter(|&difference| difference > 0).count(),
        largest_difference: differences().max().unwrap_or(0),
        alpha,
        warnings,
        quality: Quality::measure(&a.pixels, &b.pixels, &MetricGroup::ALL)?,
    };
    if let Some(out) = &args.out {
        progress.set("writing", 2, 3);
        let mut png = std::io::Cursor::new(Vec::new());
        difference(&a.pixels, &b.pixels, args.gain).write_to(&mut png, ImageFormat::Png)?;
        files::write(&Sink::File(out.clone()), png.get_ref(), None)?;
    }
    drop(progress);
    if args.json {
        console::print_json(&comparison)?;
    } else {
        console::print(&text(&comparison))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A picture, or what a kiln file decodes to.
fn load(path: &Path, args: &CompareArgs) -> anyhow::Result<Side> {
    let source = Source::from(path);
    let limits = args.limits.limits();
    let file = files::read(&source)?;
    let (image, lost) = if files::is_kiln(&file) {
        let decoder = model::decoder(&args.model)?
            .with_limits(limits)
            .allow_not_portable(true);
        let decoded = decoder
            .decode(&file)
            .map_err(model::hint)
            .with_context(|| source.to_string())?;
        (decoded.picture.image, decoded.about.warnings)
    } else {
        let options = LoadOptions::default()
            .with_limits(limits)
            .with_first_frame(args.first_frame);
        let loaded = picture::load(&file, &options)
            .map_err(model::hint)
            .with_context(|| source.to_string())?;
        let lost = loaded.warnings.iter().map(ToString::to_string).collect();
        (loaded.picture.image, lost)
    };
    let warnings = lost.iter().map(|warning| format!("{source}: {warning}"));
    Ok(Side {
        alpha: alpha(&image),
        bytes: file.len(),
        warnings: warnings.collect(),
        pixels: seen(image),
    })
}

/// Alpha at 16 bits, which keeps 8 bits exactly.
fn alpha(image: &DynamicImage) -> Option<Vec<u16>> {
    let wide = |alpha: u8| u16::from(alpha) * 257;
    match image {
        DynamicImage::ImageLumaA8(pixels) => Some(pixels.pixels().map(|p| wide(p.0[1])).collect()),
        DynamicImage::ImageRgba8(pixels) => Some(pixels.pixels().map(|p| wide(p.0[3])).collect()),
        DynamicImage::ImageLumaA16(pixels) => Some(pixels.pixels().map(|p| p.0[1]).collect()),
        DynamicImage::ImageRgba16(pixels) => Some(pixels.pixels().map(|p| p.0[3]).collect()),
        _ => None,
    }
}

/// 8-bit RGB as it is seen on the background.
fn seen(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let pixels = image.into_rgba8();
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [r, g, b, alpha] = pixels.get_pixel(x, y).0.map(u32::from);
        let blend = |c: u32| ((c * alpha + BACKGROUND * (255 - alpha) + 127) / 255) as u8;
        Rgb([r, g, b].map(blend))
    })
}

/// How alpha differs, where one of the two has any.
fn compare_alpha(a: Option<&[u16]>, b: Option<&[u16]>) -> Option<AlphaComparison> {
    let has = match (a, b) {
        (None, None) => return None,
        (Some(_), Some(_)) => "both",
        (Some(_), None) => "A",
        (None, Some(_)) => "B",
    };
    let length = a.or(b).map_or(0, <[u16]>::len);
    let of = |side: Option<&[u16]>, at: usize| {
        let alpha = side.and_then(|alpha| alpha.get(at));
        alpha.copied().unwrap_or(u16::MAX)
    };
    let (mut differing, mut largest, mut squares) = (0, 0, 0.0);
    for at in 0..length {
        let difference = of(a, at).abs_diff(of(b, at));
        differing += usize::from(difference > 0);
        largest = largest.max(difference);
        squares += (f64::from(difference) / 257.0).powi(2);
    }
    Some(AlphaComparison {
        has,
        equal: differing == 0,
        psnr: psnr_of_mse(squares / length.max(1) as f64),
        differing_samples: differing,
        largest_difference: f64::from(largest) / 257.0,
    })
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
    if let Some(alpha) = &comparison.alpha {
        let value = match alpha.equal {
            true => "equal".to_owned(),
            false => format!(
                "{:.3} dB, {} samples differ, by at most {:.1}",
                alpha.psnr, alpha.differing_samples, alpha.largest_difference
            ),
        };
        lines.push(("alpha", value));
    }
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
    use image::{GrayAlphaImage, RgbaImage};

    #[test]
    fn colours_beneath_transparent_pixels_are_not_seen() {
        let pixels = vec![10, 20, 30, 0, 10, 20, 30, 255, 0, 255, 128, 51];
        let image = DynamicImage::from(RgbaImage::from_raw(3, 1, pixels).unwrap());
        assert_eq!(alpha(&image), Some(vec![0, u16::MAX, 51 * 257]));
        assert_eq!(
            seen(image).into_raw(),
            [128, 128, 128, 10, 20, 30, 102, 153, 128]
        );
        let grey = DynamicImage::from(GrayAlphaImage::from_raw(2, 1, vec![7, 255, 7, 0]).unwrap());
        assert_eq!(seen(grey).into_raw(), [7, 7, 7, 128, 128, 128]);
    }

    #[test]
    fn alpha_is_compared_exactly_and_its_absence_is_opaque() {
        assert_eq!(compare_alpha(None, None), None);
        let opaque = compare_alpha(Some(&[u16::MAX; 2]), None).unwrap();
        assert_eq!(
            (opaque.has, opaque.equal, opaque.differing_samples),
            ("A", true, 0)
        );
        // One step of 16 bits is a difference.
        let near = compare_alpha(Some(&[5, 9]), Some(&[5, 10])).unwrap();
        assert_eq!(
            (near.has, near.equal, near.differing_samples),
            ("both", false, 1)
        );
        assert!(near.largest_difference < 0.004);
        let far = compare_alpha(None, Some(&[0])).unwrap();
        assert_eq!(
            (far.has, far.psnr, far.largest_difference),
            ("B", 0.0, 255.0)
        );
    }

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
