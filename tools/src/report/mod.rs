//! What people look at: figures for print, and one HTML page, from results and sample pictures.
//!
//! ```text
//! Results --shown--> curves with names and looks --Figure, Speed--> SVG, PNG
//!                                       \--html (with Samples)--> report.html
//! ```

mod axis;
mod curves;
mod draw;
pub mod encode;
mod figure;
mod html;
mod label;
mod render;
mod sample;
mod speed;
mod style;

#[cfg(test)]
mod fixture;

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::Context;

pub use axis::Axis;
pub use sample::{Coded, Rect, Sample};

use crate::bench::results::{Metric, Results};
use crate::files;
use curves::{Shown, shown};
use figure::Figure;
use render::Drawing;
use speed::Speed;

/// What is shown.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rates of the printed figures, in bits per pixel.
    pub bpp: RangeInclusive<f64>,
    /// Names of the curves in figures, and of those switched on in the page; `None`: kiln, what was measured with it, and
    /// some others.
    pub curves: Option<Vec<String>>,
    /// Panels of the figures.
    pub axes: Vec<Axis>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bpp: 0.0..=1.5,
            curves: None,
            axes: vec![Axis::Metric(Metric::Psnr), Axis::Metric(Metric::Msssim)],
        }
    }
}

/// A format of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines and text.
    Svg,
    /// Pixels.
    Png,
}

/// Writes everything into `folder`, which exists: `report.html`, `rd.svg` and `rd.png` with all panels, a figure for each
/// panel, and `speed.svg` and `speed.png` where codecs were timed. Returns the files.
pub fn write(
    folder: &Path,
    results: &Results,
    samples: &[Sample],
    options: &Options,
) -> anyhow::Result<Vec<PathBuf>> {
    let shown = shown(results, options.curves.as_deref())?;
    let mut contents: Vec<(String, Vec<u8>)> = Vec::new();
    let page = html::html(results, &shown, samples)?;
    contents.push(("report.html".to_owned(), page.into_bytes()));
    if let Some(figure) = new_figure(results, &shown, options, &options.axes) {
        push(&mut contents, "rd", &figure)?;
    }
    if options.axes.len() > 1 {
        for &axis in &options.axes {
            if let Some(figure) = new_figure(results, &shown, options, &[axis]) {
                push(&mut contents, &format!("rd-{axis}"), &figure)?;
            }
        }
    }
    if let Some(speed) = Speed::new(&shown) {
        push(&mut contents, "speed", &speed)?;
    }
    contents
        .into_iter()
        .map(|(name, bytes)| {
            let path = folder.join(name);
            save(&path, &bytes)?;
            Ok(path)
        })
        .collect()
}

/// Writes the rate-distortion figure alone.
///
/// # Errors
/// There is nothing to draw, a curve does not exist, or the file cannot be written.
pub fn write_figure(
    path: &Path,
    format: Format,
    results: &Results,
    options: &Options,
) -> anyhow::Result<()> {
    let shown = shown(results, options.curves.as_deref())?;
    let figure = new_figure(results, &shown, options, &options.axes)
        .context("the results have no curve over these metrics")?;
    let bytes = match format {
        Format::Svg => render::svg(&figure)?.into_bytes(),
        Format::Png => render::png(&figure)?,
    };
    save(path, &bytes)
}

fn new_figure(
    results: &Results,
    shown: &[Shown<'_>],
    options: &Options,
    axes: &[Axis],
) -> Option<Figure> {
    Figure::new(shown, axes, &options.bpp, note(results))
}

/// What the curves of a figure are means over.
fn note(results: &Results) -> String {
    let dataset = match results.dataset.as_str() {
        "kodak" => "Kodak",
        other => other,
    };
    match results.pictures.as_slice() {
        [] => dataset.to_owned(),
        [one] => format!("{dataset}: {}", one.name),
        more => format!("{dataset}: mean of {} pictures", more.len()),
    }
}

fn push(
    contents: &mut Vec<(String, Vec<u8>)>,
    name: &str,
    drawing: &impl Drawing,
) -> anyhow::Result<()> {
    contents.push((format!("{name}.svg"), render::svg(drawing)?.into_bytes()));
    contents.push((format!("{name}.png"), render::png(drawing)?));
    Ok(())
}

fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    files::write_file(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Makes the folder for [`write()`] where it does not exist.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}
