//! What is asked of a search for better latents, and what it answers.

use super::Coded;

/// Passes of a round with noise, its fading included.
pub(crate) const NOISY: usize = 6;
/// Passes without noise that end a round.
pub(crate) const QUIET: usize = 2;

/// How long to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// Passes that only take what is better.
    pub descents: usize,
    /// Rounds of annealing after them, each of 8 passes. The first comes with a new hyper latent.
    pub rounds: usize,
}

impl Search {
    /// How often the picture is synthesised, with a gradient mostly: what the time is spent on.
    pub fn evaluations(self) -> usize {
        let hyper = if self.rounds > 0 { 1 + QUIET } else { 0 };
        1 + self.descents + hyper + self.rounds * (NOISY + QUIET)
    }
}

/// What symbols cost: bits, and the squared error summed over pixels and channels, samples in a range of 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Bits of all symbols by their tables.
    pub bits: f64,
    /// Sum of squared errors, before samples are rounded.
    pub squared_error: f64,
    /// `bits` plus the error in bits, at the weight of the level.
    pub total: f64,
}

/// Coded symbols and what the search made of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Refined {
    /// The symbols, coded.
    pub coded: Coded,
    /// What the symbols of the analysis would have cost.
    pub start: Cost,
    /// What the coded symbols cost: never a greater total than at the start.
    pub end: Cost,
}
