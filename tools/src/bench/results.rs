//! Results as data: one row per picture and level, means over pictures, and their files.
//!
//! Field names are those of the anchors in `benches/anchors`, so that results of one run can be anchors of the next.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::compare::Comparison;

/// Seconds by stage.
pub type Stages = BTreeMap<String, f64>;

/// Everything that `results.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// Program and version.
    pub program: String,
    /// Name of the data set.
    pub dataset: String,
    /// Device the networks ran on.
    pub device: String,
    /// The decoder set, 16 hexadecimal digits.
    pub decoder_set: String,
    /// Names of the pictures, sorted.
    pub pictures: Vec<String>,
    /// Means over the pictures, by level.
    pub points: Vec<MeanPoint>,
    /// One for every picture and level.
    pub rows: Vec<Row>,
    /// Comparisons with anchors, if there were any.
    #[serde(default)]
    pub bd_rates: Vec<Comparison>,
}

/// One picture at one level.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Name of the picture.
    pub image: String,
    /// Level of the network.
    pub q: u8,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Length of the file.
    pub bytes: u64,
    /// Bits of the file per pixel.
    pub bpp: f64,
    /// PSNR on 8-bit RGB, in decibels.
    pub psnr: f64,
    /// MS-SSIM on 8-bit RGB; none for pictures too small for it.
    pub msssim: Option<f64>,
    /// Seconds to encode, from pixels to bytes.
    pub enc_s: f64,
    /// Seconds to decode, from bytes to pixels.
    pub dec_s: f64,
    /// Parts of `enc_s`.
    pub encode_stages: Stages,
    /// Parts of `dec_s`.
    pub decode_stages: Stages,
}

/// Means over pictures at one level.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MeanPoint {
    /// Level of the network.
    pub q: u8,
    /// Number of pictures.
    pub n_images: usize,
    /// Mean of bits per pixel.
    pub bpp: f64,
    /// Mean of PSNR, in decibels.
    pub psnr: f64,
    /// Mean of MS-SSIM; none when a picture has none.
    pub msssim: Option<f64>,
    /// Mean seconds to encode.
    pub enc_s: f64,
    /// Mean seconds to decode.
    pub dec_s: f64,
    /// Mean parts of `enc_s`.
    pub encode_stages: Stages,
    /// Mean parts of `dec_s`.
    pub decode_stages: Stages,
}

/// Seconds of each stage; a stage that occurs twice is summed.
pub fn stages<'a>(times: impl Iterator<Item = (&'a str, Duration)>) -> Stages {
    let mut stages = Stages::new();
    for (name, time) in times {
        *stages.entry(name.to_owned()).or_default() += time.as_secs_f64();
    }
    stages
}

/// Means by level, sorted by level.
pub fn means(rows: &[Row]) -> Vec<MeanPoint> {
    let mut levels: BTreeMap<u8, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        levels.entry(row.q).or_default().push(row);
    }
    levels.into_iter().map(|(q, rows)| mean(q, &rows)).collect()
}

/// Means of the rows of one level, of which there is at least one.
fn mean(q: u8, rows: &[&Row]) -> MeanPoint {
    let count = rows.len() as f64;
    let mean = |value: fn(&Row) -> f64| rows.iter().map(|row| value(row)).sum::<f64>() / count;
    let mean_stages = |part: fn(&Row) -> &Stages| {
        let mut means = Stages::new();
        for (name, seconds) in rows.iter().flat_map(|row| part(row)) {
            *means.entry(name.clone()).or_default() += seconds / count;
        }
        means
    };
    let msssim: Option<Vec<f64>> = rows.iter().map(|row| row.msssim).collect();
    MeanPoint {
        q,
        n_images: rows.len(),
        bpp: mean(|row| row.bpp),
        psnr: mean(|row| row.psnr),
        msssim: msssim.map(|values| values.iter().sum::<f64>() / count),
        enc_s: mean(|row| row.enc_s),
        dec_s: mean(|row| row.dec_s),
        encode_stages: mean_stages(|row| &row.encode_stages),
        decode_stages: mean_stages(|row| &row.decode_stages),
    }
}

/// The rows as CSV, with the columns of `per_image.csv` of other codecs first.
pub fn csv(codec: &str, rows: &[Row]) -> String {
    let mut text = String::from("codec,image,q,bytes,bpp,psnr,msssim,enc_s,dec_s,width,height\n");
    for row in rows {
        let msssim = row
            .msssim
            .map(|value| format!("{value:.6}"))
            .unwrap_or_default();
        text += &format!(
            "{},{},{},{},{:.6},{:.6},{msssim},{:.6},{:.6},{},{}\n",
            quoted(codec),
            quoted(&row.image),
            row.q,
            row.bytes,
            row.bpp,
            row.psnr,
            row.enc_s,
            row.dec_s,
            row.width,
            row.height,
        );
    }
    text
}

/// A CSV field; quoted where it must be.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A row with these values and fixed others.
    pub fn row(image: &str, q: u8, bpp: f64, psnr: f64, msssim: Option<f64>) -> Row {
        let stages = Stages::from([("code".to_owned(), bpp)]);
        Row {
            image: image.to_owned(),
            q,
            width: 8,
            height: 1,
            bytes: bpp as u64,
            bpp,
            psnr,
            msssim,
            enc_s: 2.0 * bpp,
            dec_s: 3.0 * bpp,
            encode_stages: stages.clone(),
            decode_stages: stages,
        }
    }

    #[test]
    fn means_are_taken_by_level() {
        let rows = [
            row("a", 9, 1.0, 30.0, Some(0.9)),
            row("b", 9, 3.0, 40.0, Some(0.7)),
            row("a", 3, 0.5, 25.0, Some(0.5)),
            row("b", 3, 0.5, 25.0, None),
        ];
        let points = means(&rows);
        assert_eq!(
            points
                .iter()
                .map(|point| (point.q, point.n_images))
                .collect::<Vec<_>>(),
            [(3, 2), (9, 2)]
        );
        assert_eq!(
            (
                points[1].bpp,
                points[1].psnr,
                points[1].enc_s,
                points[1].dec_s
            ),
            (2.0, 35.0, 4.0, 6.0)
        );
        assert!((points[1].msssim.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!(points[0].msssim, None);
        assert_eq!(points[1].decode_stages["code"], 2.0);
    }

    #[test]
    fn repeated_stages_are_summed() {
        let second = Duration::from_secs(1);
        let summed = stages([("code", second), ("rows", second), ("code", second)].into_iter());
        assert_eq!(
            summed,
            Stages::from([("code".to_owned(), 2.0), ("rows".to_owned(), 1.0)])
        );
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let text = csv("kiln", &[row("a, \"b\"", 3, 1.0, 30.0, None)]);
        let line = text.lines().nth(1).unwrap();
        assert_eq!(
            line,
            "kiln,\"a, \"\"b\"\"\",3,1,1.000000,30.000000,,2.000000,3.000000,8,1"
        );
    }
}
