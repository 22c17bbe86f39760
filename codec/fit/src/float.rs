//! What fitting ends with, before its networks become integers.

use kiln_fitted::Shape;

use crate::Status;

/// Networks in floating point and rounded latents.
#[derive(Clone, Debug, PartialEq)]
pub struct Float {
    /// Sizes of everything.
    pub shape: Shape,
    /// Values of every tensor, in the order of [`Shape::tensors`].
    pub networks: Vec<Vec<f32>>,
    /// Networks were fitted while they were rounded to steps of `2^-exponent`, by group of tensors; [`Self::networks`] are
    /// their values before that. `None` if the fit ended before.
    pub exponents: Option<[u8; 7]>,
    /// Rounded latents of every grid in the order of [`Shape::grids`], row by row.
    pub latents: Vec<Vec<i16>>,
    /// Mean squared error of the picture, samples rounded to the wished depth.
    pub mse: f64,
    /// Estimated bits of every grid.
    pub grid_bits: Vec<f64>,
    /// Steps over the whole picture that were made, those of candidates too.
    pub iterations: u32,
}

impl Float {
    /// What is known of its file.
    pub(crate) fn status(&self) -> Status {
        let bits = self.grid_bits.iter().sum();
        let weights = self.networks.iter().map(Vec::len).sum();
        Status::estimated(1.0, self.iterations, bits, weights, self.mse)
    }
}
