//! From rows to points: means over pictures.

use std::collections::BTreeMap;

use super::codec::{MeanPoint, Row, Stages, Times};
use crate::metrics::{Quality, psnr_of_mse};

/// Arithmetic means by setting over exactly `pictures` (names), sorted by rate.
///
/// A setting that lacks one of the pictures is left out, and so is a measure that one of them lacks: all means are
/// over the same pictures. Times alone are means over those pictures that were timed.
pub fn points(rows: &[Row], pictures: &[String]) -> Vec<MeanPoint> {
    let mut settings: BTreeMap<u64, BTreeMap<&str, &Row>> = BTreeMap::new();
    for row in rows {
        // Settings are what was typed, so their bits tell them apart.
        settings
            .entry(row.q.to_bits())
            .or_default()
            .insert(&row.image, row);
    }
    let mut points: Vec<MeanPoint> = settings
        .values()
        .filter_map(|by_picture| {
            let rows: Option<Vec<&Row>> = pictures
                .iter()
                .map(|name| by_picture.get(name.as_str()).copied())
                .collect();
            rows.filter(|rows| !rows.is_empty())
                .map(|rows| point(&rows))
        })
        .collect();
    points.sort_by(|a, b| a.bpp.total_cmp(&b.bpp));
    points
}

/// The mean of rows of one setting, of which there is at least one.
fn point(rows: &[&Row]) -> MeanPoint {
    MeanPoint {
        q: rows.first().map(|row| row.q),
        n_images: rows.len(),
        bpp: mean(rows.iter().map(|row| row.bpp)).unwrap_or_default(),
        quality: quality(rows),
        times: times(rows),
    }
}

fn quality(rows: &[&Row]) -> Quality {
    let of = |value: fn(&Quality) -> Option<f64>| {
        let values: Option<Vec<f64>> = rows.iter().map(|row| value(&row.quality)).collect();
        values.and_then(|values| mean(values.into_iter()))
    };
    let mse = of(|q| q.mse);
    Quality {
        psnr: of(|q| q.psnr),
        mse,
        psnr_of_mean_mse: mse.map(psnr_of_mse),
        psnr_y: of(|q| q.psnr_y),
        psnr_yuv: of(|q| q.psnr_yuv),
        msssim: of(|q| q.msssim),
        ssimulacra2: of(|q| q.ssimulacra2),
        butteraugli: of(|q| q.butteraugli),
        butteraugli_3norm: of(|q| q.butteraugli_3norm),
    }
}

fn times(rows: &[&Row]) -> Times {
    let timed: Vec<&Times> = rows
        .iter()
        .map(|row| &row.times)
        .filter(|times| times.enc_s.is_some())
        .collect();
    let stages = |part: fn(&Times) -> &Stages| {
        let mut means = Stages::new();
        for (name, seconds) in timed.iter().flat_map(|times| part(times)) {
            *means.entry(name.clone()).or_default() += seconds / timed.len() as f64;
        }
        means
    };
    Times {
        enc_s: mean(timed.iter().filter_map(|times| times.enc_s)),
        dec_s: mean(timed.iter().filter_map(|times| times.dec_s)),
        encode_stages: stages(|times| &times.encode_stages),
        decode_stages: stages(|times| &times.decode_stages),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixtures::row;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn means_are_taken_by_setting_and_sorted_by_rate() {
        let rows = [
            row("a", 9.0, 1.0, 30.0, Some(0.9)),
            row("b", 9.0, 3.0, 40.0, Some(0.7)),
            row("a", 3.0, 0.5, 25.0, Some(0.5)),
            row("b", 3.0, 0.5, 25.0, None),
            row("a", 1.0, 0.1, 20.0, None),
        ];
        let both = points(&rows, &names(&["a", "b"]));
        let settings: Vec<_> = both.iter().map(|point| (point.q, point.n_images)).collect();
        assert_eq!(settings, [(Some(3.0), 2), (Some(9.0), 2)]);
        assert_eq!((both[1].bpp, both[1].quality.psnr), (2.0, Some(35.0)));
        assert!((both[1].quality.msssim.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!(both[0].quality.msssim, None);
        // (1000 + 100) / 2 of the errors at 30 and 40 dB, on a scale where 0 dB is 1: 32.596 dB.
        let of_mean = both[1].quality.psnr_of_mean_mse.unwrap();
        assert!(
            (of_mean + 10.0 * (0.5f64 * (1e-3 + 1e-4)).log10()).abs() < 1e-9,
            "{of_mean}"
        );
        assert_eq!(points(&rows, &names(&["a"])).len(), 3);
        assert!(points(&rows, &names(&["c"])).is_empty() && points(&rows, &[]).is_empty());
    }

    #[test]
    fn times_are_means_over_what_was_timed() {
        let mut rows = [
            row("a", 1.0, 1.0, 30.0, None),
            row("b", 1.0, 1.0, 30.0, None),
        ];
        assert_eq!(
            points(&rows, &names(&["a", "b"]))[0].times,
            Times::default()
        );
        rows[0].times = Times {
            enc_s: Some(2.0),
            dec_s: Some(1.0),
            encode_stages: Stages::from([("code".to_owned(), 1.5)]),
            decode_stages: Stages::new(),
        };
        assert_eq!(points(&rows, &names(&["a", "b"]))[0].times, rows[0].times);
    }
}
