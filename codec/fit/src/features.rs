//! What the finest grids' latents are predicted from besides their neighbours: linear features of all coarser grids.
//!
//! A coarser grid is read at the nearest place, so its part of a feature is the same for whole squares of pixels: parts
//! are summed up from the coarsest resolution to the finest, each one doubled on the way, and gradients the other way.

use kiln_fitted::{Role, Shape};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::kernels::rows::{add_pairs, add_scaled, dots, double};
use crate::networks::Networks;
use crate::quantise::Latents;
use crate::stack::{Form, Stack};

/// Features of one grid.
#[derive(Clone, Debug)]
struct Grid {
    /// Sums at every level, from the one above the grid's to the coarsest.
    levels: Vec<Stack>,
}

/// Features of all grids that have some.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    shape: Shape,
    grids: Vec<Grid>,
    /// By grid: features for every second row and every column of it.
    pub seen: Vec<Stack>,
    /// Gradients of [`Self::seen`].
    pub gradients: Vec<Stack>,
}

impl Features {
    /// For a picture with these latents.
    pub(crate) fn new(shape: Shape, latents: &[Latents]) -> Self {
        let form = |height, width| Form {
            height,
            width,
            channels: shape.features,
        };
        let mut grids = Vec::new();
        let mut seen = Vec::new();
        for grid in 0..shape.featured() {
            let sizes = latents[grid + 1..].iter().map(|l| &l.grid);
            let levels = sizes
                .filter(|g| !g.hyper)
                .map(|g| Stack::new(form(g.height, g.width)))
                .collect::<Vec<_>>();
            let own = &latents[grid].grid;
            seen.push(Stack::new(form(own.height.div_ceil(2), own.width)));
            grids.push(Grid { levels });
        }
        Self {
            shape,
            grids,
            gradients: seen.clone(),
            seen,
        }
    }

    /// Computes [`Self::seen`].
    pub(crate) fn forward(&mut self, networks: &Networks, latents: &[Latents]) {
        for (number, grid) in self.grids.iter_mut().enumerate() {
            let weights = networks.get(Role::FeatureWeight(number));
            let bias = networks.get(Role::FeatureBias(number));
            let inputs = latents.len() - 1 - number;
            for k in (0..grid.levels.len()).rev() {
                let (finer, coarser) = grid.levels.split_at_mut(k + 1);
                let form = finer[k].form;
                // A hyper grid of the level comes after its other grid.
                let level = latents[number + 1].grid.level + k;
                let sources: Vec<(usize, &Latents)> = (latents[number + 1..].iter().enumerate())
                    .filter(|(_, l)| l.grid.level == level)
                    .collect();
                finer[k].parts_mut().for_each(|(from, rows)| {
                    for i in 0..rows.len() / form.row_len() {
                        for f in 0..form.channels {
                            Arch::new().dispatch(SumRow {
                                to: form.of_mut(rows, i, f),
                                coarser: coarser.first().map(|c| c.row((from + i) / 2, f)),
                                bias: bias[f],
                                sources: &sources,
                                row: from + i,
                                weights: &weights[f * inputs..],
                            });
                        }
                    }
                });
            }
            let form = self.seen[number].form;
            let sums = &grid.levels[0];
            self.seen[number].parts_mut().for_each(|(from, rows)| {
                for i in 0..rows.len() / form.row_len() {
                    for f in 0..form.channels {
                        double(form.of_mut(rows, i, f), sums.row(from + i, f));
                    }
                }
            });
        }
    }

    /// From [`Self::gradients`] to those of the networks and of rounded latents, which are added to.
    pub(crate) fn backward(
        &mut self,
        networks: &Networks,
        latents: &[Latents],
        to_networks: &mut Networks,
        to_latents: &mut [Stack],
    ) {
        for (number, grid) in self.grids.iter_mut().enumerate() {
            let inputs = latents.len() - 1 - number;
            let features = self.shape.features;
            let weights = networks.get(Role::FeatureWeight(number));
            let mut sums = vec![0.0; features * (inputs + 1)];
            let levels = grid.levels.len();
            for k in 0..levels {
                let (finer, coarser) = grid.levels.split_at_mut(k);
                let finer = finer.last().unwrap_or(&self.gradients[number]);
                let form = coarser[0].form;
                // The gradients that the ARM makes are for single rows already.
                let rows_each = if k == 0 { 1 } else { 2 };
                coarser[0].parts_mut().for_each(|(from, rows)| {
                    rows.fill(0.0);
                    for i in 0..rows.len() / form.row_len() {
                        for f in 0..features {
                            let to = form.of_mut(rows, i, f);
                            for r in 0..rows_each {
                                let row = rows_each * (from + i) + r;
                                if row < finer.form.height {
                                    add_pairs(to, finer.row(row, f));
                                }
                            }
                        }
                    }
                });
                let gradients = &coarser[0];
                let level = latents[number + 1].grid.level + k;
                let sources = latents[number + 1..].iter().enumerate();
                for (j, source) in sources.filter(|(_, l)| l.grid.level == level) {
                    let weights: Vec<f32> =
                        (0..features).map(|f| weights[f * inputs + j]).collect();
                    let target = &mut to_latents[number + 1 + j];
                    let form = target.form;
                    let parts: Vec<Vec<f32>> = (target.parts_mut())
                        .map(|(from, rows)| {
                            let mut sums = vec![0.0; features];
                            for i in 0..rows.len() / form.row_len() {
                                Arch::new().dispatch(SpreadRow {
                                    to: form.of_mut(rows, i, 0),
                                    latents: source.rounded.row(from + i, 0),
                                    gradients,
                                    row: from + i,
                                    weights: &weights,
                                    sums: &mut sums,
                                });
                            }
                            sums
                        })
                        .collect();
                    for part in parts {
                        for (f, v) in part.into_iter().enumerate() {
                            sums[f * inputs + j] += f64::from(v);
                        }
                    }
                }
                if k + 1 == levels {
                    // Every gradient arrives at the coarsest level, where the bias is.
                    for f in 0..features {
                        let rows = (0..form.height).map(|r| &gradients.row(r, f)[..form.width]);
                        let sum: f64 = rows.flatten().map(|&v| f64::from(v)).sum();
                        sums[features * inputs + f] += sum;
                    }
                }
            }
            to_networks.add(Role::FeatureWeight(number), &sums);
        }
    }
}

/// One feature of a row, at one level.
struct SumRow<'a> {
    to: &'a mut [f32],
    coarser: Option<&'a [f32]>,
    bias: f32,
    sources: &'a [(usize, &'a Latents)],
    row: usize,
    weights: &'a [f32],
}

impl WithSimd for SumRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.coarser {
            Some(coarser) => double(self.to, coarser),
            None => self.to.fill(self.bias),
        }
        for (j, source) in self.sources {
            add_scaled(
                simd,
                self.to,
                source.rounded.row(self.row, 0),
                self.weights[*j],
            );
        }
    }
}

/// Gradients of one row of latents, and of the weights they meet.
struct SpreadRow<'a> {
    to: &'a mut [f32],
    latents: &'a [f32],
    gradients: &'a Stack,
    row: usize,
    weights: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for SpreadRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (f, (&weight, sum)) in self.weights.iter().zip(self.sums).enumerate() {
            let gradients = self.gradients.row(self.row, f);
            add_scaled(simd, self.to, gradients, weight);
            let mut products = [simd.splat_f32s(0.0)];
            dots(simd, self.latents, [gradients], &mut products);
            *sum += simd.reduce_sum_f32s(products[0]);
        }
    }
}
