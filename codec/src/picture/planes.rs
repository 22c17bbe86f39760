//! Pixels to the float planes the networks read.

use super::PictureError;
use super::files::unsupported_pixels;
use image::DynamicImage;
use kiln_container::{ColorKind, Depth};
use ndarray::{ArrayViewMut1, ArrayViewMut3, s};

/// A rectangle of pixels. It may reach beyond the picture on every side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Column of the left edge; 0 is the first of the picture.
    pub x: i64,
    /// Row of the top edge; 0 is the first of the picture.
    pub y: i64,
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

/// What the pixels are: grey or colour, whether there is an alpha channel, bits per sample. `None` for the types
/// of [`DynamicImage`] that are not handled (floating point).
pub fn color_kind(image: &DynamicImage) -> Option<(ColorKind, bool, Depth)> {
    match image {
        DynamicImage::ImageLuma8(_) => Some((ColorKind::Grey, false, Depth::Eight)),
        DynamicImage::ImageLumaA8(_) => Some((ColorKind::Grey, true, Depth::Eight)),
        DynamicImage::ImageRgb8(_) => Some((ColorKind::Rgb, false, Depth::Eight)),
        DynamicImage::ImageRgba8(_) => Some((ColorKind::Rgb, true, Depth::Eight)),
        DynamicImage::ImageLuma16(_) => Some((ColorKind::Grey, false, Depth::Sixteen)),
        DynamicImage::ImageLumaA16(_) => Some((ColorKind::Grey, true, Depth::Sixteen)),
        DynamicImage::ImageRgb16(_) => Some((ColorKind::Rgb, false, Depth::Sixteen)),
        DynamicImage::ImageRgba16(_) => Some((ColorKind::Rgb, true, Depth::Sixteen)),
        _ => None,
    }
}

/// Reads a rectangle as red, green and blue planes: `value / 255 - 0.5`, or `value / 65535 - 0.5` for 16 bit.
/// Grey is repeated in all three planes, alpha is left out. Beyond the picture, its edge pixels are repeated.
///
/// # Shapes
/// - `out`: `[3, rect.height, rect.width]`
///
/// # Errors
/// [`PictureError::Parameter`] if `out` has another shape or the picture has no pixels,
/// [`PictureError::Unsupported`] if the pixels are of none of the eight kinds.
pub fn read_rgb(
    image: &DynamicImage,
    rect: Rect,
    out: ArrayViewMut3<'_, f32>,
) -> Result<(), PictureError> {
    if out.dim() != (3, rect.height as usize, rect.width as usize) {
        return Err(PictureError::Parameter(format!(
            "planes of shape {:?} cannot hold 3 planes of {} rows and {} columns",
            out.shape(),
            rect.height,
            rect.width
        )));
    }
    let (width, height) = (image.width() as usize, image.height() as usize);
    if width == 0 || height == 0 {
        return Err(PictureError::Parameter("the picture has no pixels".into()));
    }
    match image {
        DynamicImage::ImageLuma8(b) => read::<u8, 1>(b, width, rect, out),
        DynamicImage::ImageLumaA8(b) => read::<u8, 2>(b, width, rect, out),
        DynamicImage::ImageRgb8(b) => read::<u8, 3>(b, width, rect, out),
        DynamicImage::ImageRgba8(b) => read::<u8, 4>(b, width, rect, out),
        DynamicImage::ImageLuma16(b) => read::<u16, 1>(b, width, rect, out),
        DynamicImage::ImageLumaA16(b) => read::<u16, 2>(b, width, rect, out),
        DynamicImage::ImageRgb16(b) => read::<u16, 3>(b, width, rect, out),
        DynamicImage::ImageRgba16(b) => read::<u16, 4>(b, width, rect, out),
        other => return Err(unsupported_pixels(other)),
    }
    Ok(())
}

/// A pixel component of 8 or 16 bit.
pub(super) trait Sample: Copy + Into<f32> {
    /// The largest value, which stands for 1.
    const SCALE: f32;
    /// The nearest sample to `value` in 0..=1, halves rounded up. Values outside are clamped, NaN becomes 0.
    fn from_unit(value: f32) -> Self;
}

impl Sample for u8 {
    const SCALE: f32 = 255.0;
    #[inline]
    fn from_unit(value: f32) -> Self {
        (value.clamp(0.0, 1.0) * Self::SCALE + 0.5) as u8
    }
}

impl Sample for u16 {
    const SCALE: f32 = 65_535.0;
    #[inline]
    fn from_unit(value: f32) -> Self {
        (value.clamp(0.0, 1.0) * Self::SCALE + 0.5) as u16
    }
}

/// Where a run of `length` positions from `start` meets the positions `0..size`: how many come before, and which
/// position is read first and after the last. A run that misses all of them reads the nearest one.
fn meet(start: i64, length: usize, size: usize) -> (usize, std::ops::Range<usize>) {
    let clamp = |position: i64| usize::try_from(position.max(0)).map_or(size, |p| p.min(size));
    let end = start.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
    let first = clamp(start).min(size - 1);
    let last = clamp(end).max(first + 1);
    let before = usize::try_from(start.min(0).unsigned_abs()).unwrap_or(usize::MAX);
    (before.min(length.saturating_sub(1)), first..last)
}

fn read<S: Sample, const CHANNELS: usize>(
    samples: &[S],
    width: usize,
    rect: Rect,
    mut out: ArrayViewMut3<'_, f32>,
) {
    let height = samples.len() / (CHANNELS * width);
    let length = rect.width as usize;
    if length == 0 || rect.height == 0 {
        return;
    }
    let (before, columns) = meet(rect.x, length, width);
    let after = before + columns.len();
    let mut scratch = Vec::new();

    for i in 0..rect.height as usize {
        let (_, rows) = meet(rect.y.saturating_add(i as i64), 1, height);
        let row = &samples[rows.start * width * CHANNELS..][..width * CHANNELS];
        let pixels = &row.as_chunks::<CHANNELS>().0[columns.clone()];

        let (mut r, mut g, mut b) = out.multi_slice_mut((s![0, i, ..], s![1, i, ..], s![2, i, ..]));
        if let (Some(r), Some(g), Some(b)) = (r.as_slice_mut(), g.as_slice_mut(), b.as_slice_mut())
        {
            fill_rows(pixels, before..after, [r, g, b]);
            continue;
        }
        // Rows with gaps between their columns take the long way.
        scratch.resize(3 * length, 0.0);
        let (scratch_r, scratch_gb) = scratch.split_at_mut(length);
        let (scratch_g, scratch_b) = scratch_gb.split_at_mut(length);
        fill_rows(pixels, before..after, [scratch_r, scratch_g, scratch_b]);
        for (target, row) in [r, g, b].into_iter().zip(scratch.chunks(length)) {
            copy_row(target, row);
        }
    }
}

fn copy_row(mut target: ArrayViewMut1<'_, f32>, row: &[f32]) {
    for (target, value) in target.iter_mut().zip(row) {
        *target = *value;
    }
}

/// Writes `pixels` to the columns `inner` of the three rows, and repeats the first and last on either side.
fn fill_rows<S: Sample, const CHANNELS: usize>(
    pixels: &[[S; CHANNELS]],
    inner: std::ops::Range<usize>,
    rows: [&mut [f32]; 3],
) {
    for (plane, row) in rows.into_iter().enumerate() {
        // Grey, with or without alpha, has one component for all three planes.
        let component = if CHANNELS >= 3 { plane } else { 0 };
        for (target, pixel) in row[inner.clone()].iter_mut().zip(pixels) {
            let value: f32 = pixel[component].into();
            *target = value / S::SCALE - 0.5;
        }
        let (left, right) = (row[inner.start], row[inner.end - 1]);
        row[..inner.start].fill(left);
        row[inner.end..].fill(right);
    }
}
