//! The interface of a codec that can be measured: anything that turns 8-bit RGB into a file and back.

mod error;
mod measure;

use std::time::Instant;

use image::RgbImage;

use crate::results::{CodecResults, Cost, Origin, Row, Stages, points};

pub use error::CodecError;
pub use measure::{measure_row, measure_times, nearest_size};

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
    /// What the setting is called, such as `quality`.
    pub setting: String,
    /// Everything that the files depend on. Rows of an interrupted run are taken up again only by a codec of equal
    /// identity.
    pub identity: String,
    /// Codecs with trained weights: which ones.
    pub decoder_set: Option<String>,
    /// Learned codecs: what their networks cost.
    pub cost: Option<Cost>,
}

impl About {
    /// The results of the codec: its rows, and their means over exactly `pictures` (names).
    pub fn results(&self, rows: Vec<Row>, pictures: &[String]) -> CodecResults {
        CodecResults {
            name: self.name.clone(),
            origin: self.origin,
            version: self.version.clone(),
            command: self.command.clone(),
            setting: self.setting.clone(),
            decoder_set: self.decoder_set.clone(),
            cost: self.cost,
            memory: Vec::new(),
            points: points(&rows, pictures),
            rows,
        }
    }
}

/// What a codec made, and how long that took.
#[derive(Clone, Debug)]
pub struct Timed<T> {
    /// The file, or the decoded picture.
    pub value: T,
    /// Seconds between pixels in memory and bytes in memory; for a tool, the wall time of its process.
    pub seconds: f64,
    /// Parts of `seconds`; empty for codecs that do not tell their stages.
    pub stages: Stages,
}

impl<T> Timed<T> {
    /// A result that took `seconds`, without stages.
    pub fn new(value: T, seconds: f64) -> Self {
        Self {
            value,
            seconds,
            stages: Stages::new(),
        }
    }

    /// Runs `work` and takes its time.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn run<E>(work: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        let started = Instant::now();
        let value = work()?;
        Ok(Self::new(value, started.elapsed().as_secs_f64()))
    }
}

/// An encoder and its decoder. Both are called from several threads at once.
pub trait Codec: Sync {
    /// What results say of the codec.
    fn about(&self) -> &About;

    /// Encodes a picture at a setting, whose meaning [`About::setting`] names.
    ///
    /// # Errors
    /// The setting or the size of the picture is not allowed, or the codec fails.
    fn encode(&self, picture: &RgbImage, q: f64) -> Result<Timed<Vec<u8>>, CodecError>;

    /// Decodes a file that [`encode`](Self::encode) made. `size` is width and height of the picture in pixels, for
    /// formats that do not store it.
    ///
    /// # Errors
    /// The file is damaged, or the codec fails.
    fn decode(&self, bytes: &[u8], size: (u32, u32)) -> Result<Timed<RgbImage>, CodecError>;
}
