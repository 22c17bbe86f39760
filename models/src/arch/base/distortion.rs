//! The squared error of a picture and its gradient by the latents, tile by tile.

use burn::tensor::Tensor;
use ndarray::{Array3, s};

use super::{Base, CELL, synthesis_input};
use crate::ModelError;
use crate::nets::tensors::{download, upload};
use crate::run::tiles::{Span, tiles};
use crate::seam::{Meter, PixelSource};

impl Base {
    /// Sum over pixels and channels of the squared difference between the synthesis of `y_hat` [h, M, w] and the
    /// picture, samples in a range of 1. With `gradient` [h, M, w], also its derivative by `y_hat` in whole steps of the
    /// quantiser.
    ///
    /// `meter` is told of each tile, in cells.
    pub(super) fn squared_error(
        &self,
        y_hat: &Array3<i32>,
        level: usize,
        picture: &dyn PixelSource,
        mut gradient: Option<&mut Array3<f32>>,
        meter: &Meter,
    ) -> Result<f64, ModelError> {
        let (h, _, w) = y_hat.dim();
        let size = picture.size();
        let inverse_gain = &self.rates[level].inverse_gain;
        let device = &self.place.device;
        let reach = self.g_s.halo();
        // A cell moves pixels of cells within reach, and those depend on cells within reach of them.
        let halo = if gradient.is_some() { 2 * reach } else { reach };
        let mut total = 0.0;
        for (v, u) in tiles(h, w, self.place.tile.cells(CELL), halo) {
            let mut x = Array3::zeros((3, v.read.len() * CELL, u.read.len() * CELL));
            picture.read(u.read.start * CELL, v.read.start * CELL, x.view_mut())?;
            let x = upload(x, device);
            let y = synthesis_input(y_hat, inverse_gain, v.read.clone(), u.read.clone());
            let y = upload(y, device);
            let core = [pixels(&v, 0, size.height), pixels(&u, 0, size.width)];
            if let Some(gradient) = gradient.as_deref_mut() {
                let y = y.autodiff().require_grad();
                let error = self.g_s.forward(y.clone())?.clamp(-0.5, 0.5) - x;
                total += sum_of_squares(&error.clone().inner(), &core)?;
                let seen = [
                    pixels(&v, reach, size.height),
                    pixels(&u, reach, size.width),
                ];
                let [rows, columns] = seen;
                let grads = error
                    .slice([0..1, 0..3, rows, columns])
                    .square()
                    .sum()
                    .backward();
                let g = y
                    .grad(&grads)
                    .ok_or_else(|| ModelError::Device("the synthesis has no gradient".into()))?;
                let g = download(g)?;
                let g = g.slice(s![.., v.inner(1), u.inner(1)]);
                let mut to = gradient.slice_mut(s![v.core.clone(), .., u.core.clone()]);
                for ((i, c, j), to) in to.indexed_iter_mut() {
                    *to = g[(c, i, j)] * inverse_gain[c];
                }
            } else {
                let error = self.g_s.forward(y)?.clamp(-0.5, 0.5) - x;
                total += sum_of_squares(&error, &core)?;
            }
            meter.add((v.core.len() * u.core.len()) as u64)?;
        }
        Ok(total)
    }

    /// Second derivative of the squared error by each latent in whole steps of the quantiser, as far as the linear part
    /// of g_s makes it: the network beside it adds little. [M]
    pub(super) fn curvature(&self, level: usize) -> Result<Vec<f32>, ModelError> {
        let columns = self.g_s.linear_energies()?;
        Ok(columns
            .iter()
            .zip(&self.rates[level].inverse_gain)
            .map(|(e, g)| 2.0 * e * g * g)
            .collect())
    }
}

/// Pixels of a tile, counted from where it was read: its core and so many cells around, as far as they were read and lie
/// in the picture of `len` pixels.
fn pixels(span: &Span, around: usize, len: usize) -> std::ops::Range<usize> {
    let start = span.core.start.saturating_sub(around).max(span.read.start);
    let end = (span.core.end + around).min(span.read.end);
    let origin = span.read.start * CELL;
    start * CELL - origin..(end * CELL).min(len).max(start * CELL) - origin
}

fn sum_of_squares(
    error: &Tensor<4>,
    [rows, columns]: &[std::ops::Range<usize>; 2],
) -> Result<f64, ModelError> {
    let part = error
        .clone()
        .slice([0..1, 0..3, rows.clone(), columns.clone()]);
    Ok(download(part)?.iter().map(|e| f64::from(*e).powi(2)).sum())
}
