//! The results of one codec: its curve, and the files behind it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::curves::{Curve, CurveError, Point};
use crate::metrics::{Metric, Quality};

/// Seconds by the name of a stage.
pub type Stages = BTreeMap<String, f64>;

/// Where a curve comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The codec under test. Written as `kiln`, its name in version 1 of the schema.
    #[serde(rename = "kiln")]
    Own,
    /// Another codec, measured in the same run.
    Live,
    /// A file of anchors. Such a curve may have points alone, without rows.
    File,
}

/// One codec: its curve, and the files behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodecResults {
    /// Unique among `codecs`.
    pub name: String,
    /// Where the curve comes from.
    pub origin: Origin,
    /// Version of the codec, or the source of a published curve. May be empty.
    #[serde(default)]
    pub version: String,
    /// What ran, with `Q` for the setting. May be empty.
    #[serde(default)]
    pub command: String,
    /// What a setting `q` is called, such as `level` or `quality`.
    #[serde(default)]
    pub setting: String,
    /// kiln: the decoder set of its weights, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder_set: Option<String>,
    /// Learned codecs: what their networks cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Peak memory, where it was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<Memory>,
    /// Means over the pictures, sorted by rate.
    pub points: Vec<MeanPoint>,
    /// One for every picture and setting; none for curves that are known as means only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
}

impl CodecResults {
    /// The curve over a metric, through those points that have it.
    ///
    /// # Errors
    /// Fewer than two points have the metric, two of them share one value, or a value is not finite.
    pub fn curve(&self, metric: Metric) -> Result<Curve, CurveError> {
        let points = self.points.iter().filter_map(|point| {
            let quality = metric.of(&point.quality)?;
            Some(Point {
                bpp: point.bpp,
                quality,
            })
        });
        Curve::new(points.collect())
    }
}

/// Arithmetic of the networks, in thousands of multiply-accumulate operations per picture pixel, counted from the
/// sizes of the layers for a picture of whole cells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Everything the encoder runs, its entropy networks included.
    pub encode_kmac_per_pixel: f64,
    /// Everything the decoder runs.
    pub decode_kmac_per_pixel: f64,
}

/// Peak resident memory of a process that encodes or decodes one picture and does nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Name of the picture.
    pub image: String,
    /// The setting.
    pub q: f64,
    /// Bytes, of the process that encodes.
    pub encode_bytes: u64,
    /// Bytes, of the process that decodes.
    pub decode_bytes: u64,
}

/// Seconds of one picture, or a mean, from the pass in which nothing else runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Seconds to encode, from pixels to bytes. For a tool: the wall time of its process.
    pub enc_s: Option<f64>,
    /// Seconds to decode, from bytes to pixels. For a tool: the wall time of its process.
    pub dec_s: Option<f64>,
    /// Parts of `enc_s`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub encode_stages: Stages,
    /// Parts of `dec_s`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decode_stages: Stages,
}

/// One picture at one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the picture.
    pub image: String,
    /// The setting, such as kiln's level or the quality of JPEG.
    pub q: f64,
    /// Length of the file.
    pub bytes: u64,
    /// Bits of the file per pixel.
    pub bpp: f64,
    /// Distortion.
    #[serde(flatten)]
    pub quality: Quality,
    /// Speed; absent values until the timing pass has run.
    #[serde(flatten)]
    pub times: Times,
}

/// Means over all pictures at one setting: a point of a curve, with all its measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanPoint {
    /// The setting, where the curve knows it.
    pub q: Option<f64>,
    /// Number of pictures.
    pub n_images: usize,
    /// Mean of bits per pixel.
    pub bpp: f64,
    /// Means of distortion.
    #[serde(flatten)]
    pub quality: Quality,
    /// Means of speed.
    #[serde(flatten)]
    pub times: Times,
}
