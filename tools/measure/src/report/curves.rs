//! From results to lines that can be drawn.

use std::ops::RangeInclusive;

use super::ReportError;
use super::axis::Axis;
use super::label::{is_known, labels};
use super::style::{Style, style};
use crate::results::{CodecResults, Origin, Results};

/// Curves in a figure unless they are named: more cannot be told apart.
const MOST: usize = 10;
/// Rates that are drawn, in bits per pixel; what lies outside is not the rate of a picture.
pub const RATES: RangeInclusive<f64> = 1e-6..=1e3;

/// A codec that is shown, and how.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// Its results.
    pub codec: &'a CodecResults,
    /// Its name for people.
    pub label: String,
    /// Its look, the same in every figure.
    pub style: Style,
    /// Whether it is drawn unless someone asks for it.
    pub selected: bool,
}

/// One curve in a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Corners of the line, within the range of rates.
    pub path: Vec<(f64, f64)>,
    /// Its measured points (bits per pixel, quality) within the range.
    pub points: Vec<(f64, f64)>,
}

/// All codecs, the selected ones first: those under test and those that `names` asks for, or else also what was
/// measured in the same run, and as many others as fit, well-known ones first.
///
/// # Errors
/// A name that is not that of a curve of the results.
pub fn shown<'a>(
    results: &'a Results,
    names: Option<&[String]>,
) -> Result<Vec<Shown<'a>>, ReportError> {
    if let Some(unknown) = names
        .unwrap_or_default()
        .iter()
        .find(|name| !results.codecs.iter().any(|codec| codec.name == **name))
    {
        return Err(ReportError::UnknownCurve {
            name: unknown.clone(),
            have: results.codecs.iter().map(|c| c.name.clone()).collect(),
        });
    }
    // Lower ranks first; the order of the results within a rank.
    let rank = |codec: &CodecResults| match (codec.origin, names) {
        (Origin::Own, _) => 0,
        (_, Some(names)) => 1 + u8::from(!names.contains(&codec.name)),
        (Origin::Live, None) => 1,
        (Origin::File, None) => 2 + u8::from(!is_known(&codec.name)),
    };
    let mut codecs: Vec<&CodecResults> = results.codecs.iter().collect();
    codecs.sort_by_key(|codec| rank(codec));
    let labels = labels(&codecs);
    Ok(codecs
        .into_iter()
        .zip(labels)
        .enumerate()
        .map(|(index, (codec, label))| Shown {
            codec,
            label,
            style: style(index),
            selected: match names {
                Some(_) => rank(codec) < 2,
                None => index < MOST,
            },
        })
        .collect())
}

/// (bits per pixel, quality) of a codec, sorted by rate; points without a value, or outside [`RATES`], are left out.
pub fn points(codec: &CodecResults, axis: Axis) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = codec
        .points
        .iter()
        .filter(|point| RATES.contains(&point.bpp))
        .filter_map(|point| Some((point.bpp, axis.of(&point.quality)?)))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// The part of a curve within a range of rates; where it crosses an end of the range it is cut. `None` if nothing is
/// left.
pub fn clip(points: &[(f64, f64)], range: &RangeInclusive<f64>) -> Option<Line> {
    let (low, high) = (*range.start(), *range.end());
    let mut path = Vec::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        if let Some(&(x0, y0)) = index.checked_sub(1).map(|before| &points[before]) {
            let at = |border: f64| (border, y0 + (y - y0) * (border - x0) / (x - x0));
            for border in [low, high] {
                if x0 < border && border < x {
                    path.push(at(border));
                }
            }
        }
        if range.contains(&x) {
            path.push((x, y));
        }
    }
    let points = points
        .iter()
        .copied()
        .filter(|(x, _)| range.contains(x))
        .collect();
    (!path.is_empty()).then_some(Line { path, points })
}

/// Quality at a rate, along straight lines between points, and beyond the ends along the line through the nearest
/// two. Ranks curves from top to bottom; not a measurement. The points are sorted, and there is at least one.
pub fn height_at(points: &[(f64, f64)], bpp: f64) -> Option<f64> {
    let first = points.first()?;
    let after = points
        .partition_point(|(x, _)| *x < bpp)
        .clamp(1, points.len().saturating_sub(1).max(1));
    let (Some(a), Some(b)) = (points.get(after - 1), points.get(after)) else {
        return Some(first.1);
    };
    if b.0 <= a.0 {
        return Some(a.1);
    }
    Some(a.1 + (b.1 - a.1) * (bpp.ln() - a.0.ln()) / (b.0.ln() - a.0.ln()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metric;
    use crate::results::fixtures;

    #[test]
    fn the_codec_under_test_comes_first_and_unknown_curves_last() {
        let mut results = fixtures::results();
        for i in 0..12 {
            results
                .codecs
                .insert(0, fixtures::codec(&format!("z{i}"), Origin::File));
        }
        let all = shown(&results, None).unwrap();
        assert_eq!(all.len(), results.codecs.len());
        let names: Vec<&str> = all.iter().map(|s| s.codec.name.as_str()).collect();
        assert_eq!(names[..3], ["kiln", "live codec", "webp_m6"]);
        assert_eq!(all.iter().filter(|s| s.selected).count(), MOST);
        assert!(all.is_sorted_by_key(|s| !s.selected));
    }

    #[test]
    fn named_curves_are_selected_beside_the_codec_under_test() {
        let results = fixtures::results();
        let all = shown(&results, Some(&["webp_m6".to_owned()])).unwrap();
        let selected: Vec<&str> = all
            .iter()
            .filter(|s| s.selected)
            .map(|s| s.codec.name.as_str())
            .collect();
        assert_eq!(selected, ["kiln", "webp_m6"]);
        let error = shown(&results, Some(&["nothing".to_owned()])).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("nothing") && error.contains("webp_m6"),
            "{error}"
        );
    }

    #[test]
    fn points_without_a_value_are_left_out() {
        let mut codec = fixtures::codec("a", Origin::File);
        let all = codec.points.len();
        codec.points[1].quality.psnr = None;
        codec.points[0].bpp = f64::NAN;
        assert_eq!(points(&codec, Axis::Metric(Metric::Psnr)).len(), all - 2);
    }

    #[test]
    fn lines_are_cut_where_they_leave() {
        let curve = [(0.5, 10.0), (1.0, 20.0), (2.0, 40.0)];
        let line = clip(&curve, &(0.75..=1.5)).unwrap();
        assert_eq!(line.path, [(0.75, 15.0), (1.0, 20.0), (1.5, 30.0)]);
        assert_eq!(line.points, [(1.0, 20.0)]);
        // No point inside, but the line passes.
        let line = clip(&curve, &(1.2..=1.4)).unwrap();
        assert_eq!((line.path.len(), line.points.len()), (2, 0));
        assert_eq!(clip(&curve, &(3.0..=4.0)), None);
        assert_eq!(clip(&curve[..1], &(0.0..=1.0)).unwrap().path.len(), 1);
        assert_eq!(clip(&[], &(0.0..=1.0)), None);
    }

    #[test]
    fn heights_are_found_between_and_beyond_points() {
        let curve = [(0.1, 10.0), (1.0, 20.0)];
        let at = |bpp| height_at(&curve, bpp).unwrap();
        assert!((at(1.0) - 20.0).abs() < 1e-9);
        assert!((at(10.0) - 30.0).abs() < 1e-9);
        assert!((at(0.01) - 0.0).abs() < 1e-9);
        assert_eq!(height_at(&curve[..1], 5.0), Some(10.0));
        assert_eq!(height_at(&[], 5.0), None);
    }
}
