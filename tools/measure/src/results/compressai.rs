//! Curves in the form that CompressAI publishes its own in.

use serde::Serialize;

use super::ResultsError;
use super::codec::{CodecResults, MeanPoint};

/// The curve of a codec as `compressai.utils.plot` reads it, as JSON.
///
/// # Errors
/// A number cannot be written as JSON.
pub fn to_compressai(codec: &CodecResults, dataset: &str) -> Result<String, ResultsError> {
    let text = serde_json::to_string_pretty(&Plot::new(codec, dataset));
    Ok(text.map_err(|error| ResultsError::Write(error.into()))? + "\n")
}

/// A file of CompressAI: one curve.
#[derive(Serialize)]
struct Plot<'a> {
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

/// One entry for each point. A list that would have gaps is left out.
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

impl<'a> Plot<'a> {
    fn new(codec: &'a CodecResults, dataset: &'a str) -> Self {
        let list = |of: fn(&MeanPoint) -> Option<f64>| codec.points.iter().map(of).collect();
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
mod tests {
    use super::*;
    use crate::results::Origin;
    use crate::results::fixtures::{codec_of, row};

    #[test]
    fn compressai_gets_its_keys_and_no_gaps() {
        let rows = vec![
            row("a", 1.0, 1.0, 30.0, Some(0.9)),
            row("a", 2.0, 2.0, 33.0, None),
        ];
        let codec = codec_of("kiln", Origin::Own, rows);
        let value =
            serde_json::from_str::<serde_json::Value>(&to_compressai(&codec, "kodak").unwrap())
                .unwrap();
        assert_eq!(value["results"]["bpp"], serde_json::json!([1.0, 2.0]));
        assert_eq!(
            value["results"]["psnr-rgb"],
            serde_json::json!([30.0, 33.0])
        );
        assert!(value["results"].get("ms-ssim-rgb").is_none() && value["name"] == "kiln");
    }
}
