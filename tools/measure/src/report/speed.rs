//! The second figure: how fast a codec decodes, against how many bytes it needs.

use std::ops::RangeInclusive;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::curves::Shown;
use super::draw::{self, DrawError};
use super::figure::{number, rounded};
use super::render::{Drawing, FONT, Scale};
use super::style::Style;
use crate::curves::bd_rate;
use crate::metrics::Metric;
use crate::results::{CodecResults, Origin};

const SIZE: (u32, u32) = (760, 480);
const FONT_SIZE: u32 = 17;
const MARKER: f64 = 6.0;
/// What is drawn: other times and BD-rates are not those of a codec.
const SECONDS: RangeInclusive<f64> = 1e-9..=1e9;
const MOST_PERCENT: f64 = 1e6;

/// Decoding time against BD-rate, for codecs that were timed on this machine.
#[derive(Debug)]
pub struct Speed {
    reference: String,
    spots: Vec<Spot>,
}

#[derive(Debug)]
struct Spot {
    label: String,
    style: Style,
    own: bool,
    seconds: f64,
    percent: f64,
}

impl Speed {
    /// Codecs measured in the run itself, against the first curve of the codec under test. Curves from files are left
    /// out: their times are those of other machines. `None` if fewer than two codecs are left.
    pub fn new(shown: &[Shown<'_>]) -> Option<Self> {
        let own = shown.iter().find(|s| s.codec.origin == Origin::Own)?;
        let reference = own.codec.curve(Metric::Psnr).ok()?;
        let spots: Vec<Spot> = shown
            .iter()
            .filter(|shown| shown.selected && shown.codec.origin != Origin::File)
            .filter_map(|shown| {
                let curve = shown.codec.curve(Metric::Psnr).ok()?;
                let percent = bd_rate(&curve, &reference).ok()?.value;
                (percent.abs() <= MOST_PERCENT).then_some(())?;
                Some(Spot {
                    label: shown.label.clone(),
                    style: shown.style,
                    own: shown.codec.origin == Origin::Own,
                    seconds: decoding_time(shown.codec)?,
                    percent,
                })
            })
            .collect();
        (spots.len() > 1).then(|| Self {
            reference: own.label.clone(),
            spots,
        })
    }
}

/// Mean seconds to decode, over all points that have a time.
fn decoding_time(codec: &CodecResults) -> Option<f64> {
    let times: Vec<f64> = codec
        .points
        .iter()
        .filter_map(|point| point.times.dec_s)
        .filter(|seconds| SECONDS.contains(seconds))
        .collect();
    (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64)
}

impl Drawing for Speed {
    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        scale: Scale,
    ) -> Result<(), DrawError<DB>> {
        let range = |value: fn(&Spot) -> f64| {
            self.spots
                .iter()
                .map(value)
                .fold((f64::MAX, f64::MIN), |(low, high), v| {
                    (low.min(v), high.max(v))
                })
        };
        let (fastest, slowest) = range(|spot| 1000.0 * spot.seconds);
        let (best, worst) = range(|spot| spot.percent);
        let percents = rounded(best, worst);
        // Room on the right for the name of the slowest.
        let times = (fastest / 1.6)..(slowest * (slowest / fastest).powf(0.35).max(3.0));
        let mut chart = ChartBuilder::on(root)
            .margin(scale.px(14))
            .margin_left(scale.px(6))
            .x_label_area_size(scale.px(46))
            .y_label_area_size(scale.px(66))
            .build_cartesian_2d(times.log_scale(), *percents.start()..*percents.end())?;
        chart
            .configure_mesh()
            .x_desc("Time to decode a picture (ms, mean of all rates)")
            .y_desc(format!("BD-rate, PSNR, against {} (%)", self.reference))
            .axis_desc_style((FONT, scale.px(FONT_SIZE)).into_font())
            .label_style((FONT, scale.px(FONT_SIZE - 2)).into_font())
            .x_label_formatter(&|value| number(*value))
            .y_label_formatter(&|value| number(*value))
            .y_label_offset(scale.drop(FONT_SIZE - 2))
            .x_labels(12)
            .max_light_lines(0)
            .bold_line_style(RGBColor(221, 221, 221).stroke_width(scale.px(1)))
            .axis_style(RGBColor(70, 70, 70).stroke_width(scale.px(1)))
            .set_all_tick_mark_size(scale.px(4))
            .draw()?;
        for spot in &self.spots {
            let (x, y) = chart.backend_coord(&(1000.0 * spot.seconds, spot.percent));
            let radius = scale.at(MARKER + f64::from(u8::from(spot.own)));
            draw::marker(
                root,
                (f64::from(x), f64::from(y)),
                spot.style.marker,
                spot.style.light,
                radius,
            )?;
            let face = if spot.own {
                FontStyle::Bold
            } else {
                FontStyle::Normal
            };
            let text = TextStyle::from((FONT, scale.px(FONT_SIZE), face).into_font())
                .pos(Pos::new(HPos::Left, VPos::Center));
            let at = (
                x + radius as i32 + scale.px(4) as i32,
                y + scale.drop(FONT_SIZE),
            );
            root.draw(&Text::new(spot.label.as_str(), at, text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::curves::shown;
    use super::super::render;
    use super::*;
    use crate::results::fixtures;

    #[test]
    fn codecs_of_the_run_are_compared_and_files_are_not() {
        let results = fixtures::results();
        let speed = Speed::new(&shown(&results, None).unwrap()).unwrap();
        let labels: Vec<&str> = speed.spots.iter().map(|s| s.label.as_str()).collect();
        assert_eq!(labels, ["kiln", "live codec"]);
        assert!(speed.spots[0].percent.abs() < 1e-9);
        assert!(speed.spots[1].percent > 0.0);
        let svg = render::svg(&speed).unwrap();
        assert!(svg.contains("live codec") && svg.contains("BD-rate"));
        render::png(&speed).unwrap();
    }

    #[test]
    fn without_times_there_is_no_figure() {
        let mut results = fixtures::results();
        for point in &mut results.codecs[1].points {
            point.times.dec_s = None;
        }
        assert!(Speed::new(&shown(&results, None).unwrap()).is_none());
        results.codecs.remove(0);
        assert!(Speed::new(&shown(&results, None).unwrap()).is_none());
    }
}
