//! How far the work is, and whether it goes on.

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Status {
    /// Part of the budget that is spent, 0..=1.
    pub done: f64,
    /// Steps over the whole picture so far.
    pub iterations: u32,
    /// Estimated size of the file, of the best state so far.
    pub bytes: f64,
    /// Peak signal-to-noise ratio in dB of the best state so far, latents rounded.
    pub psnr: f64,
}

/// Bits of a weight, about, while they are not known.
const WEIGHT_BITS: f64 = 7.0;

impl Status {
    /// From bits of latents and a number of weights, whose bits are a guess.
    pub(crate) fn estimated(
        done: f64,
        iterations: u32,
        latent_bits: f64,
        weights: usize,
        mse: f64,
    ) -> Self {
        Self {
            done,
            iterations,
            bytes: (latent_bits + WEIGHT_BITS * weights as f64) / 8.0,
            psnr: -10.0 * mse.max(1e-10).log10(),
        }
    }
}

/// What a caller decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    GoOn,
    /// Make a file of the best state so far.
    Finish,
    /// Give up.
    Cancel,
}

/// Is told how far the work is, about five times a second or once a step, and decides whether it goes on.
pub trait Watch: Sync {
    /// Called between steps.
    fn update(&self, status: &Status) -> Next;
}

impl<F: Fn(&Status) -> Next + Sync> Watch for F {
    fn update(&self, status: &Status) -> Next {
        self(status)
    }
}
