//! The planes and pixels that the networks write.

use kiln_container::ColorKind;
use ndarray::{ArrayView, ArrayView3, Dimension, s};

use super::rows::RowsMut;
use super::sample::SamplesMut;
use super::{Channels, Depth, PixelsError, PixelsMut, Sample};

/// Writes colour with its upper left pixel at column `x` and row `y`; parts beyond the picture are left out.
/// A value `v` becomes `v + 0.5`, clamped to 0..=1 and rounded half up to 255 or 65535 steps.
/// Grey is the mean of the three planes. Alpha stays as it is.
///
/// # Shapes
/// - `planes`: `[3, height, width]` (red, green, blue)
///
/// # Errors
/// [`PixelsError::Shape`] if there are not three planes, [`PixelsError::NoColor`] if `color` does not fit the pixels.
pub fn write_rgb(
    pixels: &mut PixelsMut<'_>,
    color: ColorKind,
    (x, y): (u32, u32),
    planes: ArrayView3<'_, f32>,
) -> Result<(), PixelsError> {
    if planes.dim().0 != 3 {
        return Err(shape(planes.dim(), "(3, height, width)"));
    }
    pixels.check_color(color)?;
    let (at, channels) = ((x as usize, y as usize), pixels.channels());
    match pixels.samples_mut() {
        SamplesMut::Eight(rows) => write_any(rows, channels, color, at, planes),
        SamplesMut::Sixteen(rows) => write_any(rows, channels, color, at, planes),
    }
    Ok(())
}

/// Whether [`write_rgb8`] serves these pixels: a picture in colour, 8 bits, with or without alpha.
pub fn is_rgb8(pixels: &PixelsMut<'_>, color: ColorKind) -> bool {
    color == ColorKind::Rgb
        && pixels.depth() == Depth::Eight
        && matches!(pixels.channels(), Channels::Rgb | Channels::Rgba)
}

/// Writes rounded colour with its upper left pixel at column `x` and row `y`; parts beyond the picture are left out.
/// Alpha stays as it is.
///
/// # Shapes
/// - `from`: `[height, width, 3]` (red, green, blue)
///
/// # Errors
/// [`PixelsError::Shape`] if there are not three samples a pixel, [`PixelsError::NoColor`] if the pixels are grey.
pub fn write_rgb8(
    pixels: &mut PixelsMut<'_>,
    (x, y): (u32, u32),
    from: ArrayView3<'_, u8>,
) -> Result<(), PixelsError> {
    if from.dim().2 != 3 {
        return Err(shape(from.dim(), "(height, width, 3)"));
    }
    pixels.check_color(ColorKind::Rgb)?;
    let (at, channels) = ((x as usize, y as usize), pixels.channels());
    match pixels.samples_mut() {
        SamplesMut::Eight(rows) => copy_any(rows, channels, at, from),
        SamplesMut::Sixteen(rows) => copy_any(rows, channels, at, from),
    }
    Ok(())
}

fn shape((a, b, c): (usize, usize, usize), needed: &str) -> PixelsError {
    PixelsError::Shape {
        shape: [a, b, c],
        needed: needed.into(),
    }
}

fn copy_any<S: Sample>(
    rows: RowsMut<'_, S>,
    channels: Channels,
    at: (usize, usize),
    from: ArrayView3<'_, u8>,
) {
    match channels {
        Channels::Rgba => copy::<S, 4>(rows, at, from),
        _ => copy::<S, 3>(rows, at, from),
    }
}

fn copy<S: Sample, const CHANNELS: usize>(
    rows: RowsMut<'_, S>,
    (x, y): (usize, usize),
    from: ArrayView3<'_, u8>,
) {
    let mut scratch = Vec::new();
    for (row, from) in rows.into_iter().skip(y).zip(from.outer_iter()) {
        let Some(to) = row.as_chunks_mut::<CHANNELS>().0.get_mut(x..) else {
            return;
        };
        let from = contiguous(from, &mut scratch);
        for (to, from) in to.iter_mut().zip(from.as_chunks::<3>().0) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = S::of(*from);
            }
        }
    }
}

fn write_any<S: Sample>(
    rows: RowsMut<'_, S>,
    channels: Channels,
    color: ColorKind,
    at: (usize, usize),
    planes: ArrayView3<'_, f32>,
) {
    match (channels, color) {
        (Channels::Grey, _) => write::<S, 1>(rows, at, planes, write_grey),
        (Channels::GreyAlpha, _) => write::<S, 2>(rows, at, planes, write_grey),
        (Channels::Rgb, ColorKind::Grey) => write::<S, 3>(rows, at, planes, write_grey),
        (Channels::Rgba, ColorKind::Grey) => write::<S, 4>(rows, at, planes, write_grey),
        (Channels::Rgb, ColorKind::Rgb) => write::<S, 3>(rows, at, planes, write_colour),
        (Channels::Rgba, ColorKind::Rgb) => write::<S, 4>(rows, at, planes, write_colour),
    }
}

fn write<S: Sample, const CHANNELS: usize>(
    rows: RowsMut<'_, S>,
    (x, y): (usize, usize),
    planes: ArrayView3<'_, f32>,
    write_row: impl Fn(&mut [[S; CHANNELS]], &[f32], &[f32], &[f32]),
) {
    let (_, plane_rows, plane_columns) = planes.dim();
    let mut scratch = [const { Vec::new() }; 3];
    for (row, j) in rows.into_iter().skip(y).zip(0..plane_rows) {
        let Some(pixels) = row.as_chunks_mut::<CHANNELS>().0.get_mut(x..) else {
            return;
        };
        let columns = plane_columns.min(pixels.len());
        let [r, g, b] = &mut scratch;
        let r = contiguous(planes.slice_move(s![0, j, ..columns]), r);
        let g = contiguous(planes.slice_move(s![1, j, ..columns]), g);
        let b = contiguous(planes.slice_move(s![2, j, ..columns]), b);
        write_row(&mut pixels[..columns], r, g, b);
    }
}

/// The row as a slice: itself, or copied to `scratch` if there are gaps in it.
fn contiguous<'a, T: Copy, D: Dimension>(
    row: ArrayView<'a, T, D>,
    scratch: &'a mut Vec<T>,
) -> &'a [T] {
    match row.to_slice() {
        Some(row) => row,
        None => {
            scratch.clear();
            scratch.extend(row);
            scratch
        }
    }
}

fn write_colour<S: Sample, const CHANNELS: usize>(
    pixels: &mut [[S; CHANNELS]],
    r: &[f32],
    g: &[f32],
    b: &[f32],
) {
    let colours = r.iter().zip(g).zip(b);
    for (pixel, ((&r, &g), &b)) in pixels.iter_mut().zip(colours) {
        pixel[0] = S::from_unit(r + 0.5);
        pixel[1] = S::from_unit(g + 0.5);
        pixel[2] = S::from_unit(b + 0.5);
    }
}

fn write_grey<S: Sample, const CHANNELS: usize>(
    pixels: &mut [[S; CHANNELS]],
    r: &[f32],
    g: &[f32],
    b: &[f32],
) {
    let planes = r.iter().zip(g).zip(b);
    for (pixel, ((&r, &g), &b)) in pixels.iter_mut().zip(planes) {
        let grey = S::from_unit((r + g + b) / 3.0 + 0.5);
        pixel[0] = grey;
        if CHANNELS >= 3 {
            pixel[1] = grey;
            pixel[2] = grey;
        }
    }
}
