//! What latents would take, without a coder.

use kiln_entropy::{Laplace, LaplaceAt, SymbolModel};
use rayon::prelude::*;

use crate::error::Error;
use crate::features::FeaturePlane;
use crate::kernels::{self, Features};
use crate::latents::{LATENT_MAX, Latents};
use crate::networks::{Arm, INPUT_BITS, Networks};
use crate::parameters::Parameters;
use crate::shape::{NEIGHBOURS, Size};

/// Rows that one thread works on at a time.
const ROWS: usize = 8;
/// Rows above a latent, and columns beside it, that neighbours are in.
const MARGIN: usize = 4;

/// Bits that the latents of each grid take, by the probabilities of the decoder.
///
/// # Errors
/// [`Error::Parameters`], [`Error::Bound`] and [`Error::Latents`] if these are not of one picture of this size.
pub fn bits(parameters: &Parameters, size: Size, latents: &Latents) -> Result<Vec<f64>, Error> {
    latents.check(&parameters.shape, size)?;
    let networks = Networks::new(parameters)?;
    let shape = &parameters.shape;
    let bits = (0..shape.grid_count()).map(|grid| {
        let features = FeaturePlane::new(&networks, shape, latents, grid);
        grid_bits(&networks.arm, shape.contexts, features, latents, grid)
    });
    Ok(bits.collect())
}

fn grid_bits(
    arm: &Arm,
    contexts: usize,
    features: Option<FeaturePlane>,
    latents: &Latents,
    grid: usize,
) -> f64 {
    let form = latents.grids()[grid];
    let values = latents.grid(grid);
    let stride = form.width + 2 * MARGIN;
    let chunks = values.par_chunks(ROWS * form.width).enumerate();
    let sums: Vec<f64> = chunks
        .map(|(chunk, values)| {
            let first = chunk * ROWS;
            let rows = values.len() / form.width;
            // The rows and those above, with zeros around.
            let mut padded = vec![0i16; (rows + MARGIN) * stride];
            for (index, out) in padded.chunks_exact_mut(stride).enumerate() {
                if let Some(row) = (first + index).checked_sub(MARGIN) {
                    let row = &latents.grid(grid)[row * form.width..(row + 1) * form.width];
                    for (out, &value) in out[MARGIN..].iter_mut().zip(row) {
                        *out = i16::from(value) << INPUT_BITS;
                    }
                }
            }
            let mut at = vec![LaplaceAt::default(); form.width];
            let mut seen: Vec<Features> = vec![[0; 8]; form.width];
            let model = Laplace::new(LATENT_MAX.into());
            let mut sum = 0.0;
            for (row, values) in values.chunks_exact(form.width).enumerate() {
                let mut inputs: [&[i16]; NEIGHBOURS.len()] = [&[]; NEIGHBOURS.len()];
                for (input, (dy, dx)) in inputs.iter_mut().zip(NEIGHBOURS) {
                    let start = (row + MARGIN).wrapping_add_signed(dy) * stride;
                    *input = &padded[(start + MARGIN).wrapping_add_signed(dx)..];
                }
                let seen = match &features {
                    None => &[][..],
                    Some(plane) => {
                        let coarse = plane.row(first + row);
                        for (pair, &features) in seen.chunks_mut(2).zip(coarse) {
                            pair.fill(features);
                        }
                        &seen[..]
                    }
                };
                kernels::arm(arm, &inputs[..contexts], seen, &mut at);
                sum += places_bits(&model, &at, values);
            }
            sum
        })
        .collect();
    sums.iter().sum()
}

/// Probabilities that are multiplied before a logarithm is taken: each is at least 2^-16, and a float holds 2^-1022.
const PRODUCTS: usize = 48;

/// Bits of latents at their places.
fn places_bits(model: &Laplace, at: &[LaplaceAt], values: &[i8]) -> f64 {
    let mut bits = 0.0;
    for (at, values) in at.chunks(PRODUCTS).zip(values.chunks(PRODUCTS)) {
        let mut product = 1.0;
        for (&at, &value) in at.iter().zip(values) {
            match Laplace::quantiles(at, value.into()) {
                Some((left, right)) => product *= f64::from(right - left) / 65_536.0,
                None => bits += model.bits(at, value.into()),
            }
        }
        bits -= product.log2();
    }
    bits
}
