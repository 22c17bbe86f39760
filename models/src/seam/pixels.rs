//! Pictures as the networks read and write them.

use ndarray::{ArrayView3, ArrayViewMut3};

use super::Size;
use crate::ModelError;

/// Where a picture to encode comes from.
pub trait PixelSource {
    /// Its size.
    fn size(&self) -> Size;

    /// Fills `out`, [3, height, width], with the rectangle at (`x`, `y`): red, green, blue minus 1/2 in -1/2..=1/2.
    /// Pixels beyond the picture repeat its edge.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] to stop.
    fn read(&self, x: usize, y: usize, out: ArrayViewMut3<f32>) -> Result<(), ModelError>;
}

/// Where a decoded picture goes.
pub trait PixelSink {
    /// Takes planes [3, height, width] of values around -1/2..=1/2 for the rectangle at (`x`, `y`). What reaches beyond
    /// the picture is to be dropped.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] to stop.
    fn write(&mut self, x: usize, y: usize, planes: ArrayView3<f32>) -> Result<(), ModelError>;

    /// Whether all that is kept of a pixel is 8-bit red, green and blue. A GPU then rounds before it hands the pixels over,
    /// a third of the bytes, and calls [`write_rgb8`](Self::write_rgb8) instead.
    fn is_rgb8(&self) -> bool {
        false
    }

    /// Takes pixels [height, width, 3] for the rectangle at (`x`, `y`). What reaches beyond the picture is to be dropped.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn write_rgb8(&mut self, x: usize, y: usize, pixels: ArrayView3<u8>) -> Result<(), ModelError> {
        let planes = pixels.permuted_axes([2, 0, 1]);
        self.write(x, y, planes.mapv(|p| f32::from(p) / 255.0 - 0.5).view())
    }
}
