//! What people look at: figures for print, and one HTML page, from results and sample pictures.
//!
//! ```text
//! Results --shown--> curves with names and looks --Figure, Speed--> SVG, PNG
//!                                       \--html (with Samples)--> page
//! ```

mod axis;
mod curves;
mod draw;
mod error;
mod figure;
mod html;
mod label;
mod render;
mod sample;
mod speed;
mod style;

use std::ops::RangeInclusive;

use crate::metrics::Metric;
use crate::results::Results;
use curves::{Shown, shown};
use figure::Figure;
use render::Drawing;
use speed::Speed;

pub use axis::{Axis, UnknownAxis};
pub use error::ReportError;
pub use sample::{Coded, Crop, Sample};

/// What is shown.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rates of the printed figures, in bits per pixel. Where no curve has a point in this range, the range grows to hold
    /// all points.
    pub bpp: RangeInclusive<f64>,
    /// Names of the curves in figures, and of those switched on in the page, beside those of the codec under test.
    /// `None`: what was measured in the same run, and some others.
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

/// A file of a report.
#[derive(Clone, Debug)]
pub struct ReportFile {
    /// Its name, such as `rd.svg`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The page and all figures: `report.html`, `rd.svg` and `rd.png` with all panels, a figure for each panel, and
/// `speed.svg` and `speed.png` where codecs were timed. Figures with nothing in them are left out.
///
/// # Errors
/// [`Options::curves`] names a curve that does not exist, a sample is not consistent, or drawing fails.
pub fn files(
    results: &Results,
    samples: &[Sample],
    options: &Options,
) -> Result<Vec<ReportFile>, ReportError> {
    let shown = shown(results, options.curves.as_deref())?;
    let mut files = vec![ReportFile {
        name: "report.html".to_owned(),
        bytes: html::html(results, &shown, samples)?.into_bytes(),
    }];
    if let Some(figure) = new_figure(results, &shown, options, &options.axes) {
        push(&mut files, "rd", &figure)?;
    }
    if options.axes.len() > 1 {
        for &axis in &options.axes {
            if let Some(figure) = new_figure(results, &shown, options, &[axis]) {
                push(&mut files, &format!("rd-{axis}"), &figure)?;
            }
        }
    }
    if let Some(speed) = Speed::new(&shown) {
        push(&mut files, "speed", &speed)?;
    }
    Ok(files)
}

/// The rate-distortion figure alone.
///
/// # Errors
/// There is nothing to draw, [`Options::curves`] names a curve that does not exist, or drawing fails.
pub fn figure(
    results: &Results,
    options: &Options,
    format: Format,
) -> Result<Vec<u8>, ReportError> {
    let shown = shown(results, options.curves.as_deref())?;
    let figure =
        new_figure(results, &shown, options, &options.axes).ok_or(ReportError::NothingToDraw)?;
    match format {
        Format::Svg => Ok(render::svg(&figure)?.into_bytes()),
        Format::Png => render::png(&figure),
    }
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

/// Adds a drawing in both formats.
fn push(
    files: &mut Vec<ReportFile>,
    name: &str,
    drawing: &impl Drawing,
) -> Result<(), ReportError> {
    let formats = [
        ("svg", render::svg(drawing)?.into_bytes()),
        ("png", render::png(drawing)?),
    ];
    files.extend(formats.map(|(extension, bytes)| ReportFile {
        name: format!("{name}.{extension}"),
        bytes,
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures;

    /// Results come from files, and options from callers: neither may make drawing fail or go on for ever.
    #[test]
    fn extreme_numbers_are_drawn_or_left_out() {
        for extreme in [f64::MAX, 1e300, 1e9, -1e300, 1e-300, f64::MIN_POSITIVE] {
            let mut results = fixtures::results();
            for codec in &mut results.codecs {
                codec.points[1].bpp = extreme;
                codec.points[2].quality.psnr = Some(extreme);
                codec.points[3].times.dec_s = Some(extreme);
            }
            let drawn = figure(&results, &Options::default(), Format::Svg).unwrap();
            assert!(drawn.starts_with(b"<svg"), "{extreme}");
            let speed = Speed::new(&shown(&results, None).unwrap());
            speed.map(|speed| render::svg(&speed).unwrap());
        }
        let results = fixtures::results();
        for bpp in [
            f64::NAN..=f64::NAN,
            0.0..=f64::INFINITY,
            0.0..=f64::MAX,
            3.0..=1.0,
            -1e300..=1.0,
        ] {
            let options = Options {
                bpp: bpp.clone(),
                ..Options::default()
            };
            let figure = figure(&results, &options, Format::Svg).unwrap();
            assert!(figure.starts_with(b"<svg"), "{bpp:?}");
        }
    }
}
