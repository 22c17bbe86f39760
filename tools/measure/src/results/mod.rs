//! Results of benchmarks as data: the content of `results.json`, described for readers of the file in
//! `benches/RESULTS.md`.
//!
//! Every curve has one form, [`CodecResults`], wherever it comes from: the codec under test, codecs measured in the
//! same run, and curves read from files ([`anchors`]). Names of fields are those of `benches/anchors`.
//!
//! Comparing two published curves, which are means over the 24 pictures of Kodak:
//!
//! ```
//! use kiln_measure::metrics::Metric;
//! use kiln_measure::results::{Outcome, anchors, compare};
//!
//! let file = r#"{
//!     "old": {"bpp": [0.2, 0.5, 1.1], "psnr": [28.5, 32.2, 36.4]},
//!     "new": {"bpp": [0.1, 0.3, 0.7], "psnr": [27.3, 31.6, 35.8]}
//! }"#;
//! let kodak: Vec<String> = (1..=24).map(|number| format!("kodim{number:02}")).collect();
//! let anchors = anchors::parse(file)?;
//! let curves: Vec<_> = anchors.iter().filter_map(|anchor| anchor.over(&kodak)).collect();
//!
//! let comparisons = compare(&curves, Some("old"));
//! assert_eq!((comparisons[0].codec.as_str(), comparisons[0].metric), ("new", Metric::Psnr));
//! assert!(matches!(comparisons[0].rate, Outcome::Delta { value, .. } if value < -20.0));
//! # Ok::<(), anchors::AnchorError>(())
//! ```

pub mod anchors;
mod codec;
mod comparison;
mod compressai;
mod csv;
mod machine;
mod means;
mod table;

#[cfg(test)]
pub(crate) mod fixtures;

use serde::{Deserialize, Serialize};

pub use codec::{CodecResults, Cost, MeanPoint, Memory, Origin, Row, Stages, Times};
pub use comparison::{Comparison, Outcome, compare};
pub use compressai::to_compressai;
pub use csv::to_csv;
pub use machine::{Machine, peak_memory};
pub use means::points;
pub use table::tables;

/// Value of [`Results::schema`] that this version writes and reads.
pub const SCHEMA: &str = "kiln-bench/1";

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
    /// All curves: those of the codec under test first, then what was measured in the same run, then what came from
    /// files.
    pub codecs: Vec<CodecResults>,
    /// Bjøntegaard deltas of pairs of `codecs`.
    pub comparisons: Vec<Comparison>,
    /// Codecs that were asked for and could not be measured.
    pub skipped: Vec<Skipped>,
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

/// A codec that was asked for and could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Name of the codec.
    pub codec: String,
    /// Why.
    pub reason: String,
}

/// Why a text does not hold results, or why results cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The text is not JSON.
    #[error("not a JSON file")]
    NotJson(#[source] serde_json::Error),
    /// The JSON names no schema, so it is something else.
    #[error("not the results of `kiln bench`: there is no field `schema`")]
    NoSchema,
    /// The schema is another one.
    #[error("results of the form {0} cannot be read, only those of {SCHEMA}")]
    OtherSchema(String),
    /// The schema is right, and a field is missing or wrong.
    #[error("damaged results")]
    Damaged(#[source] serde_json::Error),
    /// The results cannot be written in the form asked for.
    #[error("cannot write the results")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Results {
    /// Reads the content of `results.json`.
    ///
    /// # Errors
    /// The text is not JSON, has another schema than [`SCHEMA`] or none, or is damaged.
    pub fn from_json(text: &str) -> Result<Self, ResultsError> {
        Self::from_value(serde_json::from_str(text).map_err(ResultsError::NotJson)?)
    }

    /// Looks at the schema first: a reader of another form would complain about some field.
    fn from_value(value: serde_json::Value) -> Result<Self, ResultsError> {
        match value.get("schema") {
            None => Err(ResultsError::NoSchema),
            Some(schema) if schema != SCHEMA => Err(ResultsError::OtherSchema(
                schema
                    .as_str()
                    .map_or_else(|| schema.to_string(), str::to_owned),
            )),
            Some(_) => serde_json::from_value(value).map_err(ResultsError::Damaged),
        }
    }

    /// The content of `results.json`.
    ///
    /// # Errors
    /// A number cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, ResultsError> {
        let text = serde_json::to_string_pretty(self);
        Ok(text.map_err(|error| ResultsError::Write(error.into()))? + "\n")
    }

    /// Names of the pictures, in their order.
    pub fn picture_names(&self) -> Vec<String> {
        self.pictures
            .iter()
            .map(|picture| picture.name.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Quality;

    #[test]
    fn results_come_back() {
        let mut results = fixtures::results();
        // Numbers of few digits: reading may change the last bit of others.
        for codec in &mut results.codecs {
            for point in &mut codec.points {
                point.quality = Quality {
                    psnr: Some(30.5),
                    ..Quality::default()
                };
                point.times = Times::default();
            }
            codec.rows.clear();
        }
        let text = results.to_json().unwrap();
        assert!(text.contains("\"origin\": \"kiln\"") && text.ends_with("}\n"));
        assert_eq!(Results::from_json(&text).unwrap(), results);
    }

    #[test]
    fn what_holds_no_results_is_told_apart() {
        let error = |text| Results::from_json(text).unwrap_err();
        assert!(matches!(error("hello"), ResultsError::NotJson(_)));
        assert!(matches!(error("{}"), ResultsError::NoSchema));
        assert!(matches!(error("[1]"), ResultsError::NoSchema));
        let other = error("{\"schema\": \"kiln-bench/9\"}").to_string();
        assert!(
            other.contains("kiln-bench/9") && other.contains(SCHEMA),
            "{other}"
        );
        assert!(matches!(
            error("{\"schema\": \"kiln-bench/1\"}"),
            ResultsError::Damaged(_)
        ));
    }
}
