//! Pictures as the source and sink of the networks' tiles. Public for the benches and tests that run single stages.

use std::cell::Cell;
use std::ops::ControlFlow;

use image::DynamicImage;
use kiln_models::{ModelError, PixelSink, PixelSource};
use ndarray::{ArrayView3, ArrayViewMut3};

use crate::picture::{Canvas, Rect, read_rgb};
use crate::progress::{Progress, stage};

/// Counts tiles by their pixels.
struct Meter<'a> {
    progress: &'a dyn Progress,
    stage: &'static str,
    done: Cell<u64>,
    total: u64,
}

impl<'a> Meter<'a> {
    fn new(progress: &'a dyn Progress, stage: &'static str, total: u64) -> Self {
        Self {
            progress,
            stage,
            done: Cell::new(0),
            total,
        }
    }

    fn add(&self, pixels: usize) -> Result<(), ModelError> {
        self.done
            .set((self.done.get() + pixels as u64).min(self.total));
        match self
            .progress
            .update(self.stage, self.done.get(), self.total)
        {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        }
    }
}

/// A picture as the networks read it.
pub struct Source<'a> {
    image: &'a DynamicImage,
    meter: Meter<'a>,
}

impl<'a> Source<'a> {
    /// The picture; its tiles are reported as [`stage::ANALYSE`].
    pub fn new(image: &'a DynamicImage, progress: &'a dyn Progress) -> Self {
        let pixels = u64::from(image.width()) * u64::from(image.height());
        Self {
            image,
            meter: Meter::new(progress, stage::ANALYSE, pixels),
        }
    }
}

impl PixelSource for Source<'_> {
    fn size(&self) -> (usize, usize) {
        (self.image.height() as usize, self.image.width() as usize)
    }

    fn read(&self, x: usize, y: usize, out: ArrayViewMut3<f32>) -> Result<(), ModelError> {
        let (_, height, width) = out.dim();
        let rect = Rect {
            x: x as i64,
            y: y as i64,
            width: width as u32,
            height: height as u32,
        };
        // The kind of the picture was checked before: what is left is a bug, not the caller's doing.
        read_rgb(self.image, rect, out).map_err(|e| ModelError::Device(e.to_string()))?;
        self.meter.add(height * width)
    }
}

/// A canvas as the networks write it.
pub struct Sink<'a> {
    canvas: &'a mut Canvas,
    meter: Meter<'a>,
}

impl<'a> Sink<'a> {
    /// The canvas; its tiles are reported as [`stage::SYNTHESISE`].
    pub fn new(canvas: &'a mut Canvas, progress: &'a dyn Progress) -> Self {
        let pixels = u64::from(canvas.width()) * u64::from(canvas.height());
        Self {
            canvas,
            meter: Meter::new(progress, stage::SYNTHESISE, pixels),
        }
    }
}

impl PixelSink for Sink<'_> {
    fn write(&mut self, x: usize, y: usize, planes: ArrayView3<f32>) -> Result<(), ModelError> {
        let (_, height, width) = planes.dim();
        self.canvas
            .write_rgb(x as u32, y as u32, planes)
            .map_err(|e| ModelError::Device(e.to_string()))?;
        self.meter.add(height * width)
    }

    fn is_rgb8(&self) -> bool {
        self.canvas.is_rgb8()
    }

    fn write_rgb8(&mut self, x: usize, y: usize, pixels: ArrayView3<u8>) -> Result<(), ModelError> {
        let (height, width, _) = pixels.dim();
        self.canvas
            .write_rgb8(x as u32, y as u32, pixels)
            .map_err(|e| ModelError::Device(e.to_string()))?;
        self.meter.add(height * width)
    }
}
