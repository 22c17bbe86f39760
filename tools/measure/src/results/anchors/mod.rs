//! Anchors: curves of other codecs, and of earlier runs, from files.
//!
//! Means are only ever compared over the same pictures. So an anchor either knows every picture by name, or states how
//! many Kodak pictures its means are over: all 24, or the subset of 8 that `benches/anchors/README.md` names.

mod csv;
mod json;

use super::{CodecResults, MeanPoint, Origin, Results, ResultsError, Row, means};

/// The Kodak pictures that every measured codec has a second mean over.
const SUBSET_OF_8: [&str; 8] = [
    "kodim01", "kodim05", "kodim08", "kodim13", "kodim15", "kodim19", "kodim20", "kodim23",
];
/// All Kodak pictures.
const KODAK: usize = 24;

/// A codec to compare with.
#[derive(Debug)]
pub struct Anchor {
    /// Name of the codec.
    pub name: String,
    version: String,
    command: String,
    data: Data,
}

#[derive(Debug)]
enum Data {
    /// Means over stated sets of Kodak pictures.
    Means(Vec<MeanPoint>),
    /// Every picture at every setting.
    Pictures(Vec<Row>),
}

impl Anchor {
    /// The curve over exactly `pictures` (names, sorted), or `None` if the anchor has no values for these very
    /// pictures.
    pub fn over(&self, pictures: &[String]) -> Option<CodecResults> {
        let (points, rows) = match &self.data {
            Data::Means(means) => {
                let size = kodak_set(pictures)?;
                let mut points: Vec<MeanPoint> = means
                    .iter()
                    .filter(|point| point.n_images == size)
                    .cloned()
                    .collect();
                points.sort_by(|a, b| a.bpp.total_cmp(&b.bpp));
                (points, Vec::new())
            }
            Data::Pictures(rows) => {
                let points = means::points(rows, pictures);
                let settings: Vec<f64> = points.iter().filter_map(|point| point.q).collect();
                let of_these =
                    |row: &&Row| pictures.contains(&row.image) && settings.contains(&row.q);
                (points, rows.iter().filter(of_these).cloned().collect())
            }
        };
        (!points.is_empty()).then(|| CodecResults {
            name: self.name.clone(),
            origin: Origin::File,
            version: self.version.clone(),
            command: self.command.clone(),
            setting: String::new(),
            decoder_set: None,
            cost: None,
            memory: Vec::new(),
            points,
            rows,
        })
    }
}

/// Which of the two sets of Kodak pictures these are, by its size.
fn kodak_set(pictures: &[String]) -> Option<usize> {
    let all = (1..=KODAK).map(|number| format!("kodim{number:02}"));
    if all.eq(pictures.iter().cloned()) {
        Some(KODAK)
    } else if SUBSET_OF_8.iter().eq(pictures) {
        Some(SUBSET_OF_8.len())
    } else {
        None
    }
}

/// Why a text holds no anchors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The text begins as JSON does, and is not JSON.
    #[error("not a JSON file")]
    NotJson(#[source] serde_json::Error),
    /// The file names a schema of results, and they cannot be read.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A curve of CompressAI lacks fields or has wrong ones.
    #[error("damaged curve of CompressAI")]
    CompressAi(#[source] serde_json::Error),
    /// A codec of a JSON file has none of the known forms.
    #[error("`{name}` has neither `points` nor lists `bpp` and `psnr`")]
    Entry {
        /// The key of the codec.
        name: String,
        /// What the reader says.
        source: serde_json::Error,
    },
    /// The lists of a curve have different lengths.
    #[error("the curve `{0}` has lists of different lengths")]
    Lengths(String),
    /// The file holds nothing.
    #[error("the file is empty")]
    Empty,
    /// A CSV file without one of the columns that are needed.
    #[error(
        "the first line does not name the column `{0}`; a CSV file of anchors has codec, image, q, bpp and psnr"
    )]
    Column(&'static str),
    /// A line of a CSV file cannot be read.
    #[error("line {line}")]
    Line {
        /// Number of the line, from 1.
        line: u64,
        /// What the reader says.
        source: ::csv::Error,
    },
    /// A CSV file cannot be read.
    #[error("damaged table")]
    Csv(#[from] ::csv::Error),
    /// A codec has a picture twice at one setting.
    #[error("line {line}: {codec} at {q} has {image} twice")]
    Twice {
        /// Number of the second line, from 1.
        line: u64,
        /// Name of the codec.
        codec: String,
        /// The setting.
        q: f64,
        /// Name of the picture.
        image: String,
    },
}

/// Reads anchors of any kind: `kodak_measured.json` and `kodak_published.json` of `benches/anchors`, `results.json` or
/// `results.csv` of an earlier run, another CSV file with a row for each picture, or a curve of CompressAI.
///
/// # Errors
/// The text has none of these forms, or is damaged.
pub fn parse(text: &str) -> Result<Vec<Anchor>, AnchorError> {
    if text.trim_start().starts_with('{') {
        json::parse(text)
    } else {
        csv::parse(text)
    }
}

/// Every curve of an earlier run. Those of trained weights carry their decoder set, so that runs with different
/// weights differ in name.
fn from_results(results: Results) -> Vec<Anchor> {
    let known = kodak_set(&results.picture_names()).is_some();
    results
        .codecs
        .into_iter()
        // Means without rows cannot be told from means over other pictures.
        .filter(|codec| known || !codec.rows.is_empty())
        .map(|codec| Anchor {
            name: match &codec.decoder_set {
                Some(set) => format!("{} ({set})", codec.name),
                None => codec.name,
            },
            version: codec.version,
            command: codec.command,
            data: if codec.rows.is_empty() {
                Data::Means(codec.points)
            } else {
                Data::Pictures(codec.rows)
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures::{codec_of, row};
    use crate::results::{Machine, PictureInfo, SCHEMA, to_csv};
    use std::error::Error;

    const MEASURED: &str = include_str!("../../../../../benches/anchors/kodak_measured.json");
    const PUBLISHED: &str = include_str!("../../../../../benches/anchors/kodak_published.json");

    fn kodak() -> Vec<String> {
        (1..=24).map(|number| format!("kodim{number:02}")).collect()
    }

    fn over_kodak(text: &str, name: &str) -> CodecResults {
        let anchors = parse(text).unwrap();
        let anchor = anchors.iter().find(|anchor| anchor.name == name);
        anchor.unwrap().over(&kodak()).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn means_serve_only_their_own_pictures() {
        let anchors = parse(MEASURED).unwrap();
        let vtm = anchors
            .iter()
            .find(|anchor| anchor.name == "vtm_444_10b")
            .unwrap();
        assert_eq!(vtm.over(&kodak()).unwrap().points.len(), 4);
        let subset = vtm.over(&names(&SUBSET_OF_8)).unwrap();
        assert_eq!((subset.points.len(), subset.points[0].q), (5, Some(42.0)));
        for other in [&kodak()[..23], &names(&["kodim01"]), &[]] {
            assert_eq!(vtm.over(other), None);
        }
    }

    #[test]
    fn decibels_of_ms_ssim_are_undone() {
        let curve = over_kodak(PUBLISHED, "dcae_msssim");
        let msssim = curve.points[0].quality.msssim.unwrap();
        assert!((0.9..1.0).contains(&msssim), "{msssim}");
        assert_eq!(curve.points[0].quality.psnr, None);
    }

    #[test]
    fn csv_gives_means_over_any_pictures_all_of_which_it_has() {
        let rows = vec![
            row("a", 1.0, 1.0, 30.0, Some(0.9)),
            row("b", 1.0, 3.0, 34.0, None),
            row("a", 2.0, 2.0, 40.0, Some(0.99)),
            row("b", 2.0, 4.0, 42.0, Some(0.97)),
            row("a", 3.0, 9.0, 50.0, Some(0.999)),
        ];
        let codec = codec_of("kiln, \"old\"", Origin::Own, rows.clone());
        let text = String::from_utf8(to_csv(&[codec]).unwrap()).unwrap();
        let anchors = parse(&text).unwrap();
        assert_eq!(anchors[0].name, "kiln, \"old\"");
        let both = anchors[0].over(&names(&["a", "b"])).unwrap();
        let points: Vec<_> = both
            .points
            .iter()
            .map(|p| (p.bpp, p.quality.psnr))
            .collect();
        assert_eq!(points, [(2.0, Some(32.0)), (3.0, Some(41.0))]);
        assert_eq!(both.rows, rows[..4]);
        assert_eq!(anchors[0].over(&names(&["a"])).unwrap().points.len(), 3);
        assert_eq!(anchors[0].over(&names(&["c"])), None);
    }

    #[test]
    fn results_are_anchors() {
        let rows = vec![
            row("a", 1.0, 1.0, 30.0, None),
            row("a", 2.0, 2.0, 40.0, None),
        ];
        let mut kiln = codec_of("kiln", Origin::Own, rows.clone());
        kiln.decoder_set = Some("00ff".into());
        let mut bare = codec_of("bare", Origin::File, rows);
        bare.rows.clear();
        let mut results = Results {
            schema: SCHEMA.into(),
            program: "kiln 1".into(),
            dataset: "x".into(),
            machine: Machine::default(),
            pictures: vec![PictureInfo {
                name: "a".into(),
                width: 8,
                height: 8,
                sha256: String::new(),
            }],
            codecs: vec![kiln, bare],
            comparisons: Vec::new(),
            skipped: Vec::new(),
        };
        let anchors = parse(&serde_json::to_string(&results).unwrap()).unwrap();
        assert_eq!(anchors.len(), 1);
        assert_eq!(anchors[0].name, "kiln (00ff)");
        assert_eq!(anchors[0].over(&names(&["a"])).unwrap().points.len(), 2);
        results.schema = "kiln-bench/9".into();
        let error = parse(&serde_json::to_string(&results).unwrap()).unwrap_err();
        assert!(error.to_string().contains("kiln-bench/9"), "{error}");
    }

    #[test]
    fn a_curve_of_compressai_is_an_anchor() {
        let text = r#"{"name": "x", "description": "d", "results":
            {"bpp": [0.1, 0.2], "psnr-rgb": [28.0, 30.0], "ms-ssim-rgb": [0.9, 0.95]}}"#;
        let curve = over_kodak(text, "x");
        assert_eq!(curve.points[1].quality.msssim, Some(0.95));
        assert_eq!(curve.points[1].quality.psnr, Some(30.0));
    }

    #[test]
    fn damage_is_located() {
        let messages = [
            ("{\"x\": {}}", "`x`"),
            (
                "{\"x\": {\"bpp\": [1.0], \"psnr\": [30.0, 31.0]}}",
                "different lengths",
            ),
            ("a,b\n1,2\n", "column `codec`"),
            ("codec,image,q,bpp,psnr\nc,i,1,x,30\n", "line 2"),
            ("codec,image,q,bpp,psnr\nc,i,1,1\n", "line: 2"),
            (
                "codec,image,q,bpp,psnr\nc,i,1,1,30\nc,i,1,1,30\n",
                "line 3: c at 1 has i twice",
            ),
            ("", "empty"),
        ];
        for (text, part) in messages {
            let error = parse(text).unwrap_err();
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            let message = format!("{error}: {cause}");
            assert!(message.contains(part), "`{message}` lacks `{part}`");
        }
    }
}
