//! Rate-distortion figures: panels side by side, and one legend on the right, where no curve can run beneath it.

use std::ops::RangeInclusive;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::curves::{Line, RATES, Shown, clip, height_at, points};
use super::draw::{self, DrawError};
use super::render::{Drawing, FONT, Scale, text_width};
use super::style::Style;
use crate::results::Origin;

const PANEL: (u32, u32) = (520, 460);
const LEGEND_LINE: u32 = 24;
const LEGEND_STROKE: u32 = 42;
const FONT_SIZE: u32 = 17;
const NOTE_SIZE: u32 = 14;
const LINE_WIDTH: u32 = 2;
const MARKER: f64 = 4.4;
/// The most characters of a name in the legend.
const LONGEST_NAME: usize = 36;

/// A figure that can be drawn.
#[derive(Debug)]
pub struct Figure {
    panels: Vec<Panel>,
    legend: Vec<Entry>,
    note: String,
}

/// One diagram.
#[derive(Debug)]
struct Panel {
    title: String,
    rates: RangeInclusive<f64>,
    qualities: RangeInclusive<f64>,
    curves: Vec<(Style, bool, Line)>,
}

#[derive(Debug)]
struct Entry {
    label: String,
    style: Style,
    own: bool,
}

impl Figure {
    /// The selected curves over each axis, within a range of rates. Axes that no curve has are left out; where none
    /// has a point in the range, the range grows to hold all. `None` if nothing is left to draw.
    pub fn new(
        shown: &[Shown<'_>],
        axes: &[Axis],
        rates: &RangeInclusive<f64>,
        note: String,
    ) -> Option<Self> {
        let selected: Vec<&Shown<'_>> = shown.iter().filter(|s| s.selected).collect();
        let panels: Vec<Panel> = axes
            .iter()
            .filter_map(|&axis| Panel::new(&selected, axis, rates))
            .collect();
        let first = panels.first()?;
        let middle = (first.rates.start().max(0.01) * first.rates.end()).sqrt();
        let main = axes.iter().copied().find(|&axis| {
            selected
                .iter()
                .any(|shown| !points(shown.codec, axis).is_empty())
        })?;
        // The order of the legend is that of the curves, from top to bottom.
        let height =
            |shown: &Shown<'_>| height_at(&points(shown.codec, main), middle).unwrap_or(f64::MIN);
        let mut sorted: Vec<&Shown<'_>> = selected
            .into_iter()
            .filter(|s| axes.iter().any(|&axis| !points(s.codec, axis).is_empty()))
            .collect();
        sorted.sort_by(|a, b| height(b).total_cmp(&height(a)));
        let legend = sorted
            .into_iter()
            .map(|shown| Entry {
                label: shorten(&shown.label),
                style: shown.style,
                own: is_own(shown),
            })
            .collect();
        Some(Self {
            panels,
            legend,
            note,
        })
    }

    fn draw_legend<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        scale: Scale,
    ) -> Result<(), DrawError<DB>> {
        let text = |bold: bool, size: u32| {
            let style = if bold {
                FontStyle::Bold
            } else {
                FontStyle::Normal
            };
            TextStyle::from((FONT, scale.px(size), style).into_font())
                .pos(Pos::new(HPos::Left, VPos::Center))
        };
        let stroke = f64::from(LEGEND_STROKE);
        let mut y = 30.0;
        for entry in &self.legend {
            let path = [(8.0, y), (8.0 + stroke, y)].map(|(x, y)| (scale.at(x), scale.at(y)));
            let width = scale.px(LINE_WIDTH + u32::from(entry.own));
            draw::line(area, &path, entry.style.light, width, entry.style.dash)?;
            let middle = (scale.at(8.0 + stroke / 2.0), scale.at(y));
            draw::marker(
                area,
                middle,
                entry.style.marker,
                entry.style.light,
                scale.at(MARKER),
            )?;
            area.draw(&Text::new(
                entry.label.as_str(),
                (
                    scale.at(16.0 + stroke) as i32,
                    scale.at(y) as i32 + scale.drop(FONT_SIZE),
                ),
                text(entry.own, FONT_SIZE),
            ))?;
            y += f64::from(LEGEND_LINE);
        }
        y += f64::from(LEGEND_LINE) / 2.0;
        area.draw(&Text::new(
            self.note.as_str(),
            (
                scale.at(8.0) as i32,
                scale.at(y) as i32 + scale.drop(NOTE_SIZE),
            ),
            text(false, NOTE_SIZE).color(&RGBColor(90, 90, 90)),
        ))
    }
}

impl Drawing for Figure {
    fn size(&self) -> (u32, u32) {
        let face = |entry: &Entry| match entry.own {
            true => FontStyle::Bold,
            false => FontStyle::Normal,
        };
        let names = self
            .legend
            .iter()
            .map(|entry| LEGEND_STROKE + 8 + text_width(&entry.label, FONT_SIZE, face(entry)));
        let note = text_width(&self.note, NOTE_SIZE, FontStyle::Normal);
        let legend = 24 + names.chain([note]).max().unwrap_or_default();
        let height = PANEL
            .1
            .max(LEGEND_LINE * (self.legend.len() as u32 + 2) + 30);
        (PANEL.0 * self.panels.len() as u32 + legend, height)
    }

    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        scale: Scale,
    ) -> Result<(), DrawError<DB>> {
        let mut rest = root.clone();
        for panel in &self.panels {
            let (area, right) = rest.split_horizontally(scale.px(PANEL.0));
            panel.draw(&area, root, scale)?;
            rest = right;
        }
        self.draw_legend(&rest, scale)
    }
}

impl Panel {
    fn new(shown: &[&Shown<'_>], axis: Axis, rates: &RangeInclusive<f64>) -> Option<Self> {
        let all: Vec<(&Shown<'_>, Vec<(f64, f64)>)> = shown
            .iter()
            .map(|shown| (*shown, points(shown.codec, axis)))
            .filter(|(_, points)| !points.is_empty())
            .collect();
        let inside = all.iter().flat_map(|(_, points)| points);
        let can_be_drawn = *rates.start() >= 0.0 && rates.end() <= RATES.end();
        let rates = if can_be_drawn && inside.clone().any(|(bpp, _)| rates.contains(bpp)) {
            rates.clone()
        } else {
            let most = inside.map(|(bpp, _)| *bpp).reduce(f64::max)?;
            0.0..=1.05 * most
        };
        // The codec under test last, so that it lies on top.
        let mut curves: Vec<(Style, bool, Line)> = all
            .iter()
            .rev()
            .filter_map(|(shown, points)| Some((shown.style, is_own(shown), clip(points, &rates)?)))
            .collect();
        curves.sort_by_key(|(_, own, _)| *own);
        let values = curves
            .iter()
            .flat_map(|(_, _, line)| line.path.iter().map(|(_, quality)| *quality));
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        (low <= high).then(|| Self {
            title: axis.title(),
            rates,
            qualities: rounded(low, high),
            curves,
        })
    }

    fn draw<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        root: &DrawingArea<DB, Shift>,
        scale: Scale,
    ) -> Result<(), DrawError<DB>> {
        let font = (FONT, scale.px(FONT_SIZE)).into_font();
        let small = (FONT, scale.px(FONT_SIZE - 2)).into_font();
        let mut chart = ChartBuilder::on(area)
            .margin(scale.px(14))
            .margin_left(scale.px(6))
            .margin_right(scale.px(22))
            .x_label_area_size(scale.px(46))
            .y_label_area_size(scale.px(62))
            .build_cartesian_2d(
                *self.rates.start()..*self.rates.end(),
                *self.qualities.start()..*self.qualities.end(),
            )?;
        chart
            .configure_mesh()
            .x_desc("Rate (bits per pixel)")
            .y_desc(self.title.as_str())
            .axis_desc_style(font)
            .label_style(small)
            .x_labels(8)
            .y_labels(12)
            .y_label_offset(scale.drop(FONT_SIZE - 2))
            .x_label_formatter(&|value| number(*value))
            .y_label_formatter(&|value| number(*value))
            .max_light_lines(0)
            .bold_line_style(RGBColor(221, 221, 221).stroke_width(scale.px(1)))
            .axis_style(RGBColor(70, 70, 70).stroke_width(scale.px(1)))
            .set_all_tick_mark_size(scale.px(4))
            .draw()?;
        let pixel = |&(bpp, quality): &(f64, f64)| {
            let (x, y) = chart.backend_coord(&(bpp, quality));
            (f64::from(x), f64::from(y))
        };
        for (style, own, line) in &self.curves {
            let path: Vec<(f64, f64)> = line.path.iter().map(pixel).collect();
            let width = scale.px(LINE_WIDTH + u32::from(*own));
            draw::line(root, &path, style.light, width, style.dash)?;
            for point in line.points.iter().map(pixel) {
                let radius = scale.at(MARKER + f64::from(u8::from(*own)) * 0.6);
                draw::marker(root, point, style.marker, style.light, radius)?;
            }
        }
        Ok(())
    }
}

fn is_own(shown: &Shown<'_>) -> bool {
    shown.codec.origin == Origin::Own
}

/// A name that fits the legend.
fn shorten(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(LONGEST_NAME - 1).collect();
    short.push('…');
    short
}

/// A range around the values whose ends lie on ticks.
pub fn rounded(low: f64, high: f64) -> RangeInclusive<f64> {
    let span = if high > low {
        high - low
    } else {
        (0.1 * high.abs()).max(1e-3)
    };
    let rough = span / 8.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= 0.75 * rough)
        .unwrap_or(10.0 * power);
    let margin = 0.02 * span;
    (step * ((low - margin) / step).floor())..=(step * ((high + margin) / step).ceil())
}

/// A number without needless zeros.
pub fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{curves::shown, render};
    use super::*;
    use crate::metrics::Metric;
    use crate::results::{Results, fixtures};

    const PSNR: Axis = Axis::Metric(Metric::Psnr);
    const MSSSIM: Axis = Axis::Metric(Metric::Msssim);

    fn figure(results: &Results, axes: &[Axis]) -> Option<Figure> {
        Figure::new(
            &shown(results, None).unwrap(),
            axes,
            &(0.0..=1.5),
            "a note".to_owned(),
        )
    }

    #[test]
    fn svg_names_axes_units_and_codecs() {
        let svg = render::svg(&figure(&fixtures::results(), &[PSNR, MSSSIM]).unwrap()).unwrap();
        for part in [
            "PSNR, RGB (dB)",
            "MS-SSIM (dB)",
            "Rate (bits per pixel)",
            "kiln",
            "live codec",
            "WebP",
            "a note",
        ] {
            assert!(svg.contains(part), "no `{part}`");
        }
    }

    #[test]
    fn names_in_svg_are_escaped() {
        let mut results = fixtures::results();
        results.codecs[1].name = "<b>&\"".to_owned();
        let svg = render::svg(&figure(&results, &[PSNR]).unwrap()).unwrap();
        assert!(svg.contains("&lt;b&gt;&amp;&quot;") && !svg.contains("<b>"));
    }

    #[test]
    fn png_has_its_size_and_shows_kiln() {
        let figure = figure(&fixtures::results(), &[PSNR]).unwrap();
        let png = image::load_from_memory(&render::png(&figure).unwrap())
            .unwrap()
            .into_rgb8();
        let (width, height) = figure.size();
        assert_eq!(
            png.dimensions(),
            (width * render::UNIT, height * render::UNIT)
        );
        let style = super::super::style::style(0).light.0;
        let near =
            |pixel: &image::Rgb<u8>| pixel.0.iter().zip(style).all(|(a, b)| a.abs_diff(b) < 12);
        assert!(png.pixels().filter(|pixel| near(pixel)).count() > 500);
    }

    #[test]
    fn few_points_and_missing_metrics_are_drawn_as_far_as_they_go() {
        let mut results = fixtures::results();
        results.codecs.truncate(1);
        results.codecs[0].points.truncate(1);
        let one = figure(&results, &[PSNR]).unwrap();
        assert_eq!(one.panels[0].curves[0].2.points.len(), 1);
        render::svg(&one).unwrap();
        render::png(&one).unwrap();

        results.codecs[0].points[0].quality.msssim = None;
        assert_eq!(figure(&results, &[PSNR, MSSSIM]).unwrap().panels.len(), 1);
        assert!(figure(&results, &[MSSSIM]).is_none());
        results.codecs[0].points.clear();
        assert!(figure(&results, &[PSNR]).is_none());
        results.codecs.clear();
        assert!(figure(&results, &[PSNR]).is_none());
    }

    #[test]
    fn the_range_grows_when_nothing_is_in_it() {
        let mut results = fixtures::results();
        results.codecs = vec![fixtures::codec("far", Origin::File)];
        for point in &mut results.codecs[0].points {
            point.bpp += 10.0;
        }
        let figure = figure(&results, &[PSNR]).unwrap();
        assert!(figure.panels[0].rates.contains(&11.0));
    }

    #[test]
    fn the_legend_follows_the_curves() {
        let figure = figure(&fixtures::results(), &[PSNR]).unwrap();
        let names: Vec<&str> = figure.legend.iter().map(|e| e.label.as_str()).collect();
        // The fixture's curves lie one decibel below each other, kiln on top.
        assert_eq!(names, ["kiln", "live codec", "WebP"]);
    }

    #[test]
    fn ranges_end_on_ticks() {
        assert_eq!(rounded(25.3, 42.2), 24.0..=44.0);
        assert_eq!(rounded(30.0, 30.0), 29.5..=30.5);
        let zero = rounded(0.0, 0.0);
        assert!(*zero.start() < 0.0 && *zero.end() > 0.0);
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.2, "0.2"),
            (1.0, "1"),
            (-0.0, "0"),
            (30.0, "30"),
            (0.975, "0.975"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shorten(&"x".repeat(80)).chars().count(), LONGEST_NAME);
        assert_eq!(shorten("short"), "short");
    }
}
