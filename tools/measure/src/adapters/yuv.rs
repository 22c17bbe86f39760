//! Raw planes of BT.709 YCbCr, full range, 10 bits in two little-endian bytes: what encoders for video read and write.

use image::{Rgb, RgbImage};

use crate::codec::CodecError;
use crate::metrics::{rgb_from_ycbcr, ycbcr_from_rgb};

/// The largest sample, and the middle of chroma.
const MOST: f64 = 1023.0;
const MIDDLE: f64 = 512.0;

/// Whether chroma has the resolution of luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// 4:4:4.
    Full,
    /// 4:2:0: means of 2x2, and linear interpolation back. Both sides of the picture must be even.
    Half,
}

/// Samples of the three planes, one after the other.
pub fn encode(picture: &RgbImage, chroma: Chroma) -> Vec<u8> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let planes = picture.pixels().map(|&pixel| to_yuv(pixel));
    let mut out = Vec::with_capacity(6 * width * height);
    let mut put = |value: f64| out.extend((value.round().clamp(0.0, MOST) as u16).to_le_bytes());
    let planes: Vec<[f64; 3]> = planes.collect();
    planes.iter().for_each(|yuv| put(yuv[0]));
    for plane in 1..3 {
        match chroma {
            Chroma::Full => planes.iter().for_each(|yuv| put(yuv[plane])),
            Chroma::Half => {
                for (y, x) in cells(height / 2, width / 2) {
                    let at =
                        |dy: usize, dx: usize| planes[(2 * y + dy) * width + 2 * x + dx][plane];
                    put((at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4.0);
                }
            }
        }
    }
    out
}

/// The picture of planes of this size.
///
/// # Errors
/// There are more or fewer samples than the size asks for.
pub fn decode(
    bytes: &[u8],
    (width, height): (u32, u32),
    chroma: Chroma,
) -> Result<RgbImage, CodecError> {
    let wrong = || CodecError::Library {
        library: "the decoder",
        reason: format!(
            "{} bytes are not a {width}x{height} picture of 10 bits",
            bytes.len()
        ),
    };
    let (w, h) = (width as usize, height as usize);
    let of_chroma = match chroma {
        Chroma::Full => (w, h),
        Chroma::Half => (w / 2, h / 2),
    };
    // Six bytes a pixel are the most, so nothing below overflows.
    w.checked_mul(h)
        .and_then(|pixels| pixels.checked_mul(6))
        .ok_or_else(wrong)?;
    let sizes = [w * h, of_chroma.0 * of_chroma.1];
    if bytes.len() != 2 * (sizes[0] + 2 * sizes[1]) {
        return Err(wrong());
    }
    let samples: Vec<f64> = bytes
        .chunks_exact(2)
        .map(|pair| f64::from(u16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    let (luma, rest) = samples.split_at(sizes[0]);
    let (cb, cr) = rest.split_at(sizes[1]);
    let at = |plane: &[f64], y: usize, x: usize| match chroma {
        Chroma::Full => plane[y * w + x],
        Chroma::Half => between(plane, of_chroma, y, x),
    };
    let pixels =
        cells(h, w).flat_map(|(y, x)| to_rgb([luma[y * w + x], at(cb, y, x), at(cr, y, x)]).0);
    RgbImage::from_raw(width, height, pixels.collect()).ok_or_else(wrong)
}

/// All (y, x), row by row.
fn cells(height: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..height).flat_map(move |y| (0..width).map(move |x| (y, x)))
}

/// Linear interpolation of a plane of half the resolution, whose samples lie in the middle of 2x2.
fn between(plane: &[f64], (width, height): (usize, usize), y: usize, x: usize) -> f64 {
    // The nearer sample counts three times: its distance is a quarter, that of the other three quarters.
    let pair = |at: usize, size: usize| {
        let near = (at / 2).min(size - 1);
        let far = if at.is_multiple_of(2) {
            near.saturating_sub(1)
        } else {
            (near + 1).min(size - 1)
        };
        [near, far]
    };
    let ([y0, y1], [x0, x1]) = (pair(y, height), pair(x, width));
    let row = |y: usize| 3.0 * plane[y * width + x0] + plane[y * width + x1];
    (3.0 * row(y0) + row(y1)) / 16.0
}

fn to_yuv(Rgb(pixel): Rgb<u8>) -> [f64; 3] {
    let [y, cb, cr] = ycbcr_from_rgb(pixel.map(|sample| f64::from(sample) / 255.0));
    [MOST * y, MOST * cb + MIDDLE, MOST * cr + MIDDLE]
}

fn to_rgb([y, cb, cr]: [f64; 3]) -> Rgb<u8> {
    let rgb = rgb_from_ycbcr([y / MOST, (cb - MIDDLE) / MOST, (cr - MIDDLE) / MOST]);
    Rgb(rgb.map(|value| (255.0 * value).round().clamp(0.0, 255.0) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::psnr;

    #[test]
    fn known_colours() {
        let picture = RgbImage::from_fn(2, 2, |x, y| match (x, y) {
            (0, 0) => Rgb([0; 3]),
            (1, 0) => Rgb([255; 3]),
            (0, 1) => Rgb([255, 0, 0]),
            _ => Rgb([0, 0, 255]),
        });
        let bytes = encode(&picture, Chroma::Full);
        let samples: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        assert_eq!(samples[..4], [0, 1023, 217, 74]);
        assert_eq!(samples[4..8], [512, 512, 395, 1023]);
        assert_eq!(samples[8..], [512, 512, 1023, 465]);
    }

    #[test]
    fn ten_bits_hold_eight() {
        let picture = RgbImage::from_fn(48, 34, |x, y| {
            Rgb([(5 * x) as u8, (7 * y) as u8, (x * y) as u8])
        });
        let back = decode(&encode(&picture, Chroma::Full), (48, 34), Chroma::Full).unwrap();
        assert!(psnr(&picture, &back).unwrap() > 55.0);
    }

    #[test]
    fn half_chroma_keeps_greys_and_smooth_colours() {
        let grey = RgbImage::from_fn(6, 4, |x, y| Rgb([(40 * x + y) as u8; 3]));
        let back = decode(&encode(&grey, Chroma::Half), (6, 4), Chroma::Half).unwrap();
        assert_eq!(back, grey);
        let smooth = RgbImage::from_fn(32, 32, |x, y| Rgb([(4 * x) as u8, 90, (4 * y) as u8]));
        let back = decode(&encode(&smooth, Chroma::Half), (32, 32), Chroma::Half).unwrap();
        assert!(psnr(&smooth, &back).unwrap() > 45.0);
    }

    #[test]
    fn a_wrong_length_is_an_error() {
        assert!(decode(&[0; 11], (1, 2), Chroma::Full).is_err());
        assert!(decode(&[0; 14], (2, 2), Chroma::Half).is_err());
        assert!(decode(&[0; 12], (2, 2), Chroma::Half).is_ok());
    }
}
