//! What a picture takes in memory, for limits: sums of what is held at once, by the sizes of the networks.
//!
//! The factors follow from the code and were held against a counting allocator (`codec/tests/memory.rs`): estimates are 5
//! to 40 % above what is taken. They saturate, so that no size is too large to be refused.

use super::{Base, CELL, HYPER_CELL, STRIPE_ROWS};

use crate::run::tiles::largest_span;
use crate::seam::{Search, Size};

/// Bytes of a float.
const FLOAT: u64 = size_of::<f32>() as u64;
/// What is held whatever the picture, beside the numbers of the weights: tables, costs, and what Burn needs.
const FIXED: u64 = 4 << 20;
/// What each thread keeps for products of matrices.
const THREAD: u64 = 1 << 20;
/// Cells at 1/8 for each cell of y.
const FINE: u64 = 4;

impl Base {
    /// Of decoding: the latents are decoded, then synthesised.
    pub(super) fn decoding_bytes(&self, size: Size) -> u64 {
        let c = &self.config;
        let latents = cells(size).saturating_mul(4 * c.latents as u64);
        let synthesis = latents.saturating_add(self.tile_bytes(size, self.g_s.halo(), c.latents));
        self.resident()
            .saturating_add(self.coding_bytes(size).max(synthesis))
    }

    /// Of encoding without a search: the picture is analysed, then coded from y in floats.
    pub(super) fn encoding_bytes(&self, size: Size) -> u64 {
        let m = self.config.latents as u64;
        let cells = cells(size);
        let analysis = self.tile_bytes(size, self.g_a.halo(), 3 * CELL * CELL);
        // A slot of 4 bytes for each symbol, in lists that grow.
        let slots = cells.saturating_mul(6 * m);
        let coding = self.coding_bytes(size).saturating_add(slots);
        self.resident()
            .saturating_add(cells.saturating_mul(FLOAT * m))
            .saturating_add(coding.max(analysis))
    }

    /// Of a search, beside what encoding takes: its states, and a tile of the synthesis with what its gradient needs.
    pub(super) fn searching_bytes(&self, size: Size, search: Search) -> u64 {
        let (c, m) = (&self.config, self.config.latents as u64);
        // The present state, the best and the next one: y_hat and residual each. Two gradients.
        let states = 3 * 6 * m + 2 * FLOAT * m;
        // What the hyper latent says, and what a trial of another says.
        let parts = self.feature_bytes() + PARAMETERS * m;
        let parts = if search.rounds > 0 { 2 * parts } else { parts };
        // Each activation function keeps what it read.
        let kept = FINE * (c.width * (1 + c.expansion) * c.synthesis_blocks) as u64 + 2 * m;
        let tile = self.tile_cells(size, 2 * self.g_s.halo());
        cells(size)
            .saturating_mul(states + parts)
            .saturating_add(tile * FLOAT * kept)
    }

    /// Weights, and what is there whatever the picture.
    fn resident(&self) -> u64 {
        let threads = rayon::current_num_threads() as u64;
        self.weights_bytes + FIXED + THREAD * threads
    }

    /// Of the path between streams and latents.
    fn coding_bytes(&self, size: Size) -> u64 {
        let c = &self.config;
        let m = c.latents as u64;
        let (h, w) = size.cells(CELL);
        // y_hat and residual.
        let grid = cells(size).saturating_mul(6 * m + self.feature_bytes());
        // A stripe at work: the parameters of a step, and a tile of the widest layer of the context, which reads and
        // gathers twice M and P channels, beside what is known of y_hat.
        let stripes = h.div_ceil(STRIPE_ROWS).min(rayon::current_num_threads()) as u64;
        let rows = h.min(STRIPE_ROWS) as u64;
        let columns = w.min(self.hyper_tile() * HYPER_CELL) as u64;
        let layer = FLOAT * (2 * (2 * m + c.features as u64) + m);
        let stripe = rows * (w as u64 * PARAMETERS * m + columns * layer);
        grid.saturating_add(stripes.saturating_mul(stripe))
    }

    /// Features of a cell of y. They are parts of tiles, which stay as they are with the halo around them.
    fn feature_bytes(&self) -> u64 {
        FLOAT * self.config.features as u64 * 3 / 2
    }

    /// A tile of a transform between pixels and latents: what it reads, its input, and the three layers of a block.
    fn tile_bytes(&self, size: Size, halo: usize, read: usize) -> u64 {
        let c = &self.config;
        let fine = FINE * (c.width * (2 + c.expansion)) as u64;
        let pixels = (3 * CELL * CELL) as u64;
        self.tile_cells(size, halo) * FLOAT * (read as u64 + fine.max(pixels))
    }

    /// Cells of the largest tile.
    fn tile_cells(&self, size: Size, halo: usize) -> u64 {
        let (h, w) = size.cells(CELL);
        let side = |cells| largest_span(cells, self.place.tile.cells(CELL), halo) as u64;
        side(h) * side(w)
    }
}

/// Bytes of the mean and the row of a latent.
const PARAMETERS: u64 = 3;

/// Cells of the grid of y.
fn cells(size: Size) -> u64 {
    let (h, w) = size.cells(CELL);
    (h as u64).saturating_mul(w as u64)
}
