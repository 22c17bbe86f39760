//! What the entropy networks say of a stripe of y: features, and the means and rows of each step, tile by tile.

use std::ops::Range;

use burn::tensor::Tensor;
use ndarray::{Array3, ArrayView3, Axis, s};

use super::entropy::HYPER_SYNTHESIS_HALO;
use super::{Base, CONTEXT_HALO, HYPER_CELL, Parameters};
use crate::ModelError;
use crate::latents::steps::QUARTERS;
use crate::nets::exact::ACT_MAX;
use crate::nets::tensors::{download_parameters, unpack_parameters, upload};
use crate::run::tiles::{Span, spans};

/// Means and rows of what a step codes of a stripe, on the host: [rows, M, w].
pub(super) struct HostParameters {
    pub(super) mean: Array3<i16>,
    pub(super) row: Array3<u8>,
}

/// A tile of a stripe: its place, in cells of the whole grid, and its features [1, P, rows, columns]. It begins at a cell of
/// z, so that the parities of its rows and columns are those of the grid.
pub(super) struct Tile {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    pub(super) features: Tensor<4>,
}

/// The rows of y_hat next to a stripe, [1, M, w] each, where there is a neighbour.
pub(super) struct Edges {
    pub(super) above: Option<Array3<i32>>,
    pub(super) below: Option<Array3<i32>>,
}

/// What a step may read: the steps before it of a stripe and of one row of its neighbours.
pub(super) struct Known<'a> {
    pub(super) rows: Range<usize>,
    pub(super) y_hat: ArrayView3<'a, i32>,
    pub(super) edges: Edges,
    pub(super) shift: &'a [i32],
}

impl Known<'_> {
    /// The context net's input for a tile and its halo: shifted, clamped, zero beyond the grid. What no step has coded yet
    /// is zero in y_hat.
    pub(crate) fn context(&self, t: &Tile, w: usize) -> Array3<f32> {
        let halo = CONTEXT_HALO;
        let m = self.y_hat.dim().1;
        let mut u = Array3::<f32>::zeros((m, t.rows.len() + 2 * halo, t.columns.len() + 2 * halo));
        for i in 0..u.dim().1 {
            // Row 0 of the tile reads one row above the tile, which may lie in the stripe above.
            let Some(row) = (t.rows.start + i).checked_sub(halo) else {
                continue;
            };
            let line = if row < self.rows.start {
                self.edges.above.as_ref().map(|a| a.index_axis(Axis(0), 0))
            } else if row < self.rows.end {
                Some(self.y_hat.index_axis(Axis(0), row - self.rows.start))
            } else {
                self.edges.below.as_ref().map(|b| b.index_axis(Axis(0), 0))
            };
            let Some(line) = line else { continue };
            let columns = t.columns.start.saturating_sub(halo)..(t.columns.end + halo).min(w);
            let offset = columns.start + halo - t.columns.start;
            for (c, &shift) in self.shift.iter().enumerate() {
                let from = line.slice(s![c, columns.clone()]);
                let mut to = u.slice_mut(s![c, i, offset..]);
                for (o, &y) in to.iter_mut().zip(from) {
                    *o = (y >> shift).clamp(-ACT_MAX, ACT_MAX) as f32;
                }
            }
        }
        u
    }
}

impl Base {
    /// Features of h_s for a stripe, tile by tile.
    pub(super) fn features(
        &self,
        z: &Array3<i32>,
        rows: Range<usize>,
        (h, w): (usize, usize),
        level: usize,
    ) -> Result<Vec<Tile>, ModelError> {
        let (zh, channels, zw) = z.dim();
        let core = self.hyper_tile();
        let halo = HYPER_SYNTHESIS_HALO;
        let z_rows = rows.start / HYPER_CELL..rows.end.div_ceil(HYPER_CELL);
        let mut out = Vec::new();
        for v in spans(z_rows, zh, core, halo) {
            for u in spans(0..zw, zw, core, halo) {
                let mut t = Array3::<f32>::zeros((channels, v.read.len(), u.read.len()));
                let from = z.slice(s![v.read.clone(), .., u.read.clone()]);
                t.zip_mut_with(&from.permuted_axes([1, 0, 2]), |o, &x| *o = x as f32);
                let f = self.h_s.features(upload(t, &self.place.exact), &level)?;
                // z covers whole cells; the grid of y may end within one.
                let cut = |s: &Span, len: usize| {
                    let cells = s.core.start * HYPER_CELL..(s.core.end * HYPER_CELL).min(len);
                    let start = s.inner(HYPER_CELL).start;
                    (start..start + cells.len(), cells)
                };
                let ((vi, rows), (ui, columns)) = (cut(&v, h), cut(&u, w));
                let p = f.dims()[1];
                out.push(Tile {
                    rows,
                    columns,
                    features: f.slice([0..1, 0..p, vi, ui]),
                });
            }
        }
        Ok(out)
    }

    /// Runs the parameters of every tile and lays out those of a step's cells as the stripe: [rows, M, w]. What the step
    /// does not code is 0.
    pub(super) fn host_parameters(
        &self,
        rows: Range<usize>,
        w: usize,
        tiles: &[Tile],
        mut run: impl FnMut(&Tile) -> Result<Vec<Parameters>, ModelError>,
    ) -> Result<HostParameters, ModelError> {
        let m = self.config.latents;
        let mut out = HostParameters {
            mean: Array3::zeros((rows.len(), m, w)),
            row: Array3::zeros((rows.len(), m, w)),
        };
        for t in tiles {
            let found = run(t)?;
            let places: Vec<_> = found.iter().map(|p| (p.quarter, p.coset)).collect();
            let pairs = found.into_iter().map(|p| (p.mean, p.row)).collect();
            for (packed, (quarter, coset)) in download_parameters(pairs)?.iter().zip(places) {
                let channels = quarter * m / QUARTERS..(quarter + 1) * m / QUARTERS;
                let (first, last) = (t.rows.start - rows.start, t.rows.end - rows.start);
                let place = s![
                    first + coset / 2..last;2,
                    channels,
                    t.columns.start + coset % 2..t.columns.end;2
                ];
                ndarray::Zip::from(out.mean.slice_mut(place))
                    .and(out.row.slice_mut(place))
                    .and(packed.view().permuted_axes([1, 0, 2]))
                    .for_each(|m, r, &packed| (*m, *r) = unpack_parameters(packed));
            }
        }
        Ok(out)
    }
}
