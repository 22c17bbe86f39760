//! The report as one HTML file that needs nothing else: no network, no second file.

use serde::Serialize;

use super::ReportError;
use super::axis::Axis;
use super::curves::{RATES, Shown};
use super::sample::{Sample, SampleView, views};
use super::style::Style;
use crate::results::Results;

const TEMPLATE: &str = include_str!("template.html");
const STYLE: &str = include_str!("template.css");
const SCRIPT: &str = include_str!("template.js");

/// What the script of the page reads.
#[derive(Serialize)]
struct Page<'a> {
    results: &'a Results,
    /// In the order of the list of curves.
    curves: Vec<CurveView<'a>>,
    axes: Vec<AxisView>,
    samples: Vec<SampleView>,
    /// Samples for which there was no room.
    left_out: usize,
}

#[derive(Serialize)]
struct CurveView<'a> {
    name: &'a str,
    label: &'a str,
    selected: bool,
    style: Style,
    /// Corners of the marker within -1..=1.
    corners: Vec<(f64, f64)>,
    /// Points by axis: index of the point in the results, and its value.
    values: Vec<Vec<(usize, f64)>>,
}

#[derive(Serialize)]
struct AxisView {
    key: String,
    title: String,
}

/// The page.
pub fn html(
    results: &Results,
    shown: &[Shown<'_>],
    samples: &[Sample],
) -> Result<String, ReportError> {
    let (samples, left_out) = views(samples)?;
    let axes: Vec<Axis> = Axis::all()
        .filter(|axis| {
            results
                .codecs
                .iter()
                .flat_map(|codec| &codec.points)
                .any(|point| axis.of(&point.quality).is_some())
        })
        .collect();
    let page = Page {
        results,
        curves: shown.iter().map(|shown| curve(shown, &axes)).collect(),
        axes: axes
            .iter()
            .map(|axis| AxisView {
                key: axis.to_string(),
                title: axis.title(),
            })
            .collect(),
        samples,
        left_out,
    };
    Ok(fill(
        TEMPLATE,
        &[
            ("title", &escape(&title(results))),
            ("style", STYLE),
            ("data", &script_json(&page).map_err(ReportError::Json)?),
            ("script", SCRIPT),
        ],
    ))
}

fn curve<'a>(shown: &'a Shown<'_>, axes: &[Axis]) -> CurveView<'a> {
    let values = |axis: &Axis| {
        let mut values: Vec<(usize, f64, f64)> = shown
            .codec
            .points
            .iter()
            .enumerate()
            .filter(|(_, point)| RATES.contains(&point.bpp))
            .filter_map(|(index, point)| Some((index, point.bpp, axis.of(&point.quality)?)))
            .collect();
        values.sort_by(|a, b| a.1.total_cmp(&b.1));
        values
            .into_iter()
            .map(|(index, _, value)| (index, value))
            .collect()
    };
    CurveView {
        name: &shown.codec.name,
        label: &shown.label,
        selected: shown.selected,
        style: shown.style,
        corners: shown.style.marker.corners(),
        values: axes.iter().map(values).collect(),
    }
}

/// What the page is about.
fn title(results: &Results) -> String {
    format!("{} on {}", results.program, results.dataset)
}

/// JSON that may stand in a script element: without `<` nothing in it can end the element or begin a comment.
fn script_json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string(value)?.replace('<', "\\u003c"))
}

/// Text for HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Puts values where the template has `{{key}}`. Values are not searched for keys again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let found = after.split_once("}}").and_then(|(key, after)| {
            let value = values.iter().find(|(known, _)| *known == key)?.1;
            Some((value, after))
        });
        match found {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::super::curves::shown;
    use super::super::sample::tests::sample;
    use super::*;
    use crate::results::fixtures;
    use serde_json::Value;

    fn page(results: &Results, samples: &[Sample]) -> String {
        html(results, &shown(results, None).unwrap(), samples).unwrap()
    }

    /// The data of a page, as its script reads it.
    fn data(page: &str) -> Value {
        let start = page.find("id=\"data\">").unwrap() + "id=\"data\">".len();
        let end = start + page[start..].find("</script>").unwrap();
        serde_json::from_str(&page[start..end]).unwrap()
    }

    #[test]
    fn the_template_has_every_place() {
        for key in ["title", "style", "data", "script"] {
            assert!(TEMPLATE.contains(&format!("{{{{{key}}}}}")), "{key}");
        }
        let page = page(&fixtures::results(), &[]);
        assert!(page.contains("<title>kiln 0 on some</title>"));
        assert!(!page.contains("{{"), "a place was not filled");
    }

    #[test]
    fn the_page_needs_nothing_else() {
        let page = page(&fixtures::results(), &[sample("a", 64, 48)]);
        let urls: Vec<&str> = page
            .match_indices("://")
            .map(|(at, _)| &page[at.saturating_sub(8)..(at + 20).min(page.len())])
            .collect();
        // The name space of SVG is a name, nothing is loaded from it.
        assert!(
            urls.iter().all(|url| url.contains("www.w3.org")),
            "{urls:?}"
        );
        for load in [" src=\"", "@import", "fetch(", "import("] {
            assert!(!page.contains(load), "the page has `{load}`");
        }
    }

    #[test]
    fn names_cannot_break_out() {
        const EVIL: &str = "</script><script>alert(1)</script><!-- {{script}} \u{2028}'\"&";
        let mut results = fixtures::results();
        results.dataset = EVIL.to_owned();
        results.codecs[1].name = EVIL.to_owned();
        results.pictures[0].name = EVIL.to_owned();
        let page = page(&results, &[sample(EVIL, 32, 32)]);
        assert!(!page.contains("alert(1)</script>") && !page.contains("<!-- {{"));
        let data = data(&page);
        assert_eq!(data["results"]["dataset"], EVIL);
        assert_eq!(data["samples"][0]["picture"], EVIL);
        assert_eq!(page.matches("<script").count(), 2);
    }

    #[test]
    fn data_hold_curves_axes_and_samples() {
        let data = data(&page(&fixtures::results(), &[sample("a", 64, 48)]));
        let axes: Vec<&str> = data["axes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|axis| axis["key"].as_str().unwrap())
            .collect();
        assert_eq!(axes, ["psnr", "msssim", "msssim_raw"]);
        let curve = &data["curves"][0];
        assert_eq!(curve["name"], "kiln");
        assert_eq!(curve["values"][0].as_array().unwrap().len(), 4);
        assert_eq!(curve["style"]["light"], "#d55e00");
        assert_eq!(data["samples"][0]["images"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn poor_results_make_a_page() {
        let mut results = fixtures::results();
        results.comparisons.clear();
        results.codecs.truncate(1);
        results.codecs[0].points.truncate(1);
        results.codecs[0].points[0].quality = Default::default();
        results.codecs[0].rows.clear();
        assert_eq!(data(&page(&results, &[]))["axes"], Value::Array(Vec::new()));
        results.codecs.clear();
        results.pictures.clear();
        data(&page(&results, &[]));
    }

    #[test]
    fn places_are_filled_once() {
        let values = [("a", "{{b}}"), ("b", "x")];
        assert_eq!(fill("{{a}} {{b}} {{c}} {{", &values), "{{b}} x {{c}} {{");
    }
}
