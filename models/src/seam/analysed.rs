//! The analysed picture: what g_a makes of it, on the host for the quantiser, and on the device for h_a.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use ndarray::Array3;

use crate::nets::host;

/// Bytes of y that stay on a device at most: what WebGPU guarantees for a binding. 27 megapixels; y of larger pictures
/// goes up again, tile by tile.
const KEPT: usize = 128 << 20;

/// Cells of y along each side of a cell of the coarsest latent that is computed from it.
const WHOLE: usize = 4;

/// y of a picture before any gain, as [`Architecture::analyse`](crate::seam::Architecture::analyse) makes it. It serves
/// every level.
///
/// One that was made from an array holds nothing on a device.
#[derive(Clone, Debug)]
pub struct Analysed {
    host: Array3<f32>,
    /// The same on the device that made it, [1, M, rows, columns]: a GPU need not be sent again what it has computed.
    /// Rows and columns are filled up with zeros to multiples of [`WHOLE`].
    kept: Option<Tensor<4>>,
}

impl From<Array3<f32>> for Analysed {
    /// `y`: [h, M, w].
    fn from(y: Array3<f32>) -> Self {
        Self {
            host: y,
            kept: None,
        }
    }
}

impl Analysed {
    /// y on the host: [row, channel, column].
    pub fn y(&self) -> &Array3<f32> {
        &self.host
    }

    /// y and the cores of its tiles on a device, [1, M, rows, columns] each, row of tiles by row of tiles.
    pub(crate) fn with_tiles(y: Array3<f32>, tiles: Vec<Vec<Tensor<4>>>) -> Self {
        let (h, _, w) = y.dim();
        let rows = tiles.into_iter().map(|row| Tensor::cat(row, 3)).collect();
        let kept: Tensor<4> = Tensor::cat(rows, 2);
        // Left, right, top, bottom.
        let kept = kept.pad((0, padding(w), 0, padding(h)), 0.0);
        Self {
            host: y,
            kept: Some(kept),
        }
    }

    /// Whether y of a grid is to stay on a device.
    pub(crate) fn stays(device: &Device, h: usize, m: usize, w: usize) -> bool {
        let bytes = (h + padding(h)) * (w + padding(w)) * m * size_of::<f32>();
        !host::is_cpu(device) && bytes <= KEPT
    }

    /// A part of y that a device holds, [1, M, rows, columns], in cells of the filled-up grid. `None` if the device
    /// holds nothing.
    pub(crate) fn on_device(
        &self,
        device: &Device,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Option<Tensor<4>> {
        let kept = self.kept.as_ref().filter(|k| k.device() == *device)?;
        let m = kept.dims()[1];
        Some(kept.clone().slice([0..1, 0..m, rows, columns]))
    }
}

/// Cells that are missing to a multiple of [`WHOLE`].
fn padding(cells: usize) -> usize {
    cells.next_multiple_of(WHOLE) - cells
}
