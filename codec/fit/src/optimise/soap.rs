//! SOAP (Vyas and others 2024) for one tensor: Adam in the eigenbases of the means of products of gradients, one basis for
//! each dimension. For vectors it is Adam.

use super::linear::{eigenvectors, refreshed};

/// Both betas.
const BETA: f64 = 0.95;
/// Weights lose this much of themselves in a step, times the rate.
const DECAY: f64 = 0.01;

/// State for one tensor.
#[derive(Clone, Debug)]
pub(crate) struct Soap {
    dims: Vec<usize>,
    /// By dimension.
    sides: Vec<Side>,
    /// Means of gradients and of their squares, in the eigenbases.
    first: Vec<f64>,
    second: Vec<f64>,
    steps: i32,
    started: bool,
}

#[derive(Clone, Debug)]
struct Side {
    products: Vec<f64>,
    basis: Vec<f64>,
}

impl Soap {
    /// Before the first step.
    pub(crate) fn new(dims: &[usize]) -> Self {
        let len = dims.iter().product();
        let side = |&n: &usize| Side {
            products: vec![0.0; n * n],
            basis: Vec::new(),
        };
        let sides = if dims.len() > 1 {
            dims.iter().map(side).collect()
        } else {
            Vec::new()
        };
        Self {
            dims: dims.to_vec(),
            sides,
            first: vec![0.0; len],
            second: vec![0.0; len],
            steps: 0,
            started: false,
        }
    }

    /// Makes a step. The first step of a matrix only finds its bases.
    pub(crate) fn step(&mut self, values: &mut [f32], gradients: &[f32], rate: f64) {
        let gradients: Vec<f64> = gradients.iter().map(|&g| f64::from(g)).collect();
        if !self.started && !self.sides.is_empty() {
            self.started = true;
            self.add_products(&gradients);
            for (side, &n) in self.sides.iter_mut().zip(&self.dims) {
                side.basis = eigenvectors(&side.products, n);
            }
            return;
        }
        let turned = self.turn(gradients.clone(), true);
        self.steps += 1;
        let bias = 1.0 - BETA.powi(self.steps);
        let mut update = Vec::with_capacity(turned.len());
        for ((m, v), g) in self.first.iter_mut().zip(&mut self.second).zip(&turned) {
            *m += (1.0 - BETA) * (g - *m);
            *v += (1.0 - BETA) * (g * g - *v);
            update.push(*m / (v.sqrt() + 1e-8));
        }
        let scale = rate * bias.sqrt() / bias;
        for (value, step) in values.iter_mut().zip(self.turn(update, false)) {
            let stepped = f64::from(*value) - scale * step;
            *value = (stepped - rate * DECAY * stepped) as f32;
        }
        if self.sides.is_empty() {
            return;
        }
        self.add_products(&gradients);
        let first = std::mem::take(&mut self.first);
        let first = self.turn(first, false);
        self.refresh();
        self.first = self.turn(first, true);
    }

    fn refresh(&mut self) {
        for k in 0..self.dims.len() {
            let n = self.dims[k];
            let side = &mut self.sides[k];
            let (basis, order) = refreshed(&side.products, &side.basis, n);
            side.basis = basis;
            let after: usize = self.dims[k + 1..].iter().product();
            let old = self.second.clone();
            for (i, v) in self.second.iter_mut().enumerate() {
                let (row, rest) = (i / after, i % after);
                let from = row / n * n + order[row % n];
                *v = old[from * after + rest];
            }
        }
    }

    /// Moves the means of products of gradients, by dimension.
    fn add_products(&mut self, gradients: &[f64]) {
        for (k, side) in self.sides.iter_mut().enumerate() {
            let n = self.dims[k];
            let after: usize = self.dims[k + 1..].iter().product();
            side.products.iter_mut().for_each(|p| *p *= BETA);
            for block in gradients.chunks(n * after) {
                for (products, a) in side.products.chunks_mut(n).zip(block.chunks(after)) {
                    for (product, b) in products.iter_mut().zip(block.chunks(after)) {
                        let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                        *product += (1.0 - BETA) * dot;
                    }
                }
            }
        }
    }

    /// Into the eigenbases, or back.
    fn turn(&self, mut tensor: Vec<f64>, into: bool) -> Vec<f64> {
        for (k, side) in self.sides.iter().enumerate() {
            let n = self.dims[k];
            let after: usize = self.dims[k + 1..].iter().product();
            let mut turned = vec![0.0; tensor.len()];
            for (to, from) in turned.chunks_mut(n * after).zip(tensor.chunks(n * after)) {
                for (a, to) in to.chunks_mut(after).enumerate() {
                    for (b, from) in from.chunks(after).enumerate() {
                        let factor = side.basis[if into { b * n + a } else { a * n + b }];
                        for (to, from) in to.iter_mut().zip(from) {
                            *to += factor * from;
                        }
                    }
                }
            }
            tensor = turned;
        }
        tensor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

    #[test]
    fn turning_there_and_back_changes_nothing() {
        let mut random = SplitMix(1);
        let mut soap = Soap::new(&[3, 2, 4]);
        let mut values = vec![0.0; 24];
        let gradients: Vec<f32> = (0..24).map(|_| random.normal() as f32).collect();
        soap.step(&mut values, &gradients, 0.1);
        let before: Vec<f64> = gradients.iter().map(|&g| f64::from(g)).collect();
        let turned = soap.turn(before.clone(), true);
        assert_ne!(before, turned);
        for (a, b) in before.iter().zip(soap.turn(turned, false)) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    /// A badly scaled quadratic form, turned away from the axes.
    #[test]
    fn a_minimum_is_found() {
        let mut random = SplitMix(2);
        let turn: Vec<f64> = (0..36).map(|_| random.normal()).collect();
        let wished: Vec<f32> = (0..24).map(|_| random.normal() as f32).collect();
        let mut values = vec![0.0f32; 24];
        let mut soap = Soap::new(&[6, 4]);
        let loss = |values: &[f32]| -> f64 {
            values
                .iter()
                .zip(&wished)
                .map(|(v, w)| f64::from(v - w).powi(2))
                .sum()
        };
        let start = loss(&values);
        for k in 0..800 {
            // Gradient of |T D (v - w)|^2 by columns of the matrix.
            let mut gradients = vec![0.0f32; 24];
            for column in 0..4 {
                let error = |i: usize| f64::from(values[i * 4 + column] - wished[i * 4 + column]);
                let image: Vec<f64> = (0..6)
                    .map(|r| (0..6).map(|i| turn[r * 6 + i] * error(i)).sum())
                    .collect();
                for i in 0..6 {
                    let g: f64 = (0..6).map(|r| turn[r * 6 + i] * image[r]).sum();
                    gradients[i * 4 + column] = g as f32;
                }
            }
            let rate = 0.05 * (1.0 - f64::from(k) / 800.0);
            soap.step(&mut values, &gradients, rate);
        }
        assert!(loss(&values) < 1e-3 * start, "{} of {start}", loss(&values));
    }
}
