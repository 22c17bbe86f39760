//! Results as data: what `results.json` holds. Described for its readers in `benches/RESULTS.md`.
//!
//! Every curve has one form, [`CodecResults`]: kiln, codecs measured in the same run, and curves read from files. Field
//! names are those of the anchors in `benches/anchors`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Value of [`Results::schema`] that this version writes and reads.
pub const SCHEMA: &str = "kiln-bench/1";

/// Seconds by stage.
pub type Stages = BTreeMap<String, f64>;

/// Everything that `results.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    /// Program and version, such as `kiln 0.1.0`.
    pub program: String,
    /// Name of the data set.
    pub dataset: String,
    /// Where this was measured.
    pub machine: Machine,
    /// The pictures, sorted by name. Every mean is over all of them.
    pub pictures: Vec<PictureInfo>,
    /// All curves: kiln first, then what was measured live, then what came from files.
    pub codecs: Vec<CodecResults>,
    /// Bjøntegaard deltas of pairs of `codecs`.
    pub comparisons: Vec<Comparison>,
    /// Codecs that were asked for and could not be measured.
    pub skipped: Vec<Skipped>,
}

/// What times depend on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system, such as `linux`.
    pub os: String,
    /// Architecture, such as `x86_64`.
    pub arch: String,
    /// Name of the processor, where the system tells it.
    pub cpu: Option<String>,
    /// Threads that kiln used.
    pub threads: usize,
    /// Device that the networks ran on.
    pub device: String,
}

/// A picture of the data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureInfo {
    /// File name without folder and extension.
    pub name: String,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
}

/// Where a curve comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// This program.
    Kiln,
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
    /// kiln only: the decoder set, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder_set: Option<String>,
    /// kiln only: what the networks cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Peak memory, where it was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<Memory>,
    /// Means over the pictures, sorted by rate.
    pub points: Vec<Point>,
    /// One for every picture and setting; none for curves that are known as means only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
}

/// Arithmetic of the networks, in thousands of multiply-accumulate operations per picture pixel, counted from the sizes
/// of the layers for a picture of whole cells.
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

/// Distortion of one decoded 8-bit RGB picture, or a mean. Absent: not measured, or the picture is too small for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// PSNR over all samples of RGB, in decibels, at most 100. In a mean: the mean of the pictures' values.
    pub psnr: Option<f64>,
    /// Mean squared error over all samples of RGB, on the scale of 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mse: Option<f64>,
    /// In a mean: PSNR of the mean of `mse`, in decibels. Absent in rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr_of_mean_mse: Option<f64>,
    /// PSNR of luma, in decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr_y: Option<f64>,
    /// (6 Y + Cb + Cr) / 8 of the PSNR of the planes, in decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psnr_yuv: Option<f64>,
    /// MS-SSIM on RGB, up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msssim: Option<f64>,
    /// SSIMULACRA2, up to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssimulacra2: Option<f64>,
    /// Butteraugli distance, maximum norm; 0 is equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub butteraugli: Option<f64>,
    /// Butteraugli distance, 3-norm; 0 is equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub butteraugli_3norm: Option<f64>,
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
    /// The setting: kiln's level, or the other codec's quality.
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

/// Means over all pictures at one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
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

/// A measure that curves are compared over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean of PSNR on RGB.
    Psnr,
    /// PSNR of the mean squared error.
    PsnrOfMeanMse,
    /// Mean of (6 Y + Cb + Cr) / 8.
    PsnrYuv,
    /// MS-SSIM, in decibels of its distance from 1.
    Msssim,
    /// SSIMULACRA2.
    Ssimulacra2,
    /// Butteraugli, 3-norm, negated so that higher is better.
    #[serde(rename = "butteraugli_3norm")]
    Butteraugli3norm,
}

impl Metric {
    /// Every metric, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Psnr,
        Self::PsnrOfMeanMse,
        Self::PsnrYuv,
        Self::Msssim,
        Self::Ssimulacra2,
        Self::Butteraugli3norm,
    ];

    /// The value that curves are drawn and compared over: higher is better.
    pub fn of(self, quality: &Quality) -> Option<f64> {
        match self {
            Self::Psnr => quality.psnr,
            Self::PsnrOfMeanMse => quality.psnr_of_mean_mse,
            Self::PsnrYuv => quality.psnr_yuv,
            Self::Msssim => quality.msssim.map(|value| -10.0 * (1.0 - value).log10()),
            Self::Ssimulacra2 => quality.ssimulacra2,
            Self::Butteraugli3norm => quality.butteraugli_3norm.map(|value| -value),
        }
    }

    /// Name for tables and axes.
    pub fn label(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR",
            Self::PsnrOfMeanMse => "PSNR of mean MSE",
            Self::PsnrYuv => "PSNR YUV 6:1:1",
            Self::Msssim => "MS-SSIM",
            Self::Ssimulacra2 => "SSIMULACRA2",
            Self::Butteraugli3norm => "Butteraugli 3-norm",
        }
    }

    /// Unit of [`of`](Self::of); empty for a bare number.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Psnr | Self::PsnrOfMeanMse | Self::PsnrYuv | Self::Msssim => "dB",
            Self::Ssimulacra2 | Self::Butteraugli3norm => "",
        }
    }
}

/// One codec against another over one metric. Both are names in `codecs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The codec judged.
    pub codec: String,
    /// The codec it is compared with.
    pub anchor: String,
    /// Over what.
    pub metric: Metric,
    /// BD-rate in per cent; negative: fewer bytes at equal quality. The range is of quality.
    pub rate: Outcome,
    /// BD-quality in units of the metric (BD-PSNR in decibels); positive: better at equal rate. The range is of bits per
    /// pixel.
    pub quality: Outcome,
}

/// A Bjøntegaard delta, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// The curves overlap.
    Delta {
        /// The delta.
        value: f64,
        /// Start of the range that both curves cover.
        low: f64,
        /// End of that range.
        high: f64,
    },
    /// There is nothing to compare.
    None {
        /// Why.
        reason: String,
    },
}

/// A codec that was asked for and could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Name of the codec.
    pub codec: String,
    /// Why.
    pub reason: String,
}
