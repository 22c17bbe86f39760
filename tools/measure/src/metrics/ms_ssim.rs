//! Multi-scale structural similarity.

use image::RgbImage;
use ndarray::{Array2, Array3, ArrayView2, Zip, s};
use rayon::prelude::*;

use super::error::{MetricError, check_sizes};

/// The name in messages.
const NAME: &str = "MS-SSIM";
/// Exponents of the five scales, from fine to coarse.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Taps of the window.
const TAPS: usize = 11;
/// Standard deviation of the window, in pixels.
const SIGMA: f64 = 1.5;
/// The constants that keep quotients finite: (0.01 * 255)^2 and (0.03 * 255)^2.
const C1: f64 = 6.5025;
const C2: f64 = 58.5225;

/// The smallest side of a picture, in pixels, for which the window fits into the coarsest scale: 161.
pub const MS_SSIM_LEAST_SIDE: u32 = ((TAPS - 1) << (WEIGHTS.len() - 1)) as u32 + 1;

/// MS-SSIM (Wang, Simoncelli, Bovik: "Multi-scale structural similarity for image quality assessment", 2003): 1 for
/// equal pictures, lower for others.
///
/// Equal to the package `pytorch-msssim`, which nearly all papers on learned compression use: five scales, an 11-tap
/// Gaussian window of sigma 1.5 without padding, 2x2 means between scales, each channel of RGB alone, then the mean
/// of the three channels.
///
/// # Errors
/// The sizes differ, or a side is below [`MS_SSIM_LEAST_SIDE`].
pub fn ms_ssim(original: &RgbImage, decoded: &RgbImage) -> Result<f64, MetricError> {
    check_sizes(NAME, MS_SSIM_LEAST_SIDE, original, decoded)?;
    let planes = [planes(original)?, planes(decoded)?];
    let channels: Vec<f64> = (0..3)
        .into_par_iter()
        .map(|channel| {
            let plane = |side: &Array3<f64>| side.slice(s![.., .., channel]).to_owned();
            channel_ms_ssim(plane(&planes[0]), plane(&planes[1]))
        })
        .collect();
    Ok(channels.iter().sum::<f64>() / 3.0)
}

/// MS-SSIM in decibels of its distance from 1, `-10 log10(1 - value)`: the scale that curves are drawn and compared
/// over. Infinite for equal pictures.
pub fn ms_ssim_decibels(ms_ssim: f64) -> f64 {
    -10.0 * (1.0 - ms_ssim).log10()
}

/// Samples as `[height, width, 3]`.
fn planes(picture: &RgbImage) -> Result<Array3<f64>, MetricError> {
    let (width, height) = picture.dimensions();
    let samples = picture
        .as_raw()
        .iter()
        .map(|&sample| f64::from(sample))
        .collect();
    Array3::from_shape_vec((height as usize, width as usize, 3), samples).map_err(|error| {
        MetricError::Failed {
            metric: NAME,
            reason: error.to_string(),
        }
    })
}

/// MS-SSIM of one channel, both planes `[height, width]`.
fn channel_ms_ssim(mut a: Array2<f64>, mut b: Array2<f64>) -> f64 {
    let window = window();
    let mut product = 1.0;
    for (scale, weight) in WEIGHTS.iter().enumerate() {
        let (ssim, contrast) = ssim(&a, &b, &window);
        let last = scale == WEIGHTS.len() - 1;
        // Luminance counts at the coarsest scale only. Negative means, which have no real power, count as 0.
        product *= (if last { ssim } else { contrast }).max(0.0).powf(*weight);
        if !last {
            (a, b) = (halve(a.view()), halve(b.view()));
        }
    }
    product
}

/// Mean SSIM and mean of its contrast-structure factor over all positions of the window.
fn ssim(a: &Array2<f64>, b: &Array2<f64>, window: &[f64; TAPS]) -> (f64, f64) {
    let blur = |plane: Array2<f64>| blur(plane.view(), window);
    let (mean_a, mean_b) = (blur(a.clone()), blur(b.clone()));
    let (aa, bb, ab) = (blur(a * a), blur(b * b), blur(a * b));
    let (mut ssim, mut contrast) = (0.0, 0.0);
    Zip::from(&mean_a)
        .and(&mean_b)
        .and(&aa)
        .and(&bb)
        .and(&ab)
        .for_each(|&ma, &mb, &aa, &bb, &ab| {
            let factor = (2.0 * (ab - ma * mb) + C2) / ((aa - ma * ma) + (bb - mb * mb) + C2);
            contrast += factor;
            ssim += (2.0 * ma * mb + C1) / (ma * ma + mb * mb + C1) * factor;
        });
    let positions = mean_a.len() as f64;
    (ssim / positions, contrast / positions)
}

/// The normalised Gaussian window.
fn window() -> [f64; TAPS] {
    let tap = |index: usize| {
        let distance = index as f64 - (TAPS / 2) as f64;
        (-distance * distance / (2.0 * SIGMA * SIGMA)).exp()
    };
    let taps: [f64; TAPS] = std::array::from_fn(tap);
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

/// Separable blur; `[h, w]` becomes `[h - TAPS + 1, w - TAPS + 1]`.
fn blur(plane: ArrayView2<'_, f64>, window: &[f64; TAPS]) -> Array2<f64> {
    let (height, width) = plane.dim();
    let (out_height, out_width) = (height - TAPS + 1, width - TAPS + 1);
    let mut rows = Array2::zeros((height, out_width));
    for (tap, &weight) in window.iter().enumerate() {
        rows.scaled_add(weight, &plane.slice(s![.., tap..tap + out_width]));
    }
    let mut out = Array2::zeros((out_height, out_width));
    for (tap, &weight) in window.iter().enumerate() {
        out.scaled_add(weight, &rows.slice(s![tap..tap + out_height, ..]));
    }
    out
}

/// Means of 2x2 pixels. An odd side gets a row or column of zeros in front, as the reference package does it.
fn halve(plane: ArrayView2<'_, f64>) -> Array2<f64> {
    let (height, width) = plane.dim();
    let (pad_y, pad_x) = (height % 2, width % 2);
    let at = |y: usize, x: usize| {
        if y < pad_y || x < pad_x {
            0.0
        } else {
            plane[[y - pad_y, x - pad_x]]
        }
    };
    Array2::from_shape_fn((height.div_ceil(2), width.div_ceil(2)), |(y, x)| {
        (at(2 * y, 2 * x) + at(2 * y, 2 * x + 1) + at(2 * y + 1, 2 * x) + at(2 * y + 1, 2 * x + 1))
            / 4.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_pictures_score_one() {
        let picture = RgbImage::from_fn(161, 170, |x, y| {
            image::Rgb([(x * 7 + y * 13) as u8, x as u8, y as u8])
        });
        assert!((ms_ssim(&picture, &picture).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn small_pictures_have_no_value() {
        let (small, large) = (RgbImage::new(160, 400), RgbImage::new(161, 400));
        let error = ms_ssim(&small, &small).unwrap_err();
        assert_eq!(
            error.to_string(),
            "MS-SSIM needs pictures of at least 161x161 pixels; these have 160x400"
        );
        let error = ms_ssim(&small, &large).unwrap_err();
        assert!(matches!(error, MetricError::SizesDiffer { .. }));
        assert!(ms_ssim(&large, &large).is_ok());
    }

    #[test]
    fn odd_sides_are_padded_in_front() {
        let plane = Array2::from_shape_vec((1, 3), vec![4.0, 8.0, 16.0]).unwrap();
        assert_eq!(
            halve(plane.view()),
            Array2::from_shape_vec((1, 2), vec![1.0, 6.0]).unwrap()
        );
    }
}
