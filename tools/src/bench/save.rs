//! The files that a run leaves: JSON, CSV, and the form that CompressAI plots.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::results::{CodecResults, Point, Results};
use crate::files;

/// Writes `results.json`, `results.csv` and `compressai/*.json`.
///
/// # Errors
/// A file cannot be written.
pub fn save(folder: &Path, results: &Results) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(results)? + "\n";
    write(&folder.join("results.json"), json.as_bytes())?;
    write(&folder.join("results.csv"), &csv(&results.codecs)?)?;
    let compressai = folder.join("compressai");
    fs::create_dir_all(&compressai)
        .with_context(|| format!("cannot make the folder {}", compressai.display()))?;
    for codec in results.codecs.iter().filter(|codec| !codec.rows.is_empty()) {
        let curve = Curve::new(codec, &results.dataset);
        let text = serde_json::to_string_pretty(&curve)? + "\n";
        write(
            &compressai.join(format!("{}.json", slug(&codec.name))),
            text.as_bytes(),
        )?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    files::write_file(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// A file name for a codec: letters, digits, `.` and `-`.
pub fn slug(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let slug: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    // A leading dot hides a file, or leaves the folder.
    slug.replacen('.', "_", usize::from(slug.starts_with('.')))
}

/// A line of `results.csv`. The first columns are those of per-picture tables of other codecs.
#[derive(Serialize)]
struct Line<'a> {
    codec: &'a str,
    image: &'a str,
    q: f64,
    bytes: u64,
    bpp: f64,
    psnr: Option<f64>,
    msssim: Option<f64>,
    enc_s: Option<f64>,
    dec_s: Option<f64>,
    mse: Option<f64>,
    psnr_y: Option<f64>,
    psnr_yuv: Option<f64>,
    ssimulacra2: Option<f64>,
    butteraugli: Option<f64>,
    butteraugli_3norm: Option<f64>,
}

/// All rows as CSV.
pub fn csv(codecs: &[CodecResults]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for codec in codecs {
        for row in &codec.rows {
            let (quality, times) = (&row.quality, &row.times);
            writer.serialize(Line {
                codec: &codec.name,
                image: &row.image,
                q: row.q,
                bytes: row.bytes,
                bpp: row.bpp,
                psnr: quality.psnr,
                msssim: quality.msssim,
                enc_s: times.enc_s,
                dec_s: times.dec_s,
                mse: quality.mse,
                psnr_y: quality.psnr_y,
                psnr_yuv: quality.psnr_yuv,
                ssimulacra2: quality.ssimulacra2,
                butteraugli: quality.butteraugli,
                butteraugli_3norm: quality.butteraugli_3norm,
            })?;
        }
    }
    writer.into_inner().context("cannot finish the table")
}

/// A curve as `compressai.utils.plot` reads it, and as CompressAI publishes its own.
#[derive(Serialize)]
struct Curve<'a> {
    name: &'a str,
    description: String,
    meta: Meta<'a>,
    results: Lists,
}

#[derive(Serialize)]
struct Meta<'a> {
    dataset: &'a str,
    version: &'a str,
    command: &'a str,
}

/// One entry for each point; a list that would have gaps is left out.
#[derive(Serialize)]
struct Lists {
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<Vec<f64>>,
    bpp: Vec<f64>,
    #[serde(rename = "psnr-rgb", skip_serializing_if = "Option::is_none")]
    psnr: Option<Vec<f64>>,
    #[serde(rename = "ms-ssim-rgb", skip_serializing_if = "Option::is_none")]
    ms_ssim: Option<Vec<f64>>,
    #[serde(rename = "psnr-yuv", skip_serializing_if = "Option::is_none")]
    psnr_yuv: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssimulacra2: Option<Vec<f64>>,
    #[serde(rename = "butteraugli-3norm", skip_serializing_if = "Option::is_none")]
    butteraugli: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_time: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoding_time: Option<Vec<f64>>,
}

impl<'a> Curve<'a> {
    fn new(codec: &'a CodecResults, dataset: &'a str) -> Self {
        let list = |of: fn(&Point) -> Option<f64>| codec.points.iter().map(of).collect();
        Self {
            name: &codec.name,
            description: format!("{}, 8-bit RGB pictures, rate of whole files", codec.version),
            meta: Meta {
                dataset,
                version: &codec.version,
                command: &codec.command,
            },
            results: Lists {
                q: list(|point| point.q),
                bpp: codec.points.iter().map(|point| point.bpp).collect(),
                psnr: list(|point| point.quality.psnr),
                ms_ssim: list(|point| point.quality.msssim),
                psnr_yuv: list(|point| point.quality.psnr_yuv),
                ssimulacra2: list(|point| point.quality.ssimulacra2),
                butteraugli: list(|point| point.quality.butteraugli_3norm),
                encoding_time: list(|point| point.times.enc_s),
                decoding_time: list(|point| point.times.dec_s),
            },
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::means::{points, tests::row};
    use crate::bench::results::{Origin, Row};

    /// A curve with these rows.
    pub fn codec(name: &str, origin: Origin, rows: Vec<Row>) -> CodecResults {
        let mut pictures: Vec<String> = rows.iter().map(|row| row.image.clone()).collect();
        pictures.sort();
        pictures.dedup();
        CodecResults {
            name: name.into(),
            origin,
            version: "1".into(),
            command: "run Q".into(),
            setting: "quality".into(),
            decoder_set: None,
            cost: None,
            memory: Vec::new(),
            points: points(&rows, &pictures),
            rows,
        }
    }

    #[test]
    fn csv_quotes_what_needs_it_and_leaves_gaps() {
        let rows = vec![row("a, \"b\"", 3.0, 1.0, 30.0, None)];
        let text = String::from_utf8(csv(&[codec("kiln", Origin::Kiln, rows)]).unwrap()).unwrap();
        let mut lines = text.lines();
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("codec,image,q,bytes,bpp,psnr,msssim,enc_s,dec_s")
        );
        let line = lines.next().unwrap();
        assert!(
            line.starts_with("kiln,\"a, \"\"b\"\"\",3.0,1000,1.0,30.0,,,,"),
            "{line}"
        );
    }

    #[test]
    fn compressai_gets_its_keys_and_no_gaps() {
        let rows = vec![
            row("a", 1.0, 1.0, 30.0, Some(0.9)),
            row("a", 2.0, 2.0, 33.0, None),
        ];
        let codec = codec("kiln", Origin::Kiln, rows);
        let value = serde_json::to_value(Curve::new(&codec, "kodak")).unwrap();
        assert_eq!(value["results"]["bpp"], serde_json::json!([1.0, 2.0]));
        assert_eq!(
            value["results"]["psnr-rgb"],
            serde_json::json!([30.0, 33.0])
        );
        assert!(value["results"].get("ms-ssim-rgb").is_none() && value["name"] == "kiln");
    }

    #[test]
    fn names_of_files_stay_in_their_folder() {
        assert_eq!(slug("8bit/a b:c"), "8bit_a_b_c");
        assert_eq!(slug("../x"), "_._x");
        assert_eq!(slug("avif-444.1"), "avif-444.1");
    }
}
