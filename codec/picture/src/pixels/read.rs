//! Pixels to the float planes the networks read.

use ndarray::{ArrayViewMut1, ArrayViewMut3, s};

use super::rows::Rows;
use super::sample::Samples;
use super::{Channels, Pixels, PixelsError, Sample};

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

/// Reads a rectangle as red, green and blue planes: `value / 255 - 0.5`, or `value / 65535 - 0.5` for 16 bit.
/// Grey is repeated in all three planes, alpha is left out. Beyond the picture, its edge pixels are repeated.
///
/// # Shapes
/// - `out`: `[3, rect.height, rect.width]`
///
/// # Errors
/// [`PixelsError::Shape`] if `out` has another shape.
pub fn read_rgb(
    pixels: Pixels<'_>,
    rect: Rect,
    out: ArrayViewMut3<'_, f32>,
) -> Result<(), PixelsError> {
    let needed = (3, rect.height as usize, rect.width as usize);
    if out.dim() != needed {
        let (planes, rows, columns) = out.dim();
        return Err(PixelsError::Shape {
            shape: [planes, rows, columns],
            needed: format!("{needed:?}"),
        });
    }
    let size = (pixels.width() as usize, pixels.height() as usize);
    match pixels.samples() {
        Samples::Eight(rows) => read_any(rows, pixels.channels(), size, rect, out),
        Samples::Sixteen(rows) => read_any(rows, pixels.channels(), size, rect, out),
    }
    Ok(())
}

fn read_any<S: Sample>(
    rows: Rows<'_, S>,
    channels: Channels,
    size: (usize, usize),
    rect: Rect,
    out: ArrayViewMut3<'_, f32>,
) {
    match channels {
        Channels::Grey => read::<S, 1>(rows, size, rect, out),
        Channels::GreyAlpha => read::<S, 2>(rows, size, rect, out),
        Channels::Rgb => read::<S, 3>(rows, size, rect, out),
        Channels::Rgba => read::<S, 4>(rows, size, rect, out),
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
    samples: Rows<'_, S>,
    (width, height): (usize, usize),
    rect: Rect,
    mut out: ArrayViewMut3<'_, f32>,
) {
    let length = rect.width as usize;
    if length == 0 || rect.height == 0 {
        return;
    }
    let (before, columns) = meet(rect.x, length, width);
    let after = before + columns.len();
    let mut scratch = Vec::new();

    for i in 0..rect.height as usize {
        let (_, rows) = meet(rect.y.saturating_add(i as i64), 1, height);
        let pixels = &samples.row(rows.start).as_chunks::<CHANNELS>().0[columns.clone()];

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
