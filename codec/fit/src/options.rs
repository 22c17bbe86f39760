//! What a caller wishes.

use std::time::Duration;

use kiln_fitted::{Depth, Shape};

use crate::Error;

/// How a picture is fitted.
#[derive(Clone, Debug)]
pub struct Options {
    /// Minimises the mean squared error (over channels and pixels, samples in 0..=1) plus `lambda` times bits per pixel.
    /// Useful values go from .0001 (a large file) to .02 (a small one).
    pub lambda: f64,
    /// When it is over.
    pub budget: Budget,
    /// The same seed makes the same file under [`Budget::Iterations`], whatever the number of threads.
    pub seed: u64,
    /// Sizes of the networks; `None` chooses by `lambda` and the size of the picture.
    pub preset: Option<Preset>,
    /// Precision of the samples that a decoder makes.
    pub depth: Depth,
}

impl Options {
    /// Whether values are in their ranges.
    ///
    /// # Errors
    /// [`Error::Option`] if not.
    pub fn check(&self) -> Result<(), Error> {
        if !(self.lambda.is_finite() && self.lambda > 0.0) {
            return Err(Error::Option("lambda must be above 0"));
        }
        Ok(())
    }
}

/// When fitting is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// After so many steps over the whole picture; warm-up and the last phase are part of it.
    Iterations(u32),
    /// After so much time.
    Time(Duration),
}

/// Sizes of the networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preset {
    /// About 500 weights and 500 products a pixel.
    Low,
    /// About 1,000 of both.
    Medium,
    /// About 1,900 of both.
    #[default]
    High,
}

impl Preset {
    /// The shape for a picture.
    pub fn shape(self, channels: usize, height: usize, width: usize) -> Shape {
        // A resolution that has less than a pixel on either side says nothing that the next finer one does not say.
        let longest = height.max(width).max(1);
        let pixels = height.saturating_mul(width);
        let wished = match pixels {
            0..1_000_000 => 7,
            1_000_000..3_000_000 => 8,
            _ => 9,
        };
        let levels = wished.min(longest.ilog2() as usize + 1);
        let (contexts, features, width, convolutions) = match self {
            Self::Low => (6, 2, 8, 1),
            Self::Medium => (10, 4, 16, 2),
            Self::High => (14, 6, 48, 2),
        };
        Shape {
            channels,
            levels,
            hyper: levels.saturating_sub(4),
            contexts,
            features,
            hidden: 2,
            width,
            convolutions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pictures_have_fewer_resolutions() {
        let shape = |h, w| Preset::High.shape(3, h, w);
        let levels = |h, w| (shape(h, w).levels, shape(h, w).hyper);
        assert_eq!(levels(512, 768), (7, 3));
        assert_eq!(levels(1365, 2048), (8, 4));
        assert_eq!(levels(3000, 4000), (9, 5));
        assert_eq!(levels(1, 1), (1, 0));
        assert_eq!(levels(8, 3), (4, 0));
        assert_eq!(levels(1, 40), (6, 2));
    }
}
