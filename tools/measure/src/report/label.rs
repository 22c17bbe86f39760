//! Names of codecs as people write them.

use std::collections::BTreeMap;

use crate::results::{CodecResults, Origin};

/// Anchors of `benches/anchors`, and a few of the published curves that papers compare with.
const KNOWN: [(&str, &str); 19] = [
    ("avif_aom3.6_420_s6", "AVIF 4:2:0"),
    ("avif_aom3.6_444_10b_s3", "AVIF 4:4:4, 10 bits"),
    ("hevc_x265_444_10b_veryslow", "HEVC (x265)"),
    ("jpeg2000_openjpeg", "JPEG 2000"),
    ("jpeg_libjpegturbo_420", "JPEG (libjpeg-turbo)"),
    ("jxl_0.11.2_e7", "JPEG XL"),
    ("mozjpeg_420", "mozjpeg"),
    ("vtm_444_10b", "VVC (VTM)"),
    ("webp_m6", "WebP"),
    ("vtm", "VVC (VTM 9.1)"),
    ("hm", "HEVC (HM)"),
    ("av1", "AV1"),
    ("bpg_444_x265_ycbcr", "BPG 4:4:4"),
    ("paper-bmshj2018-hyperprior", "Hyperprior 2018"),
    ("paper-mbt2018-mean", "Mean-scale hyperprior 2018"),
    ("paper-elic2022_mse", "ELIC 2022"),
    ("mlicplusplus_mse", "MLIC++"),
    ("dcae_mse", "DCAE"),
    ("hpcm-large_mse", "HPCM-Large"),
];

/// Codecs that are measured in the same run. Their names are short, and some mean another curve in a file.
const LIVE: [(&str, &str); 10] = [
    ("avif", "AVIF 4:2:0"),
    ("avif-444", "AVIF 4:4:4"),
    ("cjpeg", "JPEG (cjpeg)"),
    ("cwebp", "WebP (cwebp)"),
    ("hevc", "HEVC (x265)"),
    ("jpeg", "JPEG"),
    ("jxl", "JPEG XL"),
    ("vtm", "VVC (VTM)"),
    ("vvenc", "VVC (VVenC)"),
    ("webp", "WebP"),
];

/// Names to show for curves, in their order: known ones, else their own. Where two would be the same, a curve from a
/// file adds its own name.
pub fn labels(codecs: &[&CodecResults]) -> Vec<String> {
    let known: Vec<&str> = codecs.iter().map(|codec| label(codec)).collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for label in &known {
        *count.entry(label).or_default() += 1;
    }
    known
        .iter()
        .zip(codecs)
        .map(|(&label, codec)| {
            let unclear = count[label] > 1 && codec.origin == Origin::File;
            if unclear && label != codec.name {
                format!("{label} ({})", codec.name)
            } else {
                label.to_owned()
            }
        })
        .collect()
}

fn label(codec: &CodecResults) -> &str {
    let table: &[(&str, &'static str)] = match codec.origin {
        Origin::Own => &[],
        Origin::Live => &LIVE,
        Origin::File => &KNOWN,
    };
    table
        .iter()
        .find(|(known, _)| *known == codec.name)
        .map_or(&codec.name, |(_, label)| label)
}

/// Whether a reader will look for this curve, so that it is shown when there are more than fit.
pub fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures::codec;

    #[test]
    fn every_known_curve_exists() {
        let anchors = [
            include_str!("../../../../benches/anchors/kodak_measured.json"),
            include_str!("../../../../benches/anchors/kodak_published.json"),
        ]
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        for (name, _) in KNOWN {
            assert!(
                anchors.iter().any(|file| file.get(name).is_some()),
                "{name} is not an anchor"
            );
        }
    }

    #[test]
    fn names_are_known_by_origin_and_told_apart() {
        let codecs = [
            codec("kiln", Origin::Own),
            codec("webp", Origin::Live),
            codec("vtm", Origin::Live),
            codec("webp_m6", Origin::File),
            codec("vtm", Origin::File),
            codec("my codec", Origin::File),
        ];
        let all: Vec<&CodecResults> = codecs.iter().collect();
        assert_eq!(
            labels(&all),
            [
                "kiln",
                "WebP",
                "VVC (VTM)",
                "WebP (webp_m6)",
                "VVC (VTM 9.1)",
                "my codec"
            ]
        );
        assert_eq!(labels(&all[3..4]), ["WebP"]);
    }
}
