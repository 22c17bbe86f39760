//! Curves of other codecs, and of earlier runs, from files.
//!
//! Means are only ever compared over the same pictures. So an anchor either knows every picture by name, or states how
//! many Kodak pictures its means are over: all 24, or the subset of 8 that `benches/anchors/README.md` names.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::results::Results;
use crate::measure::curve::{Curve, CurveError, Point, ms_ssim_decibels};

/// The Kodak pictures that every measured codec has a second mean over.
const SUBSET_OF_8: [&str; 8] = [
    "kodim01", "kodim05", "kodim08", "kodim13", "kodim15", "kodim19", "kodim20", "kodim23",
];
/// All Kodak pictures.
const KODAK: usize = 24;

/// A measure of distortion that curves are drawn over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// PSNR in decibels.
    Psnr,
    /// MS-SSIM, in decibels of its distance from 1.
    MsSsim,
}

/// Rate and distortion at one setting: of one picture, or a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Bits per pixel.
    pub bpp: f64,
    /// PSNR in decibels.
    pub psnr: Option<f64>,
    /// MS-SSIM, up to 1.
    pub ms_ssim: Option<f64>,
}

/// A codec to compare with.
#[derive(Debug)]
pub struct Anchor {
    /// Name of the codec.
    pub name: String,
    data: Data,
}

#[derive(Debug)]
enum Data {
    /// Means over stated sets of Kodak pictures, with the size of the set.
    Means(Vec<(usize, Sample)>),
    /// Setting, then picture.
    Pictures(BTreeMap<String, BTreeMap<String, Sample>>),
}

/// Why there is no curve.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum NoCurve {
    /// The anchor has no values for these very pictures.
    #[error("it has no means over the same pictures")]
    OtherPictures,
    /// The anchor lacks this measure.
    #[error("it lacks this measure")]
    NoMetric,
    /// Its points make no curve.
    #[error(transparent)]
    Points(#[from] CurveError),
}

impl Anchor {
    /// The mean curve over exactly `pictures` (sorted names).
    ///
    /// # Errors
    /// The anchor was measured on other pictures, or without this metric, or its points make no curve.
    pub fn curve(&self, pictures: &[String], metric: Metric) -> Result<Curve, NoCurve> {
        let samples = match &self.data {
            Data::Means(means) => {
                let size = kodak_set(pictures).ok_or(NoCurve::OtherPictures)?;
                means
                    .iter()
                    .filter(|(of, _)| *of == size)
                    .map(|&(_, sample)| sample)
                    .collect()
            }
            Data::Pictures(settings) => settings
                .values()
                .filter_map(|by_picture| mean_of(by_picture, pictures))
                .collect::<Vec<_>>(),
        };
        if samples.is_empty() {
            return Err(NoCurve::OtherPictures);
        }
        curve(&samples, metric)
    }
}

/// The curve of these samples, those without the metric left out.
///
/// # Errors
/// No sample has the metric, or the points make no curve.
pub fn curve(samples: &[Sample], metric: Metric) -> Result<Curve, NoCurve> {
    let quality = |sample: &Sample| match metric {
        Metric::Psnr => sample.psnr,
        Metric::MsSsim => sample.ms_ssim.map(ms_ssim_decibels),
    };
    let points: Vec<Point> = samples
        .iter()
        .filter_map(|sample| {
            quality(sample).map(|quality| Point {
                bpp: sample.bpp,
                quality,
            })
        })
        .collect();
    if points.is_empty() {
        Err(NoCurve::NoMetric)
    } else {
        Ok(Curve::new(points)?)
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

/// The mean over `pictures`, if all of them are there. A measure that one of them lacks is left out.
fn mean_of(by_picture: &BTreeMap<String, Sample>, pictures: &[String]) -> Option<Sample> {
    let samples: Vec<&Sample> = pictures
        .iter()
        .map(|name| by_picture.get(name))
        .collect::<Option<_>>()?;
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    if samples.is_empty() {
        return None;
    }
    Some(Sample {
        bpp: mean(samples.iter().map(|sample| sample.bpp).collect()),
        psnr: samples
            .iter()
            .map(|sample| sample.psnr)
            .collect::<Option<_>>()
            .map(mean),
        ms_ssim: samples
            .iter()
            .map(|sample| sample.ms_ssim)
            .collect::<Option<_>>()
            .map(mean),
    })
}

/// Reads anchors of any of the four kinds: `kodak_measured.json`, `kodak_published.json`, `results.json` of an earlier
/// run, or a CSV file with a row per picture.
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
        points: Vec<Measured>,
        #[serde(default)]
        points_subset8: Vec<Measured>,
    },
    Published {
        bpp: Vec<f64>,
        psnr: Option<Vec<f64>>,
        #[serde(rename = "ms-ssim")]
        ms_ssim: Option<Vec<f64>>,
        #[serde(rename = "ms-ssim-db")]
        ms_ssim_db: Option<Vec<f64>>,
    },
}

#[derive(Deserialize)]
struct Measured {
    n_images: usize,
    bpp: f64,
    psnr: f64,
    msssim: Option<f64>,
}

fn parse_json(text: &str) -> anyhow::Result<Vec<Anchor>> {
    let top: BTreeMap<String, serde_json::Value> = serde_json::from_str(text)?;
    if top.contains_key("rows") && top.contains_key("decoder_set") {
        return Ok(vec![from_results(
            serde_json::from_str(text).context("damaged results")?,
        )]);
    }
    top.into_iter()
        .map(|(name, value)| {
            let entry = serde_json::from_value(value).with_context(|| {
                format!("`{name}` has neither `points` nor lists `bpp` and `psnr`")
            })?;
            let means = match entry {
                Entry::Measured {
                    points,
                    points_subset8,
                } => points.iter().chain(&points_subset8).map(measured).collect(),
                Entry::Published {
                    bpp,
                    psnr,
                    ms_ssim,
                    ms_ssim_db,
                } => {
                    let ms_ssim = ms_ssim.or(ms_ssim_db.map(|values| {
                        values
                            .iter()
                            .map(|db| 1.0 - 10f64.powf(-db / 10.0))
                            .collect()
                    }));
                    published(&bpp, psnr.as_deref(), ms_ssim.as_deref())
                        .with_context(|| format!("`{name}` has lists of different lengths"))?
                }
            };
            Ok(Anchor {
                name,
                data: Data::Means(means),
            })
        })
        .collect()
}

fn measured(point: &Measured) -> (usize, Sample) {
    (
        point.n_images,
        Sample {
            bpp: point.bpp,
            psnr: Some(point.psnr),
            ms_ssim: point.msssim,
        },
    )
}

/// Published curves are over all of Kodak. `None` when the lists differ in length.
fn published(
    bpp: &[f64],
    psnr: Option<&[f64]>,
    ms_ssim: Option<&[f64]>,
) -> Option<Vec<(usize, Sample)>> {
    let at = |list: Option<&[f64]>, index: usize| list.map(|list| list[index]);
    let fits = |list: Option<&[f64]>| list.is_none_or(|list| list.len() == bpp.len());
    (fits(psnr) && fits(ms_ssim)).then(|| {
        bpp.iter()
            .enumerate()
            .map(|(i, &bpp)| {
                (
                    KODAK,
                    Sample {
                        bpp,
                        psnr: at(psnr, i),
                        ms_ssim: at(ms_ssim, i),
                    },
                )
            })
            .collect()
    })
}

fn from_results(results: Results) -> Anchor {
    let mut settings: BTreeMap<String, BTreeMap<String, Sample>> = BTreeMap::new();
    for row in results.rows {
        let sample = Sample {
            bpp: row.bpp,
            psnr: Some(row.psnr),
            ms_ssim: row.msssim,
        };
        settings
            .entry(row.q.to_string())
            .or_default()
            .insert(row.image, sample);
    }
    Anchor {
        name: format!("{} ({})", results.program, results.decoder_set),
        data: Data::Pictures(settings),
    }
}

fn parse_csv(text: &str) -> anyhow::Result<Vec<Anchor>> {
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let header = split(lines.next().context("the file is empty")?.1);
    let column = |name: &str| {
        header
            .iter()
            .position(|field| field == name)
            .with_context(|| format!("the first line names no column `{name}`; is this a CSV or JSON file of anchors?"))
    };
    let [codec, image, q, bpp, psnr] = [
        column("codec")?,
        column("image")?,
        column("q")?,
        column("bpp")?,
        column("psnr")?,
    ];
    let msssim = column("msssim").ok();

    let mut codecs: BTreeMap<String, BTreeMap<String, BTreeMap<String, Sample>>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (index, line) in lines {
        let fields = split(line);
        let number = index + 1;
        ensure!(
            fields.len() == header.len(),
            "line {number} has {} fields, not {}",
            fields.len(),
            header.len()
        );
        let value = |column: usize| -> anyhow::Result<f64> {
            fields[column]
                .parse()
                .with_context(|| format!("line {number}: `{}` is no number", fields[column]))
        };
        let sample = Sample {
            bpp: value(bpp)?,
            psnr: Some(value(psnr)?),
            ms_ssim: match msssim {
                Some(column) if !fields[column].is_empty() => Some(value(column)?),
                _ => None,
            },
        };
        let key = [codec, q, image].map(|column| fields[column].clone());
        let [codec, q, image] = key.clone();
        if !seen.insert(key) {
            bail!("line {number}: {codec} at {q} has {image} twice");
        }
        codecs
            .entry(codec)
            .or_default()
            .entry(q)
            .or_default()
            .insert(image, sample);
    }
    Ok(codecs
        .into_iter()
        .map(|(name, settings)| Anchor {
            name,
            data: Data::Pictures(settings),
        })
        .collect())
}

/// Fields of a CSV line; quotes may protect commas, and stand doubled for themselves.
fn split(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        let in_field = fields.len() - 1;
        match character {
            '"' => {
                // The second of a doubled quote reopens the field: the first one closed it.
                if !quoted && !fields[in_field].is_empty() {
                    fields[in_field].push('"');
                }
                quoted = !quoted;
            }
            ',' if !quoted => fields.push(String::new()),
            other => fields[in_field].push(other),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{csv, tests::row};
    use crate::measure::bd_rate::bd_rate;

    const MEASURED: &str = include_str!("../../../benches/anchors/kodak_measured.json");
    const PUBLISHED: &str = include_str!("../../../benches/anchors/kodak_published.json");

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn kodak() -> Vec<String> {
        (1..=24).map(|number| format!("kodim{number:02}")).collect()
    }

    fn anchor<'a>(anchors: &'a [Anchor], name: &str) -> &'a Anchor {
        anchors.iter().find(|anchor| anchor.name == name).unwrap()
    }

    /// Values of `tests/reference/bd_rate.py`: codec, anchor among the published, metric, per cent, overlap.
    #[test]
    fn bd_rates_equal_scipy() {
        use Metric::{MsSsim, Psnr};
        let (measured, published) = (parse(MEASURED).unwrap(), parse(PUBLISHED).unwrap());
        let (webp, jpeg, avif) = ("webp_m6", "jpeg_libjpegturbo_420", "avif_aom3.6_444_10b_s3");
        let cases = [
            (webp, false, Psnr, 84.751_740_693, 28.536_200, 37.609_633),
            (webp, true, Psnr, 80.191_899_309, 26.980_848, 40.762_775),
            (jpeg, false, Psnr, 184.002_309_457, 28.536_200, 36.461_543),
            (jpeg, true, Psnr, 205.785_225_595, 26.144_845, 36.461_543),
            (avif, false, Psnr, 21.370_981_955, 28.536_200, 37.609_633),
            (avif, true, Psnr, 18.662_885_678, 27.439_285, 39.542_510),
            (webp, false, MsSsim, 62.668_100_431, 10.901_659, 19.736_302),
            (jpeg, true, MsSsim, 125.151_606_212, 8.557_627, 20.477_809),
            (avif, true, MsSsim, 14.329_926_286, 9.974_522, 21.507_803),
        ];
        for (codec, against_published, metric, percent, low, high) in cases {
            let vtm = if against_published {
                anchor(&published, "vtm")
            } else {
                anchor(&measured, "vtm_444_10b")
            };
            let curve = anchor(&measured, codec).curve(&kodak(), metric).unwrap();
            let result = bd_rate(&curve, &vtm.curve(&kodak(), metric).unwrap()).unwrap();
            assert!(
                (result.percent - percent).abs() < 1e-6,
                "{codec}: {} is not {percent}",
                result.percent
            );
            let (have_low, have_high) = result.overlap;
            assert!(
                (have_low - low).abs() < 1e-6 && (have_high - high).abs() < 1e-6,
                "{codec}: {result:?}"
            );
        }
    }

    #[test]
    fn published_curves_compare_as_the_field_quotes_them() {
        let published = parse(PUBLISHED).unwrap();
        let vtm = anchor(&published, "vtm")
            .curve(&kodak(), Metric::Psnr)
            .unwrap();
        for (codec, percent) in [
            ("webp", 78.749_827_166),
            ("jpeg", 208.491_016_290),
            ("hpcm-large_mse", -19.954_527_462),
        ] {
            let curve = anchor(&published, codec)
                .curve(&kodak(), Metric::Psnr)
                .unwrap();
            let result = bd_rate(&curve, &vtm).unwrap();
            assert!(
                (result.percent - percent).abs() < 1e-6,
                "{codec}: {} is not {percent}",
                result.percent
            );
        }
    }

    #[test]
    fn means_serve_only_their_own_pictures() {
        let anchors = parse(MEASURED).unwrap();
        let vtm = anchor(&anchors, "vtm_444_10b");
        assert_eq!(vtm.curve(&kodak(), Metric::Psnr).unwrap().points().len(), 4);
        assert_eq!(
            vtm.curve(&names(&SUBSET_OF_8), Metric::Psnr)
                .unwrap()
                .points()
                .len(),
            5
        );
        for other in [&kodak()[..23], &names(&["kodim01"]), &[]] {
            assert_eq!(vtm.curve(other, Metric::Psnr), Err(NoCurve::OtherPictures));
        }
    }

    #[test]
    fn a_missing_measure_is_said() {
        let anchors = parse(PUBLISHED).unwrap();
        let shallow = anchor(&anchors, "tfc/webp/psnr");
        assert_eq!(
            shallow.curve(&kodak(), Metric::MsSsim),
            Err(NoCurve::NoMetric)
        );
    }

    #[test]
    fn csv_gives_means_over_any_pictures_all_of_which_it_has() {
        let rows = [
            row("a", 1, 1.0, 30.0, Some(0.9)),
            row("b", 1, 3.0, 34.0, None),
            row("a", 2, 2.0, 40.0, Some(0.99)),
            row("b", 2, 4.0, 42.0, Some(0.97)),
            row("a", 3, 9.0, 50.0, Some(0.999)),
        ];
        let anchors = parse(&csv("kiln, \"old\"", &rows)).unwrap();
        assert_eq!(anchors[0].name, "kiln, \"old\"");
        let both = anchors[0].curve(&names(&["a", "b"]), Metric::Psnr).unwrap();
        let expected = [
            Point {
                bpp: 2.0,
                quality: 32.0,
            },
            Point {
                bpp: 3.0,
                quality: 41.0,
            },
        ];
        assert_eq!(both.points(), expected);
        assert_eq!(
            anchors[0]
                .curve(&names(&["a"]), Metric::MsSsim)
                .unwrap()
                .points()
                .len(),
            3
        );
        assert_eq!(
            anchors[0].curve(&names(&["c"]), Metric::Psnr),
            Err(NoCurve::OtherPictures)
        );
        let too_few = anchors[0].curve(&names(&["a", "b"]), Metric::MsSsim);
        assert_eq!(too_few, Err(NoCurve::Points(CurveError::TooFew(1))));
    }

    #[test]
    fn results_are_anchors() {
        let rows = vec![row("a", 1, 1.0, 30.0, None), row("a", 2, 2.0, 40.0, None)];
        let results = Results {
            program: "kiln 1".into(),
            dataset: "x".into(),
            device: "cpu".into(),
            decoder_set: "00".into(),
            pictures: names(&["a"]),
            points: super::super::results::means(&rows),
            rows,
            bd_rates: Vec::new(),
        };
        let anchors = parse(&serde_json::to_string(&results).unwrap()).unwrap();
        assert_eq!(anchors[0].name, "kiln 1 (00)");
        assert_eq!(
            anchors[0]
                .curve(&names(&["a"]), Metric::Psnr)
                .unwrap()
                .range(),
            (30.0, 40.0)
        );
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
            ("codec,image,q,bpp,psnr\nc,i,1,x,30\n", "line 2: `x`"),
            ("codec,image,q,bpp,psnr\nc,i,1,1\n", "line 2 has 4 fields"),
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
