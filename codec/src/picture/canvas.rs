//! The float planes the networks write to pixels.

use super::planes::Sample;
use super::{AlphaPlane, PictureError};
use image::{DynamicImage, ImageBuffer};
use kiln_container::{ColorKind, Depth};
use ndarray::{ArrayView1, ArrayView3, s};

/// Destination pixels, written tile by tile. Colour starts black, alpha opaque.
#[derive(Debug)]
pub struct Canvas {
    image: DynamicImage,
}

impl Canvas {
    /// A canvas of `width` by `height` pixels.
    ///
    /// # Errors
    /// [`PictureError::Parameter`] if a side is 0, [`PictureError::OutOfMemory`] if the machine cannot hold it.
    pub fn new(
        width: u32,
        height: u32,
        color: ColorKind,
        has_alpha: bool,
        depth: Depth,
    ) -> Result<Self, PictureError> {
        let image = match (color, has_alpha, depth) {
            (ColorKind::Grey, false, Depth::Eight) => {
                ImageBuffer::from_raw(width, height, filled::<u8>(width, height, 1, false)?)
                    .map(DynamicImage::ImageLuma8)
            }
            (ColorKind::Grey, true, Depth::Eight) => {
                ImageBuffer::from_raw(width, height, filled::<u8>(width, height, 2, true)?)
                    .map(DynamicImage::ImageLumaA8)
            }
            (ColorKind::Rgb, false, Depth::Eight) => {
                ImageBuffer::from_raw(width, height, filled::<u8>(width, height, 3, false)?)
                    .map(DynamicImage::ImageRgb8)
            }
            (ColorKind::Rgb, true, Depth::Eight) => {
                ImageBuffer::from_raw(width, height, filled::<u8>(width, height, 4, true)?)
                    .map(DynamicImage::ImageRgba8)
            }
            (ColorKind::Grey, false, Depth::Sixteen) => {
                ImageBuffer::from_raw(width, height, filled::<u16>(width, height, 1, false)?)
                    .map(DynamicImage::ImageLuma16)
            }
            (ColorKind::Grey, true, Depth::Sixteen) => {
                ImageBuffer::from_raw(width, height, filled::<u16>(width, height, 2, true)?)
                    .map(DynamicImage::ImageLumaA16)
            }
            (ColorKind::Rgb, false, Depth::Sixteen) => {
                ImageBuffer::from_raw(width, height, filled::<u16>(width, height, 3, false)?)
                    .map(DynamicImage::ImageRgb16)
            }
            (ColorKind::Rgb, true, Depth::Sixteen) => {
                ImageBuffer::from_raw(width, height, filled::<u16>(width, height, 4, true)?)
                    .map(DynamicImage::ImageRgba16)
            }
        };
        match image {
            Some(image) if width > 0 && height > 0 => Ok(Self { image }),
            _ => Err(PictureError::Parameter(format!(
                "a canvas of {width} by {height} pixels"
            ))),
        }
    }

    /// Number of columns.
    pub fn width(&self) -> u32 {
        self.image.width()
    }

    /// Number of rows.
    pub fn height(&self) -> u32 {
        self.image.height()
    }

    /// Writes colour with its upper left pixel at column `x` and row `y`; parts beyond the canvas are left out.
    /// A value `v` becomes `v + 0.5`, clamped to 0..=1 and rounded half up to 255 or 65535 steps.
    /// Grey is the mean of the three planes. Alpha stays as it is.
    ///
    /// # Shapes
    /// - `planes`: `[3, height, width]` (red, green, blue)
    ///
    /// # Errors
    /// [`PictureError::Parameter`] if there are not three planes.
    pub fn write_rgb(
        &mut self,
        x: u32,
        y: u32,
        planes: ArrayView3<'_, f32>,
    ) -> Result<(), PictureError> {
        let height = self.height();
        self.bands(height)
            .iter_mut()
            .try_for_each(|band| band.write_rgb(x, y, planes))
    }

    /// Whether [`write_rgb8`](Self::write_rgb8) serves this canvas: 8-bit colour, with or without alpha.
    pub fn is_rgb8(&self) -> bool {
        matches!(
            self.image,
            DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_)
        )
    }

    /// Writes rounded colour with its upper left pixel at column `x` and row `y`; parts beyond the canvas are left out.
    /// Alpha stays as it is.
    ///
    /// # Shapes
    /// - `pixels`: `[height, width, 3]` (red, green, blue)
    ///
    /// # Errors
    /// [`PictureError::Parameter`] if there are not three samples a pixel, or the canvas is grey or has 16 bits.
    pub fn write_rgb8(
        &mut self,
        x: u32,
        y: u32,
        pixels: ArrayView3<'_, u8>,
    ) -> Result<(), PictureError> {
        let width = self.width() as usize;
        match (&mut self.image, pixels.dim().2) {
            (DynamicImage::ImageRgb8(b), 3) => copy_rgb8::<3>(b, width, (x, y), pixels),
            (DynamicImage::ImageRgba8(b), 3) => copy_rgb8::<4>(b, width, (x, y), pixels),
            (image, samples) => {
                return Err(PictureError::Parameter(format!(
                    "pixels of {samples} samples for a canvas of type {:?}",
                    image.color()
                )));
            }
        }
        Ok(())
    }

    /// The canvas as bands of `rows` rows each (the last may have fewer; 0 counts as 1), from top to bottom.
    /// Each can be written by a thread of its own.
    pub fn bands(&mut self, rows: u32) -> Vec<Band<'_>> {
        let width = self.width() as usize;
        let rows = rows.max(1) as usize;
        match &mut self.image {
            DynamicImage::ImageLuma8(b) => bands(b, width, 1, rows, SamplesMut::Eight),
            DynamicImage::ImageLumaA8(b) => bands(b, width, 2, rows, SamplesMut::Eight),
            DynamicImage::ImageRgb8(b) => bands(b, width, 3, rows, SamplesMut::Eight),
            DynamicImage::ImageRgba8(b) => bands(b, width, 4, rows, SamplesMut::Eight),
            DynamicImage::ImageLuma16(b) => bands(b, width, 1, rows, SamplesMut::Sixteen),
            DynamicImage::ImageLumaA16(b) => bands(b, width, 2, rows, SamplesMut::Sixteen),
            DynamicImage::ImageRgb16(b) => bands(b, width, 3, rows, SamplesMut::Sixteen),
            DynamicImage::ImageRgba16(b) => bands(b, width, 4, rows, SamplesMut::Sixteen),
            // `new` makes none of the others.
            _ => Vec::new(),
        }
    }

    /// Sets the alpha channel.
    ///
    /// # Errors
    /// [`PictureError::Parameter`] if the canvas has none, or `alpha` has another size or depth.
    pub fn set_alpha(&mut self, alpha: &AlphaPlane) -> Result<(), PictureError> {
        let pixels = self.width() as usize * self.height() as usize;
        if alpha.len() != pixels {
            return Err(PictureError::Parameter(format!(
                "an alpha plane of {} values for {pixels} pixels",
                alpha.len()
            )));
        }
        match (&mut self.image, alpha) {
            (DynamicImage::ImageLumaA8(b), AlphaPlane::U8(a)) => set_alpha::<_, 2>(b, a),
            (DynamicImage::ImageRgba8(b), AlphaPlane::U8(a)) => set_alpha::<_, 4>(b, a),
            (DynamicImage::ImageLumaA16(b), AlphaPlane::U16(a)) => set_alpha::<_, 2>(b, a),
            (DynamicImage::ImageRgba16(b), AlphaPlane::U16(a)) => set_alpha::<_, 4>(b, a),
            (image, _) => {
                return Err(PictureError::Parameter(format!(
                    "an alpha plane of {} bits for a canvas of type {:?}",
                    alpha.bits(),
                    image.color()
                )));
            }
        }
        Ok(())
    }

    /// The finished picture.
    pub fn into_image(self) -> DynamicImage {
        self.image
    }
}

/// Samples for a new canvas: black, or all at the maximum where that makes alpha opaque.
fn filled<S: Sample + Default>(
    width: u32,
    height: u32,
    channels: usize,
    opaque: bool,
) -> Result<Vec<S>, PictureError> {
    // On 32-bit machines the product may not fit; the allocation then fails as it should.
    let length = (width as usize)
        .saturating_mul(height as usize)
        .saturating_mul(channels);
    let mut samples = Vec::new();
    samples.try_reserve_exact(length)?;
    samples.resize(length, S::default());
    if opaque {
        for pixel in samples.chunks_mut(channels) {
            if let Some(alpha) = pixel.last_mut() {
                *alpha = S::from_unit(1.0);
            }
        }
    }
    Ok(samples)
}

fn set_alpha<S: Copy, const CHANNELS: usize>(samples: &mut [S], alpha: &[S]) {
    let pixels = samples.as_chunks_mut::<CHANNELS>().0;
    for (pixel, alpha) in pixels.iter_mut().zip(alpha) {
        pixel[CHANNELS - 1] = *alpha;
    }
}

fn copy_rgb8<const CHANNELS: usize>(
    samples: &mut [u8],
    width: usize,
    (x, y): (u32, u32),
    pixels: ArrayView3<'_, u8>,
) {
    let x = (x as usize).min(width);
    let lines = samples.chunks_mut(width * CHANNELS).skip(y as usize);
    for (line, from) in lines.zip(pixels.outer_iter()) {
        let to = &mut line.as_chunks_mut::<CHANNELS>().0[x..];
        for (to, from) in to.iter_mut().zip(from.outer_iter()) {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = from;
            }
        }
    }
}

/// Some whole rows of a [`Canvas`].
#[derive(Debug)]
pub struct Band<'a> {
    samples: SamplesMut<'a>,
    width: usize,
    channels: usize,
    first_row: usize,
    rows: usize,
}

#[derive(Debug)]
enum SamplesMut<'a> {
    Eight(&'a mut [u8]),
    Sixteen(&'a mut [u16]),
}

fn bands<'a, S>(
    samples: &'a mut [S],
    width: usize,
    channels: usize,
    rows: usize,
    wrap: impl Fn(&'a mut [S]) -> SamplesMut<'a>,
) -> Vec<Band<'a>> {
    let row_samples = width * channels;
    samples
        .chunks_mut(row_samples.saturating_mul(rows))
        .enumerate()
        .map(|(i, part)| Band {
            rows: part.len() / row_samples,
            samples: wrap(part),
            width,
            channels,
            first_row: i * rows,
        })
        .collect()
}

impl Band<'_> {
    /// The rows of the canvas that this band holds.
    pub fn rows(&self) -> std::ops::Range<u32> {
        // They come from a canvas, whose height is a u32.
        self.first_row as u32..(self.first_row + self.rows) as u32
    }

    /// As [`Canvas::write_rgb`], with `x` and `y` counted from the upper left pixel of the canvas. Rows of other
    /// bands are left out.
    ///
    /// # Shapes
    /// - `planes`: `[3, height, width]` (red, green, blue)
    ///
    /// # Errors
    /// [`PictureError::Parameter`] if there are not three planes.
    pub fn write_rgb(
        &mut self,
        x: u32,
        y: u32,
        planes: ArrayView3<'_, f32>,
    ) -> Result<(), PictureError> {
        if planes.dim().0 != 3 {
            return Err(PictureError::Parameter(format!(
                "planes of shape {:?}; the first dimension has to be 3",
                planes.shape()
            )));
        }
        let place = Place {
            x: x as usize,
            y: y as usize,
            first_row: self.first_row,
            width: self.width,
        };
        match (&mut self.samples, self.channels) {
            (SamplesMut::Eight(samples), 1) => write::<_, 1>(samples, place, planes),
            (SamplesMut::Eight(samples), 2) => write::<_, 2>(samples, place, planes),
            (SamplesMut::Eight(samples), 3) => write::<_, 3>(samples, place, planes),
            (SamplesMut::Eight(samples), _) => write::<_, 4>(samples, place, planes),
            (SamplesMut::Sixteen(samples), 1) => write::<_, 1>(samples, place, planes),
            (SamplesMut::Sixteen(samples), 2) => write::<_, 2>(samples, place, planes),
            (SamplesMut::Sixteen(samples), 3) => write::<_, 3>(samples, place, planes),
            (SamplesMut::Sixteen(samples), _) => write::<_, 4>(samples, place, planes),
        }
        Ok(())
    }
}

/// Where planes go: their position on the canvas, and what part of it the samples are.
#[derive(Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
    first_row: usize,
    width: usize,
}

fn write<S: Sample, const CHANNELS: usize>(
    samples: &mut [S],
    place: Place,
    planes: ArrayView3<'_, f32>,
) {
    let (_, plane_rows, plane_columns) = planes.dim();
    let columns = plane_columns.min(place.width.saturating_sub(place.x));
    if columns == 0 {
        return;
    }
    let mut scratch = [const { Vec::new() }; 3];
    for (i, row) in samples.chunks_mut(place.width * CHANNELS).enumerate() {
        let Some(j) = (place.first_row + i).checked_sub(place.y) else {
            continue;
        };
        if j >= plane_rows {
            break;
        }
        let [r, g, b] = &mut scratch;
        let r = contiguous(planes.slice_move(s![0, j, ..columns]), r);
        let g = contiguous(planes.slice_move(s![1, j, ..columns]), g);
        let b = contiguous(planes.slice_move(s![2, j, ..columns]), b);
        let pixels = &mut row.as_chunks_mut::<CHANNELS>().0[place.x..place.x + columns];
        write_row(pixels, r, g, b);
    }
}

/// The row as a slice: itself, or copied to `scratch` if there are gaps between its columns.
fn contiguous<'a>(row: ArrayView1<'a, f32>, scratch: &'a mut Vec<f32>) -> &'a [f32] {
    match row.to_slice() {
        Some(row) => row,
        None => {
            scratch.clear();
            scratch.extend(row);
            scratch
        }
    }
}

fn write_row<S: Sample, const CHANNELS: usize>(
    pixels: &mut [[S; CHANNELS]],
    r: &[f32],
    g: &[f32],
    b: &[f32],
) {
    let colours = r.iter().zip(g).zip(b);
    for (pixel, ((&r, &g), &b)) in pixels.iter_mut().zip(colours) {
        if CHANNELS >= 3 {
            pixel[0] = S::from_unit(r + 0.5);
            pixel[1] = S::from_unit(g + 0.5);
            pixel[2] = S::from_unit(b + 0.5);
        } else {
            pixel[0] = S::from_unit((r + g + b) / 3.0 + 0.5);
        }
    }
}
