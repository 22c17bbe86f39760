//! What the network that predicts sees of coarser grids.

use rayon::prelude::*;

use crate::kernels::{self, Features};
use crate::latents::Latents;
use crate::networks::{INPUT_BITS, Networks};
use crate::shape::{Grid, Shape};

/// Rows that one thread works on at a time.
const ROWS: usize = 16;

/// The features of a grid, at the resolution of the next coarser level.
pub(crate) struct FeaturePlane {
    pub(crate) width: usize,
    values: Vec<Features>,
}

impl FeaturePlane {
    /// Features for a grid, by its place; none if it has none. All grids after it must be known.
    pub(crate) fn new(
        networks: &Networks,
        shape: &Shape,
        latents: &Latents,
        grid: usize,
    ) -> Option<Self> {
        let layer = networks.features.get(grid)?;
        let level = latents.grids()[grid].level + 1;
        // The next grid is one of the next level: see Shape::featured.
        let Grid { height, width, .. } = latents.grids()[grid + 1];
        let mut values = vec![[0; 8]; height * width];
        let sources: Vec<(&Grid, &[i8])> = (grid + 1..shape.grid_count())
            .map(|source| (&latents.grids()[source], latents.grid(source)))
            .collect();
        let chunks = values.par_chunks_mut(ROWS * width).enumerate();
        chunks.for_each(|(chunk, values)| {
            let mut inputs = vec![vec![0i16; width]; sources.len()];
            let mut outputs = vec![vec![0i16; width]; layer.rows()];
            let mut first_row = true;
            for (row, values) in values.chunks_mut(width).enumerate() {
                let row = chunk * ROWS + row;
                for (input, (source, latents)) in inputs.iter_mut().zip(&sources) {
                    let coarser = source.level - level;
                    // Rows that see the same latents come one after the other.
                    if first_row || row % (1 << coarser) == 0 {
                        let start = (row >> coarser) * source.width;
                        let latents = &latents[start..start + source.width];
                        for (values, &latent) in input.chunks_mut(1 << coarser).zip(latents) {
                            values.fill(i16::from(latent) << INPUT_BITS);
                        }
                    }
                }
                first_row = false;
                let inputs: Vec<&[i16]> = inputs.iter().map(Vec::as_slice).collect();
                let mut rows: Vec<&mut [i16]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
                kernels::dense(layer, &inputs, &mut rows);
                for (feature, output) in outputs.iter().enumerate().take(8) {
                    for (value, &output) in values.iter_mut().zip(output) {
                        value[feature] = output;
                    }
                }
            }
        });
        Some(Self { width, values })
    }

    /// The features that the latent at a place of the finer grid sees.
    #[inline(always)]
    pub(crate) fn at(&self, row: usize, column: usize) -> Features {
        self.values[(row >> 1) * self.width + (column >> 1)]
    }

    /// The features that the latents of a row of the finer grid see, two of them each.
    pub(crate) fn row(&self, row: usize) -> &[Features] {
        let start = (row >> 1) * self.width;
        &self.values[start..start + self.width]
    }
}
