//! Pictures as the source and sink of the networks' tiles.

use std::cell::Cell;

use kiln_container::ColorKind;
use kiln_models::ModelError;
use kiln_models::seam::{PixelSink, PixelSource, Size, Watch};
use ndarray::{ArrayView3, ArrayViewMut3};

use super::{Pixels, PixelsError, PixelsMut, Rect, is_rgb8, read_rgb, write_rgb, write_rgb8};
use crate::progress::{Progress, Stage, Staged};

/// Counts tiles by their pixels.
struct Meter<'a> {
    staged: Staged<'a>,
    done: Cell<u64>,
    total: u64,
}

impl<'a> Meter<'a> {
    fn new(progress: &'a dyn Progress, stage: Stage, total: u64) -> Self {
        Self {
            staged: Staged { progress, stage },
            done: Cell::new(0),
            total,
        }
    }

    fn add(&self, pixels: usize) -> Result<(), ModelError> {
        self.done
            .set((self.done.get() + pixels as u64).min(self.total));
        self.staged.update(self.done.get(), self.total)
    }
}

/// A picture as the networks read it.
pub struct Source<'a> {
    pixels: Pixels<'a>,
    meter: Meter<'a>,
}

impl<'a> Source<'a> {
    /// The picture; its tiles are reported as [`Stage::Analyse`].
    pub fn new(pixels: Pixels<'a>, progress: &'a dyn Progress) -> Self {
        let count = u64::from(pixels.width()) * u64::from(pixels.height());
        Self {
            pixels,
            meter: Meter::new(progress, Stage::Analyse, count),
        }
    }
}

impl PixelSource for Source<'_> {
    fn size(&self) -> Size {
        Size {
            height: self.pixels.height() as usize,
            width: self.pixels.width() as usize,
        }
    }

    fn read(&self, x: usize, y: usize, out: ArrayViewMut3<f32>) -> Result<(), ModelError> {
        let (_, height, width) = out.dim();
        let rect = Rect {
            x: x as i64,
            y: y as i64,
            width: width as u32,
            height: height as u32,
        };
        read_rgb(self.pixels, rect, out).map_err(bug)?;
        self.meter.add(height * width)
    }
}

/// Pixels as the networks write them.
pub struct Sink<'a> {
    pixels: PixelsMut<'a>,
    color: ColorKind,
    meter: Meter<'a>,
}

impl<'a> Sink<'a> {
    /// Where a picture goes that is grey or in colour as `color` says; its tiles are reported as [`Stage::Synthesise`].
    /// Alpha stays as it is.
    ///
    /// # Errors
    /// [`PixelsError::NoColor`] if the pixels are grey and the picture is not.
    pub fn new(
        pixels: PixelsMut<'a>,
        color: ColorKind,
        progress: &'a dyn Progress,
    ) -> Result<Self, PixelsError> {
        pixels.check_color(color)?;
        let count = u64::from(pixels.width()) * u64::from(pixels.height());
        Ok(Self {
            pixels,
            color,
            meter: Meter::new(progress, Stage::Synthesise, count),
        })
    }
}

impl PixelSink for Sink<'_> {
    fn write(&mut self, x: usize, y: usize, planes: ArrayView3<f32>) -> Result<(), ModelError> {
        let (_, height, width) = planes.dim();
        let at = (x as u32, y as u32);
        write_rgb(&mut self.pixels, self.color, at, planes).map_err(bug)?;
        self.meter.add(height * width)
    }

    fn is_rgb8(&self) -> bool {
        is_rgb8(&self.pixels, self.color)
    }

    fn write_rgb8(&mut self, x: usize, y: usize, pixels: ArrayView3<u8>) -> Result<(), ModelError> {
        let (height, width, _) = pixels.dim();
        write_rgb8(&mut self.pixels, (x as u32, y as u32), pixels).map_err(bug)?;
        self.meter.add(height * width)
    }
}

/// What the networks hand over fits by construction: what fails here is not the caller's doing.
fn bug(error: PixelsError) -> ModelError {
    ModelError::Device(error.to_string())
}
