//! What the benchmark measures: anything that turns 8-bit RGB into a file and back.

use std::ffi::OsString;

use image::RgbImage;

use super::results::{Cost, Origin, Stages};

/// What results say of a codec.
#[derive(Clone, Debug)]
pub struct About {
    /// Name of its curve.
    pub name: String,
    /// Where the curve comes from.
    pub origin: Origin,
    /// Version of the codec.
    pub version: String,
    /// What runs, with `Q` for the setting.
    pub command: String,
    /// What the setting is called.
    pub setting: &'static str,
    /// Names everything that the files depend on, so that rows of an interrupted run are taken up by the same codec only.
    pub identity: String,
    /// kiln only: 16 hexadecimal digits.
    pub decoder_set: Option<String>,
    /// kiln only: what the networks cost.
    pub cost: Option<Cost>,
}

/// A file and how long it took.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The file, all of it.
    pub bytes: Vec<u8>,
    /// From pixels in memory to bytes; for a tool, the wall time of its process.
    pub seconds: f64,
    /// Parts of it.
    pub stages: Stages,
}

impl Encoded {
    /// Of a codec that does not tell its stages.
    pub fn without_stages((bytes, seconds): (Vec<u8>, f64)) -> Self {
        Self {
            bytes,
            seconds,
            stages: Stages::new(),
        }
    }
}

/// A picture and how long it took.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// 8-bit RGB.
    pub picture: RgbImage,
    /// From bytes to pixels in memory; for a tool, the wall time of its process.
    pub seconds: f64,
    /// Parts of it.
    pub stages: Stages,
}

impl Decoded {
    /// Of a codec that does not tell its stages.
    pub fn without_stages((picture, seconds): (RgbImage, f64)) -> Self {
        Self {
            picture,
            seconds,
            stages: Stages::new(),
        }
    }
}

/// An encoder and its decoder.
pub trait Codec: Sync {
    /// What results say of it.
    fn about(&self) -> &About;

    /// Encodes at a setting.
    fn encode(&self, picture: &RgbImage, q: f64) -> anyhow::Result<Encoded>;

    /// Decodes a file of [`encode`](Self::encode). `size` is that of the picture, for formats that do not say it.
    fn decode(&self, bytes: &[u8], size: (u32, u32)) -> anyhow::Result<Decoded>;

    /// Arguments with which `kiln bench-one` opens this codec in a process of its own; `None` for tools, which are
    /// processes already.
    fn in_child(&self) -> Option<Vec<OsString>> {
        None
    }
}

/// Runs `work` and tells its seconds.
pub fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
    let started = std::time::Instant::now();
    let value = work()?;
    Ok((value, started.elapsed().as_secs_f64()))
}
