//! Measuring a codec on one picture.

use std::ops::RangeInclusive;

use image::RgbImage;

use super::{Codec, CodecError};
use crate::metrics::{MetricGroup, Quality};
use crate::results::{Row, Times};

/// Steps of the search of [`nearest_size`]: 2^-10 of the range of settings is finer than sizes of files change.
const STEPS: u32 = 10;

/// Encodes and decodes a picture and measures rate and distortion. Times are left out: take them by [`measure_times`]
/// while nothing else runs.
///
/// # Errors
/// The codec fails, or the picture comes back in another size.
pub fn measure_row(
    codec: &dyn Codec,
    name: &str,
    picture: &RgbImage,
    q: f64,
    groups: &[MetricGroup],
) -> Result<Row, CodecError> {
    let file = codec.encode(picture, q)?.value;
    let decoded = codec.decode(&file, picture.dimensions())?.value;
    let quality = Quality::measure(picture, &decoded, groups)?;
    let pixels = f64::from(picture.width()) * f64::from(picture.height());
    Ok(Row {
        image: name.to_owned(),
        q,
        bytes: file.len() as u64,
        bpp: 8.0 * file.len() as f64 / pixels,
        quality,
        times: Times::default(),
    })
}

/// Encodes and decodes a picture and takes the time of both.
///
/// The first run of a codec loads weights and touches memory, so its times say little.
///
/// # Errors
/// The codec fails.
pub fn measure_times(codec: &dyn Codec, picture: &RgbImage, q: f64) -> Result<Times, CodecError> {
    let encoded = codec.encode(picture, q)?;
    let decoded = codec.decode(&encoded.value, picture.dimensions())?;
    Ok(Times {
        enc_s: Some(encoded.seconds),
        dec_s: Some(decoded.seconds),
        encode_stages: encoded.stages,
        decode_stages: decoded.stages,
    })
}

/// The setting whose file comes nearest to so many bytes, and that file, by bisection.
///
/// From the start of the range to its end, files have to grow, but for a few bytes. Every number in between has to be
/// a setting.
///
/// # Errors
/// The codec fails.
pub fn nearest_size(
    codec: &dyn Codec,
    picture: &RgbImage,
    settings: RangeInclusive<f64>,
    bytes: usize,
) -> Result<(f64, Vec<u8>), CodecError> {
    let (mut low, mut high) = settings.into_inner();
    let mut best = (low, codec.encode(picture, low)?.value);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        let file = codec.encode(picture, middle)?.value;
        if file.len() > bytes {
            high = middle;
        } else {
            low = middle;
        }
        if file.len().abs_diff(bytes) < best.1.len().abs_diff(bytes) {
            best = (middle, file);
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{About, Timed};
    use crate::metrics::MetricError;
    use crate::results::Origin;

    /// Its files hold the samples, and as many zeros as the setting says. A decoded picture is one brighter.
    struct Padded(About);

    fn padded() -> Padded {
        Padded(About {
            name: "padded".into(),
            origin: Origin::Live,
            version: "1".into(),
            command: String::new(),
            setting: "zeros".into(),
            identity: String::new(),
            decoder_set: None,
            cost: None,
        })
    }

    impl Codec for Padded {
        fn about(&self) -> &About {
            &self.0
        }

        fn encode(&self, picture: &RgbImage, q: f64) -> Result<Timed<Vec<u8>>, CodecError> {
            let file = [picture.as_raw().as_slice(), &vec![0; q as usize]].concat();
            Ok(Timed::new(file, 2.0))
        }

        fn decode(&self, bytes: &[u8], (w, h): (u32, u32)) -> Result<Timed<RgbImage>, CodecError> {
            // The caller compares the sizes.
            let samples = bytes[..(3 * w * h) as usize].iter().map(|s| s + 1);
            let picture = RgbImage::from_raw(w, h, samples.collect()).unwrap_or_default();
            Ok(Timed::new(picture, 1.0))
        }
    }

    #[test]
    fn rows_hold_rate_and_distortion_and_times_are_apart() {
        let picture = RgbImage::new(5, 4);
        let row = measure_row(&padded(), "a", &picture, 40.0, &[]).unwrap();
        assert_eq!((row.image.as_str(), row.q, row.bytes), ("a", 40.0, 100));
        assert_eq!((row.bpp, row.quality.mse), (40.0, Some(1.0)));
        assert_eq!(row.times, Times::default());
        let times = measure_times(&padded(), &picture, 0.0).unwrap();
        assert_eq!((times.enc_s, times.dec_s), (Some(2.0), Some(1.0)));
    }

    #[test]
    fn an_empty_picture_is_an_error() {
        let error = measure_row(&padded(), "a", &RgbImage::new(0, 0), 0.0, &[]).unwrap_err();
        assert!(
            matches!(error, CodecError::Metric(MetricError::TooSmall { .. })),
            "{error}"
        );
    }

    #[test]
    fn sizes_are_found_by_bisection() {
        let picture = RgbImage::new(5, 4);
        let size = |bytes| nearest_size(&padded(), &picture, 0.0..=1000.0, bytes).unwrap();
        for wanted in [60, 61, 300, 777, 1050] {
            let (q, file) = size(wanted);
            assert!(file.len().abs_diff(wanted) <= 1, "{} at {q}", file.len());
        }
        // Out of reach: the smallest and the largest there is, within a step.
        assert_eq!(size(1).1.len(), 60);
        assert!(size(9999).1.len() >= 1058);
    }
}
