//! Cutting grids into tiles, so that memory stays bounded and layers stay in the caches.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use ndarray::{Array3, s};

use crate::ModelError;
use crate::nets::host;
use crate::nets::tensors::{download, download_rgb8, upload};
use crate::seam::{Analysed, PixelSink, PixelSource};

/// One side of a tile: what it computes, and what it reads to do so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) core: Range<usize>,
    pub(crate) read: Range<usize>,
}

impl Span {
    /// Where the core lies within what was read, both scaled by `scale`.
    pub(crate) fn inner(&self, scale: usize) -> Range<usize> {
        (self.core.start - self.read.start) * scale..(self.core.end - self.read.start) * scale
    }
}

/// Cuts `range` into even pieces of at most `core` cells, each reading `halo` cells more on each side where the grid of
/// `len` cells has them. At the border of the grid nothing is added: there the layers' own zero padding belongs.
pub(crate) fn spans(range: Range<usize>, len: usize, core: usize, halo: usize) -> Vec<Span> {
    let n = range.len().div_ceil(core).max(1);
    (0..n)
        .map(|i| {
            let core = range.start + range.len() * i / n..range.start + range.len() * (i + 1) / n;
            let read = core.start.saturating_sub(halo)..(core.end + halo).min(len);
            Span { core, read }
        })
        .collect()
}

/// The most cells that one of the [`spans`] of a grid of `len` cells reads, or one more than that.
pub(crate) fn largest_span(len: usize, core: usize, halo: usize) -> usize {
    let n = len.div_ceil(core).max(1);
    // The pieces at the two ends have a halo on one side alone.
    let halos = (n - 1).min(2) * halo;
    (len.div_ceil(n) + halos).min(len)
}

/// All tiles of a grid, row by row: (vertical, horizontal).
pub(crate) fn tiles(height: usize, width: usize, core: usize, halo: usize) -> Vec<(Span, Span)> {
    let across = spans(0..width, width, core, halo);
    spans(0..height, height, core, halo)
        .iter()
        .flat_map(|v| across.iter().map(|h| (v.clone(), h.clone())))
        .collect()
}

/// How a transform between pixels and latents runs in tiles.
#[derive(Clone, Copy)]
pub(crate) struct Tiling<'a> {
    /// Where it runs.
    pub(crate) device: &'a Device,
    /// Pixels along each side of a cell.
    pub(crate) cell: usize,
    /// Cells along each side of a tile.
    pub(crate) core: usize,
    /// Cells around a tile that its result depends on.
    pub(crate) halo: usize,
}

impl Tiling<'_> {
    /// Runs an analysis, [1, 3, rows, columns] -> [1, M, rows / cell, columns / cell], over a picture: y on a grid of `h`
    /// by `w` cells with `m` channels, left on the device as well if `keep`.
    pub(crate) fn analyse(
        self,
        source: &dyn PixelSource,
        (h, m, w): (usize, usize, usize),
        keep: bool,
        forward: impl Fn(Tensor<4>) -> Result<Tensor<4>, ModelError>,
    ) -> Result<Analysed, ModelError> {
        let cell = self.cell;
        let mut y = Array3::zeros((h, m, w));
        let mut kept: Vec<Vec<Tensor<4>>> = Vec::new();
        for (v, u) in tiles(h, w, self.core, self.halo) {
            let mut x = Array3::zeros((3, v.read.len() * cell, u.read.len() * cell));
            source.read(u.read.start * cell, v.read.start * cell, x.view_mut())?;
            let out = forward(upload(x, self.device))?;
            let core = out.slice([0..1, 0..m, v.inner(1), u.inner(1)]);
            if keep {
                // The first tile of a row of tiles.
                if u.core.start == 0 {
                    kept.push(Vec::new());
                }
                if let Some(row) = kept.last_mut() {
                    row.push(core.clone());
                }
            }
            y.slice_mut(s![v.core, .., u.core])
                .assign(&download(core)?.permuted_axes([1, 0, 2]));
        }
        Ok(match keep {
            true => Analysed::with_tiles(y, kept),
            false => y.into(),
        })
    }

    /// Runs a synthesis, [1, M, rows, columns] -> [1, 3, rows * cell, columns * cell], over a grid of `h` by `w` cells, and
    /// hands the tiles to `sink`. `input`: what the synthesis reads of a part of the grid, [M, rows, columns].
    pub(crate) fn synthesise(
        self,
        (h, w): (usize, usize),
        input: impl Fn(Range<usize>, Range<usize>) -> Array3<f32>,
        forward: impl Fn(Tensor<4>) -> Result<Tensor<4>, ModelError>,
        sink: &mut dyn PixelSink,
    ) -> Result<(), ModelError> {
        let cell = self.cell;
        for (v, u) in tiles(h, w, self.core, self.halo) {
            let y = input(v.read.clone(), u.read.clone());
            let out = forward(upload(y, self.device))?;
            let (x0, y0) = (u.core.start * cell, v.core.start * cell);
            let (rows, columns) = (v.inner(cell), u.inner(cell));
            if sink.is_rgb8() && !host::is_cpu(self.device) {
                let core = out.slice([0..1, 0..3, rows, columns]);
                sink.write_rgb8(x0, y0, download_rgb8(core)?.view())?;
            } else {
                sink.write(x0, y0, download(out)?.slice(s![.., rows, columns]))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_range_without_overlap() {
        for (len, core, halo) in [(1, 4, 1), (4, 4, 1), (5, 4, 2), (97, 8, 3), (32, 32, 0)] {
            let s = spans(0..len, len, core, halo);
            assert_eq!(s[0].core.start, 0);
            assert_eq!(s.last().map(|s| s.core.end), Some(len));
            assert!(s.windows(2).all(|w| w[0].core.end == w[1].core.start));
            for p in &s {
                assert!(!p.core.is_empty() && p.core.len() <= core);
                assert_eq!(p.read.start, p.core.start.saturating_sub(halo));
                assert_eq!(p.read.end, (p.core.end + halo).min(len));
                assert_eq!(p.inner(2).len(), 2 * p.core.len());
            }
            let longest = s.iter().map(|p| p.read.len()).max().unwrap_or(0);
            let bound = largest_span(len, core, halo);
            assert!(
                (longest..=longest + 1).contains(&bound),
                "{longest} {bound}"
            );
        }
    }
}
