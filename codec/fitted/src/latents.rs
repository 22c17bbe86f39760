//! What a picture is made from: small integers on grids.

use kiln_entropy::Checksum;

use crate::error::Error;
use crate::shape::{Grid, Shape, Size};

/// The largest magnitude of a latent.
pub const LATENT_MAX: i8 = 127;

/// The latents of a picture: one list of rows for each grid of [`Shape::grids`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latents {
    grids: Vec<Grid>,
    values: Vec<Vec<i8>>,
}

impl Latents {
    /// All zero.
    pub fn new(shape: &Shape, size: Size) -> Self {
        let grids = shape.grids(size.height, size.width);
        let values = grids.iter().map(|g| vec![0; g.height * g.width]).collect();
        Self { grids, values }
    }

    /// Sizes of the grids, from fine to coarse.
    pub fn grids(&self) -> &[Grid] {
        &self.grids
    }

    /// The rows of a grid, one after the other. An index that there is not gives nothing.
    pub fn grid(&self, index: usize) -> &[i8] {
        self.values.get(index).map_or(&[], Vec::as_slice)
    }

    /// The rows of a grid, one after the other. No value may be -128. An index that there is not gives nothing.
    pub fn grid_mut(&mut self, index: usize) -> &mut [i8] {
        self.values
            .get_mut(index)
            .map_or(&mut [], Vec::as_mut_slice)
    }

    /// The checksum over all latents: grids from the last to the first, rows from the top.
    pub fn checksum(&self) -> u32 {
        let mut sum = Checksum::new();
        let mut block = [0; 1024];
        for values in self.values.iter().rev() {
            for values in values.chunks(block.len()) {
                for (wide, &value) in block.iter_mut().zip(values) {
                    *wide = i16::from(value);
                }
                sum.update_i16(&block[..values.len()]);
            }
        }
        sum.finish()
    }

    /// Checks that these are latents of a picture of this shape and size, and that a file can hold them.
    pub(crate) fn check(&self, shape: &Shape, size: Size) -> Result<(), Error> {
        if self.grids != shape.grids(size.height, size.width) {
            return Err(Error::Latents("grids of another shape or size"));
        }
        if self.values.iter().flatten().any(|&y| y < -LATENT_MAX) {
            return Err(Error::Latents("a latent of -128"));
        }
        Ok(())
    }
}
