//! Anchors in CSV files: a line for each picture, setting and codec.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Anchor, AnchorError, Data};
use crate::metrics::Quality;
use crate::results::{Row, Times};

/// A line of a CSV file; columns that are not needed are ignored.
#[derive(Deserialize)]
struct Line {
    codec: String,
    image: String,
    q: f64,
    bytes: Option<u64>,
    bpp: f64,
    psnr: Option<f64>,
    mse: Option<f64>,
    psnr_y: Option<f64>,
    psnr_yuv: Option<f64>,
    msssim: Option<f64>,
    ssimulacra2: Option<f64>,
    butteraugli: Option<f64>,
    butteraugli_3norm: Option<f64>,
    enc_s: Option<f64>,
    dec_s: Option<f64>,
}

/// Reads a table with a line for each picture, setting and codec.
pub(super) fn parse(text: &str) -> Result<Vec<Anchor>, AnchorError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    if header.is_empty() {
        return Err(AnchorError::Empty);
    }
    for column in ["codec", "image", "q", "bpp", "psnr"] {
        if !header.iter().any(|field| field == column) {
            return Err(AnchorError::Column(column));
        }
    }
    let mut codecs: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for record in reader.records() {
        let record = record?;
        let number = record.position().map_or(0, csv::Position::line);
        let line: Line = record
            .deserialize(Some(&header))
            .map_err(|source| AnchorError::Line {
                line: number,
                source,
            })?;
        if !seen.insert((line.codec.clone(), line.q.to_bits(), line.image.clone())) {
            return Err(AnchorError::Twice {
                line: number,
                codec: line.codec,
                q: line.q,
                image: line.image,
            });
        }
        codecs.entry(line.codec).or_default().push(Row {
            image: line.image,
            q: line.q,
            bytes: line.bytes.unwrap_or(0),
            bpp: line.bpp,
            quality: Quality {
                psnr: line.psnr,
                mse: line.mse,
                psnr_of_mean_mse: None,
                psnr_y: line.psnr_y,
                psnr_yuv: line.psnr_yuv,
                msssim: line.msssim,
                ssimulacra2: line.ssimulacra2,
                butteraugli: line.butteraugli,
                butteraugli_3norm: line.butteraugli_3norm,
            },
            times: Times {
                enc_s: line.enc_s,
                dec_s: line.dec_s,
                ..Times::default()
            },
        });
    }
    Ok(codecs
        .into_iter()
        .map(|(name, rows)| Anchor {
            name,
            version: String::new(),
            command: String::new(),
            data: Data::Pictures(rows),
        })
        .collect())
}
