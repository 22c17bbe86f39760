//! Results as text for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{CodecResults, Comparison, MeanPoint, Origin, Outcome, Results, Stages};
use crate::metrics::Metric;

/// The metrics that the table of BD-rates shows.
const COMPARED: [Metric; 4] = [
    Metric::Psnr,
    Metric::Msssim,
    Metric::Ssimulacra2,
    Metric::Butteraugli3norm,
];

/// Tables of a run as text: the curve of every codec that was measured, and the BD-rates, fewest bytes first. With
/// `against`, only comparisons with that codec are shown.
pub fn tables(results: &Results, against: Option<&str>) -> String {
    let machine = &results.machine;
    let mut text = format!(
        "{}, {} threads{}\n{}, mean over {} pictures\n",
        results.program,
        machine.threads,
        machine
            .cpu
            .as_ref()
            .map(|cpu| format!(", {cpu}"))
            .unwrap_or_default(),
        results.dataset,
        results.pictures.len()
    );
    for codec in &results.codecs {
        if codec.origin != Origin::File {
            text += &format!("\n{}", curve(codec, &machine.device));
        }
    }
    text += &comparisons(&results.comparisons, against);
    let mut reasons = BTreeMap::<&str, Vec<&str>>::new();
    for skipped in &results.skipped {
        reasons
            .entry(&skipped.reason)
            .or_default()
            .push(&skipped.codec);
    }
    for (reason, codecs) in reasons {
        // Writing to a string cannot fail.
        let _ = write!(text, "\nleft out ({reason}): {}", codecs.join(", "));
    }
    text
}

/// Rate, distortion and speed of a codec by setting.
fn curve(codec: &CodecResults, device: &str) -> String {
    let mut text = format!("{}: {}", codec.name, codec.version);
    if let Some(set) = &codec.decoder_set {
        text += &format!(", decoder set {set}, on {device}");
    }
    text.push('\n');
    let setting = if codec.setting.is_empty() {
        "setting"
    } else {
        &codec.setting
    };
    let head = [
        setting,
        "bpp",
        "PSNR dB",
        "PSNR-YUV",
        "MS-SSIM",
        "SSIMULACRA2",
        "Butteraugli",
        "encode s",
        "decode s",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    for point in &codec.points {
        let (quality, times) = (&point.quality, &point.times);
        rows.push(vec![
            number(point.q, 3)
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned(),
            format!("{:.4}", point.bpp),
            number(quality.psnr, 3),
            number(quality.psnr_yuv, 3),
            number(quality.msssim, 5),
            number(quality.ssimulacra2, 2),
            number(quality.butteraugli_3norm, 3),
            number(times.enc_s, 3),
            number(times.dec_s, 3),
        ]);
    }
    text += &align(&rows);
    text += &stages("encode", &codec.points, |point| &point.times.encode_stages);
    text += &stages("decode", &codec.points, |point| &point.times.decode_stages);
    if let Some(cost) = codec.cost {
        text += &format!(
            "cost: {:.1} kMAC per pixel to encode, {:.1} to decode\n",
            cost.encode_kmac_per_pixel, cost.decode_kmac_per_pixel
        );
    }
    for memory in &codec.memory {
        text += &format!(
            "peak memory, {} at {} {}: {:.0} MB to encode, {:.0} MB to decode\n",
            memory.image,
            setting,
            memory.q,
            memory.encode_bytes as f64 / 1e6,
            memory.decode_bytes as f64 / 1e6
        );
    }
    text
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// Mean milliseconds of every stage, over all points that have any.
fn stages(what: &str, points: &[MeanPoint], stages: impl Fn(&MeanPoint) -> &Stages) -> String {
    let timed = points.iter().filter(|point| !stages(point).is_empty());
    let count = timed.clone().count() as f64;
    let mut sums = Stages::new();
    for (name, seconds) in timed.flat_map(&stages) {
        *sums.entry(name.clone()).or_default() += seconds;
    }
    let parts: Vec<String> = sums
        .iter()
        .map(|(name, sum)| format!("{name} {:.1} ms", 1000.0 * sum / count))
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("{what}: {}\n", parts.join(", "))
    }
}

/// BD-rates, fewest bytes first; pairs with nothing to compare are listed by reason.
fn comparisons(comparisons: &[Comparison], against: Option<&str>) -> String {
    let mut pairs: BTreeMap<(&str, &str), Vec<&Comparison>> = BTreeMap::new();
    for comparison in comparisons {
        if against.is_none_or(|name| comparison.anchor == name) {
            let key = (comparison.codec.as_str(), comparison.anchor.as_str());
            pairs.entry(key).or_default().push(comparison);
        }
    }
    if pairs.is_empty() {
        return String::new();
    }
    let mut head = vec![
        "codec".to_owned(),
        "against".to_owned(),
        format!("BD-rate {}", Metric::Psnr.label()),
        format!("on {}", Metric::Psnr.unit()),
        format!("BD-{} {}", Metric::Psnr.label(), Metric::Psnr.unit()),
    ];
    head.extend(COMPARED[1..].iter().map(|metric| metric.label().to_owned()));
    let mut found = Vec::new();
    let mut reasons = BTreeMap::<&str, Vec<String>>::new();
    for ((codec, anchor), metrics) in pairs {
        let of = |metric| {
            metrics
                .iter()
                .find(|comparison| comparison.metric == metric)
        };
        let rates = COMPARED.map(|metric| match of(metric).map(|found| &found.rate) {
            Some(&Outcome::Delta { value, .. }) => Some(value),
            _ => None,
        });
        match rates.into_iter().flatten().next() {
            Some(first) => {
                let psnr = of(Metric::Psnr);
                let range = match psnr.map(|found| &found.rate) {
                    Some(Outcome::Delta { low, high, .. }) => format!("{low:.2}-{high:.2}"),
                    _ => "-".to_owned(),
                };
                let gain = match psnr.map(|found| &found.quality) {
                    Some(Outcome::Delta { value, .. }) => format!("{value:+.2}"),
                    _ => "-".to_owned(),
                };
                let rates = rates.map(|rate| {
                    rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:+.1} %"))
                });
                let mut row = vec![codec.to_owned(), anchor.to_owned(), rates[0].clone()];
                row.extend([range, gain]);
                row.extend_from_slice(&rates[1..]);
                found.push((first, row));
            }
            None => {
                for comparison in metrics {
                    if let Outcome::None { reason } = &comparison.rate {
                        let pairs = reasons.entry(reason).or_default();
                        let pair = format!("{codec} and {anchor}");
                        if !pairs.contains(&pair) {
                            pairs.push(pair);
                        }
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut text = "\nBD-rate (negative: fewer bytes than the other codec), PCHIP of log(bpp) over quality, mean \
        curves over the same pictures\n"
        .to_owned();
    if !found.is_empty() {
        let mut rows = vec![head];
        rows.extend(found.into_iter().map(|(_, row)| row));
        text += &align(&rows);
    }
    for (reason, pairs) in reasons {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "not compared ({reason}): {}", pairs.join(", "));
    }
    text
}

/// Columns: text left-aligned in the first one, the others right-aligned, two spaces apart.
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
    use crate::results::fixtures::{codec_of, row};
    use crate::results::{Cost, Machine, Memory, SCHEMA, Skipped, Times, compare};

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
        let curve = |name: &str, origin, factor: f64| {
            codec_of(
                name,
                origin,
                vec![
                    row("x", 9.0, factor, 30.0, None),
                    row("x", 20.0, 2.0 * factor, 40.0, Some(0.9)),
                ],
            )
        };
        let mut kiln = curve("kiln", Origin::Own, 1.0);
        kiln.points[0].times = Times {
            enc_s: Some(2.0),
            encode_stages: Stages::from([("code".to_owned(), 1.5)]),
            ..Times::default()
        };
        kiln.decoder_set = Some("0011".into());
        kiln.cost = Some(Cost {
            encode_kmac_per_pixel: 31.25,
            decode_kmac_per_pixel: 40.0,
        });
        kiln.memory.push(Memory {
            image: "x".into(),
            q: 9.0,
            encode_bytes: 123_000_000,
            decode_bytes: 1_000_000,
        });
        let mut bare = curve("bare", Origin::File, 1.0);
        for point in &mut bare.points {
            point.quality = Default::default();
        }
        let codecs = vec![kiln, curve("more", Origin::Live, 1.5), bare];
        let results = Results {
            schema: SCHEMA.into(),
            program: "kiln 0".into(),
            dataset: "some".into(),
            machine: Machine::default(),
            pictures: Vec::new(),
            comparisons: compare(&codecs, None),
            codecs,
            skipped: vec![Skipped {
                codec: "vtm".into(),
                reason: "it is not installed".into(),
            }],
        };
        let text = tables(&results, None);
        for part in [
            "decoder set 0011",
            "30.000",
            "0.90000",
            "encode: code 1500.0 ms",
            "31.2 kMAC per pixel",
            "123 MB to encode",
            "-33.3 %",
            "30.00-40.00",
            "+5.85",
            "not compared (they share no measure): kiln and bare",
            "left out (it is not installed): vtm",
        ] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        assert!(!tables(&results, Some("other")).contains("BD-rate"));
    }
}
