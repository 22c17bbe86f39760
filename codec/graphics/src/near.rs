//! Pixels that are equal to a neighbour.

use kiln_entropy::{CodeError, Coder};

use crate::around::Around;
use crate::mix::{Counter, Weights, mixed};

/// Contexts that are mixed.
const INPUTS: usize = 3;
/// Where the contexts of each input begin: four candidates with masks, noise and ranks, equal neighbours and ranks.
const BASES: [usize; INPUTS] = [0, 4 << 10, (4 << 10) + (4 << 8)];
const COUNTERS: usize = (4 << 10) + (4 << 8) + (4 << 9);
/// Levels of noise.
const NOISES: u32 = 64;

/// Adaptive model of pixels that are equal to W, N, NE or NW.
pub(crate) struct NearHits {
    counters: Vec<Counter>,
    weights: [Weights<INPUTS>; 4],
}

impl NearHits {
    pub(crate) fn new() -> Self {
        Self {
            counters: vec![Counter::EVEN; COUNTERS],
            weights: [Weights::new(7000); 4],
        }
    }

    /// Whether the colour is that of a neighbour: that colour if so. `noise` is a sum of magnitudes of residuals.
    #[inline(always)]
    pub(crate) fn code<K: Coder>(
        &mut self,
        coder: &mut K,
        around: &Around,
        noise: u32,
        actual: u64,
    ) -> Result<Option<u64>, CodeError> {
        let near = &around.0;
        let noise = level(noise).min(NOISES - 1) as usize;
        let equal = around.equal();
        let mut rank = 0;
        for (source, place) in [0, 1, 3, 2].into_iter().enumerate() {
            let colour = near[place];
            let known = [near[0], near[1], near[3]];
            if known[..source].contains(&colour) {
                continue;
            }
            let at = [
                BASES[0] + (source << 10 | around.mask(colour)),
                BASES[1] + (source << 8 | noise << 2 | rank),
                BASES[2] + (source << 9 | equal << 2 | rank),
            ];
            rank += 1;
            let hit = colour == actual;
            if mixed(
                coder,
                &mut self.counters,
                at,
                &mut self.weights[source],
                255,
                hit,
            )? {
                return Ok(Some(colour));
            }
        }
        Ok(None)
    }
}

/// Four levels for each doubling of `value + 2`.
#[inline(always)]
pub(crate) fn level(value: u32) -> u32 {
    let value = value.saturating_add(2);
    let log = value.ilog2();
    (log << 2) + ((value << 2 >> log) & 3)
}
