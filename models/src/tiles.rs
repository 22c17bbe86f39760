//! Cutting grids into tiles, so that memory stays bounded and layers stay in the caches.

use std::ops::Range;

/// Side of the square that a network computes at once, in picture pixels. Results do not depend on it: integer networks
/// agree bit for bit, float networks within one step of 8 bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileSize(usize);

impl TileSize {
    /// A side of `pixels`, a multiple of 64.
    ///
    /// Returns `None` for zero and for sides that are not whole cells of the hyper latent.
    pub fn new(pixels: usize) -> Option<Self> {
        (pixels > 0 && pixels.is_multiple_of(64)).then_some(Self(pixels))
    }

    /// Side in cells of y.
    pub(crate) fn cells(self) -> usize {
        self.0 / crate::config::CELL
    }

    /// Side in cells of z.
    pub(crate) fn hyper_cells(self) -> usize {
        self.cells() / crate::config::HYPER_CELL
    }
}

impl Default for TileSize {
    fn default() -> Self {
        Self(768)
    }
}

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

/// All tiles of a grid, row by row: (vertical, horizontal).
pub(crate) fn tiles(height: usize, width: usize, core: usize, halo: usize) -> Vec<(Span, Span)> {
    let across = spans(0..width, width, core, halo);
    spans(0..height, height, core, halo)
        .iter()
        .flat_map(|v| across.iter().map(|h| (v.clone(), h.clone())))
        .collect()
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
        }
    }

    #[test]
    fn sizes_are_whole_hyper_cells() {
        assert!(TileSize::new(0).is_none());
        assert!(TileSize::new(100).is_none());
        assert_eq!(TileSize::new(128).map(TileSize::hyper_cells), Some(2));
        assert_eq!(TileSize::default().cells(), 48);
    }
}
