//! Results as text tables.

use std::fmt::Write;

use super::compare::{Comparison, Outcome};
use super::results::{MeanPoint, Results, Stages};

/// All tables of a run.
pub fn tables(results: &Results) -> String {
    let mut text = format!(
        "{}, decoder set {}, on {}\n{}, mean over {} pictures\n\n",
        results.program,
        results.decoder_set,
        results.device,
        results.dataset,
        results.pictures.len()
    );
    text += &rates(&results.points);
    text += &times("encode", &results.points, |point| &point.encode_stages);
    text += &times("decode", &results.points, |point| &point.decode_stages);
    if !results.bd_rates.is_empty() {
        text += &comparisons(&results.bd_rates);
    }
    text
}

/// Rate, distortion and speed by level.
fn rates(points: &[MeanPoint]) -> String {
    let mut rows = vec![
        ["level", "bpp", "PSNR dB", "MS-SSIM", "encode s", "decode s"]
            .map(String::from)
            .to_vec(),
    ];
    for point in points {
        rows.push(vec![
            point.q.to_string(),
            format!("{:.4}", point.bpp),
            format!("{:.3}", point.psnr),
            point
                .msssim
                .map_or_else(|| "-".to_owned(), |value| format!("{value:.5}")),
            format!("{:.3}", point.enc_s),
            format!("{:.3}", point.dec_s),
        ]);
    }
    align(&rows)
}

/// Mean milliseconds of every stage, over all levels.
fn times(what: &str, points: &[MeanPoint], stages: impl Fn(&MeanPoint) -> &Stages) -> String {
    let mut sums = Stages::new();
    for (name, seconds) in points.iter().flat_map(stages) {
        *sums.entry(name.clone()).or_default() += seconds;
    }
    let parts: Vec<String> = sums
        .iter()
        .map(|(name, sum)| format!("{name} {:.1} ms", 1000.0 * sum / points.len() as f64))
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("\n{what}: {}", parts.join(", "))
    }
}

/// BD-rates, best PSNR first; anchors with nothing to compare are counted by reason.
fn comparisons(comparisons: &[Comparison]) -> String {
    let mut found: Vec<(&Comparison, f64)> = Vec::new();
    let mut reasons = std::collections::BTreeMap::<&str, Vec<&str>>::new();
    for comparison in comparisons {
        match (&comparison.psnr, &comparison.msssim) {
            (&Outcome::Rate { percent, .. }, _) | (_, &Outcome::Rate { percent, .. }) => {
                found.push((comparison, percent));
            }
            (Outcome::None { reason }, _) => {
                reasons.entry(reason).or_default().push(&comparison.anchor)
            }
        }
    }
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut rows = vec![
        [
            "against",
            "BD-rate PSNR",
            "on dB",
            "BD-rate MS-SSIM",
            "on dB",
        ]
        .map(String::from)
        .to_vec(),
    ];
    for (comparison, _) in &found {
        let mut row = vec![comparison.anchor.clone()];
        for outcome in [&comparison.psnr, &comparison.msssim] {
            match outcome {
                Outcome::Rate { percent, low, high } => {
                    row.extend([format!("{percent:+.1} %"), format!("{low:.2}-{high:.2}")]);
                }
                Outcome::None { .. } => row.extend(["-".to_owned(), "-".to_owned()]),
            }
        }
        rows.push(row);
    }
    let mut text = "\n\nBD-rate (negative: fewer bytes than the other codec), mean curves over the same pictures\n".to_owned();
    if !found.is_empty() {
        text += &align(&rows);
    }
    for (reason, anchors) in reasons {
        // Writing to a string cannot fail.
        let _ = write!(text, "\nnot compared ({reason}): {}", anchors.join(", "));
    }
    text
}

/// Columns: the first one left-aligned, the others right-aligned, two spaces apart.
fn align(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| {
                    let width = width(column);
                    if column == 0 {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{means, tests::row};

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".into(), "long".into()],
            vec!["bbb".into(), "1".into()],
        ];
        assert_eq!(align(&rows), "a    long\nbbb     1\n");
    }

    #[test]
    fn all_parts_are_shown() {
        let rows = vec![
            row("x", 9, 1.0, 30.0, None),
            row("x", 20, 2.0, 40.0, Some(0.9)),
        ];
        let rate = Outcome::Rate {
            percent: -12.34,
            low: 30.0,
            high: 40.0,
        };
        let none = Outcome::None {
            reason: "it lacks this measure".into(),
        };
        let results = Results {
            program: "kiln 0".into(),
            dataset: "some".into(),
            device: "cpu".into(),
            decoder_set: "0011".into(),
            pictures: vec!["x".into()],
            points: means(&rows),
            rows,
            bd_rates: vec![
                Comparison {
                    anchor: "worse".into(),
                    psnr: rate,
                    msssim: none.clone(),
                },
                Comparison {
                    anchor: "bare".into(),
                    psnr: none.clone(),
                    msssim: none,
                },
            ],
        };
        let text = tables(&results);
        for part in [
            "mean over 1 pictures",
            "30.000",
            "0.90000",
            "encode: code 1500.0 ms",
            "-12.3 %",
            "30.00-40.00",
        ] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        assert!(
            text.contains("not compared (it lacks this measure): bare"),
            "{text}"
        );
    }
}
