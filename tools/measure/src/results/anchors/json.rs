//! Anchors in JSON files.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Anchor, AnchorError, Data, KODAK, from_results};
use crate::metrics::Quality;
use crate::results::{MeanPoint, Results, Times};

/// A codec in a JSON file of anchors; keys that are not needed are ignored.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Measured {
        #[serde(default)]
        version: String,
        #[serde(default)]
        cmd: String,
        points: Vec<Measured>,
        #[serde(default)]
        points_subset8: Vec<Measured>,
    },
    Published {
        #[serde(default)]
        source: String,
        #[serde(flatten)]
        lists: Lists,
    },
}

#[derive(Deserialize)]
struct Measured {
    q: Option<f64>,
    n_images: usize,
    bpp: f64,
    psnr: f64,
    msssim: Option<f64>,
    enc_s: Option<f64>,
    dec_s: Option<f64>,
}

/// A published curve: one entry for each point.
#[derive(Deserialize)]
struct Lists {
    bpp: Vec<f64>,
    #[serde(alias = "psnr-rgb")]
    psnr: Option<Vec<f64>>,
    psnr_of_mean_mse: Option<Vec<f64>>,
    #[serde(rename = "ms-ssim", alias = "ms-ssim-rgb")]
    ms_ssim: Option<Vec<f64>>,
    #[serde(rename = "ms-ssim-db")]
    ms_ssim_db: Option<Vec<f64>>,
    encoding_time: Option<Vec<f64>>,
    decoding_time: Option<Vec<f64>>,
}

/// A file of CompressAI: one curve, over all of Kodak.
#[derive(Deserialize)]
struct CompressAi {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    results: Lists,
}

/// Reads a JSON file of any of the known forms.
pub(super) fn parse(text: &str) -> Result<Vec<Anchor>, AnchorError> {
    let top: BTreeMap<String, Value> = serde_json::from_str(text).map_err(AnchorError::NotJson)?;
    if top.contains_key("schema") {
        let top = Value::Object(top.into_iter().collect());
        return Ok(from_results(Results::from_value(top)?));
    }
    if top
        .get("results")
        .is_some_and(|results| results.get("bpp").is_some())
    {
        let curve: CompressAi = serde_json::from_str(text).map_err(AnchorError::CompressAi)?;
        let anchor = anchor(curve.name, curve.description, &curve.results)?;
        return Ok(vec![anchor]);
    }
    top.into_iter()
        .map(|(name, value)| match serde_json::from_value(value) {
            Ok(Entry::Published { source, lists }) => anchor(name, source, &lists),
            Ok(Entry::Measured {
                version,
                cmd,
                points,
                points_subset8,
            }) => Ok(Anchor {
                data: Data::Means(points.iter().chain(&points_subset8).map(point).collect()),
                name,
                version,
                command: cmd,
            }),
            Err(source) => Err(AnchorError::Entry { name, source }),
        })
        .collect()
}

/// A published curve.
fn anchor(name: String, version: String, lists: &Lists) -> Result<Anchor, AnchorError> {
    match lists.points() {
        Some(points) => Ok(Anchor {
            name,
            version,
            command: String::new(),
            data: Data::Means(points),
        }),
        None => Err(AnchorError::Lengths(name)),
    }
}

fn point(point: &Measured) -> MeanPoint {
    MeanPoint {
        q: point.q,
        n_images: point.n_images,
        bpp: point.bpp,
        quality: Quality {
            psnr: Some(point.psnr),
            msssim: point.msssim,
            ..Quality::default()
        },
        times: Times {
            enc_s: point.enc_s,
            dec_s: point.dec_s,
            ..Times::default()
        },
    }
}

impl Lists {
    /// The points; published curves are means over all of Kodak. `None` if a list of qualities is not as long as that
    /// of rates. Lists of times may have another length, because some sources have gaps in them; they are then left
    /// out.
    fn points(&self) -> Option<Vec<MeanPoint>> {
        let fits = |list: &Option<Vec<f64>>| {
            list.as_ref()
                .is_none_or(|list| list.len() == self.bpp.len())
        };
        let measures = [
            &self.psnr,
            &self.psnr_of_mean_mse,
            &self.ms_ssim,
            &self.ms_ssim_db,
        ];
        if !measures.into_iter().all(fits) {
            return None;
        }
        let at = |list: &Option<Vec<f64>>, index: usize| {
            list.as_ref()
                .filter(|list| list.len() == self.bpp.len())
                .and_then(|list| list.get(index).copied())
        };
        let points = self.bpp.iter().enumerate().map(|(index, &bpp)| MeanPoint {
            q: None,
            n_images: KODAK,
            bpp,
            quality: Quality {
                psnr: at(&self.psnr, index),
                psnr_of_mean_mse: at(&self.psnr_of_mean_mse, index),
                msssim: at(&self.ms_ssim, index)
                    .or_else(|| at(&self.ms_ssim_db, index).map(|db| 1.0 - 10f64.powf(-db / 10.0))),
                ..Quality::default()
            },
            times: Times {
                enc_s: at(&self.encoding_time, index),
                dec_s: at(&self.decoding_time, index),
                ..Times::default()
            },
        });
        Some(points.collect())
    }
}
