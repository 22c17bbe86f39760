//! Curves of other codecs, and of earlier runs, from files.
//!
//! Means are only ever compared over the same pictures. So an anchor either knows every picture by name, or states how
//! many Kodak pictures its means are over: all 24, or the subset of 8 that `benches/anchors/README.md` names.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::means;
use super::results::{CodecResults, Origin, Point, Quality, Results, Row, SCHEMA, Times};

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
    Means(Vec<Point>),
    /// Every picture at every setting.
    Pictures(Vec<Row>),
}

impl Anchor {
    /// The curve over exactly `pictures` (sorted names), or `None` if the anchor has no values for these very pictures.
    pub fn over(&self, pictures: &[String]) -> Option<CodecResults> {
        let (points, rows) = match &self.data {
            Data::Means(means) => {
                let size = kodak_set(pictures)?;
                let mut points: Vec<Point> = means
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

/// Reads anchors of any kind: `kodak_measured.json`, `kodak_published.json`, `results.json` or `results.csv` of an earlier
/// run, another CSV file with a row per picture, or a curve of CompressAI.
pub fn parse(text: &str) -> anyhow::Result<Vec<Anchor>> {
    if text.trim_start().starts_with('{') {
        parse_json(text)
    } else {
        parse_csv(text)
    }
}

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

fn parse_json(text: &str) -> anyhow::Result<Vec<Anchor>> {
    let top: BTreeMap<String, serde_json::Value> = serde_json::from_str(text)?;
    if let Some(schema) = top.get("schema") {
        ensure!(
            schema == SCHEMA,
            "results of the form {schema} cannot be read, only those of {SCHEMA:?}"
        );
        return Ok(from_results(
            serde_json::from_str(text).context("damaged results")?,
        ));
    }
    if top
        .get("results")
        .is_some_and(|results| results.get("bpp").is_some())
    {
        let curve: CompressAi = serde_json::from_str(text).context("damaged curve")?;
        let points = curve
            .results
            .points()
            .context("lists of different lengths")?;
        return Ok(vec![Anchor {
            name: curve.name,
            version: curve.description,
            command: String::new(),
            data: Data::Means(points),
        }]);
    }
    top.into_iter()
        .map(|(name, value)| {
            let entry = serde_json::from_value(value).with_context(|| {
                format!("`{name}` has neither `points` nor lists `bpp` and `psnr`")
            })?;
            Ok(match entry {
                Entry::Measured {
                    version,
                    cmd,
                    points,
                    points_subset8,
                } => Anchor {
                    data: Data::Means(points.iter().chain(&points_subset8).map(point).collect()),
                    name,
                    version,
                    command: cmd,
                },
                Entry::Published { source, lists } => Anchor {
                    data: Data::Means(
                        lists
                            .points()
                            .with_context(|| format!("`{name}` has lists of different lengths"))?,
                    ),
                    name,
                    version: source,
                    command: String::new(),
                },
            })
        })
        .collect()
}

fn point(point: &Measured) -> Point {
    Point {
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
    /// Published curves are over all of Kodak. `None` when lists of quality differ in length from that of rates; lists of
    /// times are then left out, because some sources have gaps in them.
    fn points(&self) -> Option<Vec<Point>> {
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
                .map(|list| list[index])
        };
        let points = self.bpp.iter().enumerate().map(|(index, &bpp)| Point {
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

/// Every curve of an earlier run. kiln's carry their decoder set, so that runs with different weights differ in name.
fn from_results(results: Results) -> Vec<Anchor> {
    let pictures: Vec<String> = results
        .pictures
        .into_iter()
        .map(|picture| picture.name)
        .collect();
    let known = kodak_set(&pictures).is_some();
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

fn parse_csv(text: &str) -> anyhow::Result<Vec<Anchor>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    ensure!(!header.is_empty(), "the file is empty");
    for column in ["codec", "image", "q", "bpp", "psnr"] {
        ensure!(
            header.iter().any(|field| field == column),
            "the first line names no column `{column}`; is this a CSV or JSON file of anchors?"
        );
    }
    let mut codecs: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for record in reader.records() {
        let record = record?;
        let number = record.position().map_or(0, csv::Position::line);
        let line: Line = record
            .deserialize(Some(&header))
            .with_context(|| format!("line {number}"))?;
        if !seen.insert((line.codec.clone(), line.q.to_bits(), line.image.clone())) {
            bail!(
                "line {number}: {} at {} has {} twice",
                line.codec,
                line.q,
                line.image
            );
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

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::means::tests::row;
    use crate::bench::results::{Machine, PictureInfo};
    use crate::bench::save;

    pub const MEASURED: &str = include_str!("../../../benches/anchors/kodak_measured.json");
    pub const PUBLISHED: &str = include_str!("../../../benches/anchors/kodak_published.json");

    pub fn kodak() -> Vec<String> {
        (1..=24).map(|number| format!("kodim{number:02}")).collect()
    }

    pub fn over_kodak(text: &str, name: &str) -> CodecResults {
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
        let codec = save::tests::codec("kiln, \"old\"", Origin::Kiln, rows.clone());
        let text = String::from_utf8(save::csv(&[codec]).unwrap()).unwrap();
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
        let mut kiln = save::tests::codec("kiln", Origin::Kiln, rows.clone());
        kiln.decoder_set = Some("00ff".into());
        let mut bare = save::tests::codec("bare", Origin::File, rows);
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
        let text = r#"{"name": "x", "description": "d", "results": {"bpp": [0.1, 0.2], "psnr-rgb": [28.0, 30.0], "ms-ssim-rgb": [0.9, 0.95]}}"#;
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
            ("a,b\n1,2\n", "no column `codec`"),
            ("codec,image,q,bpp,psnr\nc,i,1,x,30\n", "line 2"),
            ("codec,image,q,bpp,psnr\nc,i,1,1\n", "line: 2"),
            (
                "codec,image,q,bpp,psnr\nc,i,1,1,30\nc,i,1,1,30\n",
                "line 3: c at 1 has i twice",
            ),
            ("", "empty"),
        ];
        for (text, part) in messages {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(part), "`{error}` lacks `{part}`");
        }
    }
}
