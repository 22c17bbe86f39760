//! BD-rates of the curves in `benches/anchors` against the values of other implementations.

use kiln_measure::curves::{bd_quality, bd_rate};
use kiln_measure::metrics::Metric;
use kiln_measure::results::{CodecResults, anchors};
use serde::Deserialize;

const MEASURED: &str = include_str!("../../../benches/anchors/kodak_measured.json");
const PUBLISHED: &str = include_str!("../../../benches/anchors/kodak_published.json");

/// Every curve of a file over the 24 Kodak pictures.
fn over_kodak(text: &str) -> Vec<CodecResults> {
    let kodak: Vec<String> = (1..=24).map(|number| format!("kodim{number:02}")).collect();
    let anchors = anchors::parse(text).unwrap();
    anchors.iter().filter_map(|a| a.over(&kodak)).collect()
}

fn named<'a>(codecs: &'a [CodecResults], name: &str) -> &'a CodecResults {
    codecs.iter().find(|codec| codec.name == name).unwrap()
}

#[track_caller]
fn assert_near(name: &str, have: f64, expected: f64, tolerance: f64) {
    assert!(
        (have - expected).abs() < tolerance,
        "{name}: {have} is not {expected}"
    );
}

/// Values of `tests/reference/bd_rate.py`: codec, whether against the published VTM, metric, per cent, overlap.
#[test]
fn bd_rates_equal_scipy() {
    use Metric::{Msssim, Psnr};
    let (webp, jpeg, avif) = ("webp_m6", "jpeg_libjpegturbo_420", "avif_aom3.6_444_10b_s3");
    let cases = [
        (webp, false, Psnr, 84.751_740_693, 28.536_200, 37.609_633),
        (webp, true, Psnr, 80.191_899_309, 26.980_848, 40.762_775),
        (jpeg, false, Psnr, 184.002_309_457, 28.536_200, 36.461_543),
        (jpeg, true, Psnr, 205.785_225_595, 26.144_845, 36.461_543),
        (avif, false, Psnr, 21.370_981_955, 28.536_200, 37.609_633),
        (avif, true, Psnr, 18.662_885_678, 27.439_285, 39.542_510),
        (webp, false, Msssim, 62.668_100_431, 10.901_659, 19.736_302),
        (jpeg, true, Msssim, 125.151_606_212, 8.557_627, 20.477_809),
        (avif, true, Msssim, 14.329_926_286, 9.974_522, 21.507_803),
    ];
    let (measured, published) = (over_kodak(MEASURED), over_kodak(PUBLISHED));
    for (codec, against_published, metric, percent, low, high) in cases {
        let vtm = if against_published {
            named(&published, "vtm")
        } else {
            named(&measured, "vtm_444_10b")
        };
        let curve = named(&measured, codec).curve(metric).unwrap();
        let delta = bd_rate(&curve, &vtm.curve(metric).unwrap()).unwrap();
        assert_near(codec, delta.value, percent, 1e-6);
        assert_near(codec, delta.overlap.0, low, 1e-6);
        assert_near(codec, delta.overlap.1, high, 1e-6);
    }
}

/// A pair of published curves, as `tests/reference/bd_published.py` writes it.
#[derive(Deserialize)]
struct Pair {
    codec: String,
    anchor: String,
    quoted: f64,
    rate: f64,
    psnr: f64,
}

#[test]
fn published_curves_compare_as_the_field_quotes_them() {
    let pairs: Vec<Pair> =
        serde_json::from_str(include_str!("reference/bd_published.json")).unwrap();
    let codecs = over_kodak(PUBLISHED);
    for pair in &pairs {
        let curve = |name| named(&codecs, name).curve(Metric::Psnr).unwrap();
        let (own, anchor) = (curve(&pair.codec), curve(&pair.anchor));
        let rate = bd_rate(&own, &anchor).unwrap().value;
        let psnr = bd_quality(&own, &anchor).unwrap().value;
        assert_near(&pair.codec, rate, pair.quoted, 0.5);
        assert_near(&pair.codec, rate, pair.rate, 1e-6);
        assert_near(&pair.codec, psnr, pair.psnr, 1e-6);
    }
    assert!(pairs.len() > 30);
}
