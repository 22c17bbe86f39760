//! Small results for tests.

use super::{
    CodecResults, Comparison, Machine, MeanPoint, Origin, Outcome, PictureInfo, Results, Row,
    SCHEMA, Skipped, Stages, Times, points,
};
use crate::metrics::{Metric, Quality};

/// A row with these values; its mean squared error is that of its PSNR.
pub fn row(image: &str, q: f64, bpp: f64, psnr: f64, msssim: Option<f64>) -> Row {
    Row {
        image: image.to_owned(),
        q,
        bytes: (1000.0 * bpp) as u64,
        bpp,
        quality: Quality {
            psnr: Some(psnr),
            mse: Some(255.0 * 255.0 / 10f64.powf(psnr / 10.0)),
            msssim,
            ..Quality::default()
        },
        times: Times::default(),
    }
}

/// A curve with these rows.
pub fn codec_of(name: &str, origin: Origin, rows: Vec<Row>) -> CodecResults {
    let mut pictures: Vec<String> = rows.iter().map(|row| row.image.clone()).collect();
    pictures.sort();
    pictures.dedup();
    CodecResults {
        name: name.into(),
        origin,
        version: "1".into(),
        command: "run Q".into(),
        setting: "quality".into(),
        decoder_set: None,
        cost: None,
        memory: Vec::new(),
        points: points(&rows, &pictures),
        rows,
    }
}

/// A curve of four points over two pictures; with rows, unless it comes from a file.
pub fn codec(name: &str, origin: Origin) -> CodecResults {
    // The codec under test above what was measured with it, above what came from files.
    let below = match origin {
        Origin::Own => 0.0,
        Origin::Live => 1.0,
        Origin::File => 2.0,
    };
    let settings = [(10.0, 0.1), (20.0, 0.3), (30.0, 0.8), (40.0, 1.6)];
    let quality = |bpp: f64| Quality {
        psnr: Some(36.0 + 5.0 * bpp.log2() - below),
        msssim: Some(1.0 - 0.02 / bpp / (1.0 + bpp) * (1.0 + below)),
        ..Quality::default()
    };
    let times = Times {
        enc_s: Some(0.2 - below / 10.0),
        dec_s: Some(0.3 / (1.0 + below)),
        encode_stages: Stages::from([("analyse".to_owned(), 0.15), ("code".to_owned(), 0.05)]),
        decode_stages: Stages::from([("code".to_owned(), 0.1), ("synthesise".to_owned(), 0.2)]),
    };
    let rows = settings.iter().flat_map(|&(q, bpp)| {
        ["a", "b"].map(|image| Row {
            image: image.to_owned(),
            q,
            bytes: (bpp * 1e4) as u64,
            bpp,
            quality: quality(bpp),
            times: times.clone(),
        })
    });
    CodecResults {
        name: name.to_owned(),
        origin,
        version: "1.0".to_owned(),
        command: "encode -q Q".to_owned(),
        setting: "level".to_owned(),
        decoder_set: None,
        cost: None,
        memory: Vec::new(),
        points: settings
            .iter()
            .map(|&(q, bpp)| MeanPoint {
                q: Some(q),
                n_images: 2,
                bpp,
                quality: quality(bpp),
                times: times.clone(),
            })
            .collect(),
        rows: if origin == Origin::File {
            Vec::new()
        } else {
            rows.collect()
        },
    }
}

/// kiln, a codec measured with it, and one from a file.
pub fn results() -> Results {
    Results {
        schema: SCHEMA.to_owned(),
        program: "kiln 0".to_owned(),
        dataset: "some".to_owned(),
        machine: Machine::default(),
        pictures: ["a", "b"]
            .map(|name| PictureInfo {
                name: name.to_owned(),
                width: 320,
                height: 250,
                sha256: "00".repeat(32),
            })
            .into(),
        codecs: vec![
            codec("kiln", Origin::Own),
            codec("live codec", Origin::Live),
            codec("webp_m6", Origin::File),
        ],
        comparisons: vec![Comparison {
            codec: "kiln".to_owned(),
            anchor: "webp_m6".to_owned(),
            metric: Metric::Psnr,
            rate: Outcome::Delta {
                value: -24.2,
                low: 20.0,
                high: 38.0,
            },
            quality: Outcome::None {
                reason: "no reason".to_owned(),
            },
        }],
        skipped: vec![Skipped {
            codec: "vtm".to_owned(),
            reason: "EncoderApp is not installed".to_owned(),
        }],
    }
}
