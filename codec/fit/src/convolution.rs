//! Convolutions of 3 x 3 over one or three channels; the input is added to the output, borders are repeated.

use kiln_fitted::Role;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::kernels::lanes::{load, store, sums_of};
use crate::kernels::rows::cut;
use crate::networks::Networks;
use crate::stack::{Form, Stack};

/// By input channel, row and column: weights of all output channels.
type Kernel = Vec<[[f32; 3]; 9]>;

/// Weights of a convolution, or of its gradients.
pub(crate) struct Weights3x3 {
    /// For rows in the middle, the first, the last, and one that is both.
    kernels: [Kernel; 4],
    bias: [f32; 3],
    /// Whether pixels beyond the left and right border are those at the border, to which they give their gradients.
    fold: bool,
}

impl Weights3x3 {
    /// From inputs to outputs.
    pub(crate) fn forward(networks: &Networks, layer: usize) -> Self {
        let weights = networks.get(Role::Convolution(layer));
        let channels = networks.shape.channels;
        let mut kernel = vec![[[0.0; 3]; 9]; channels];
        for (k, &w) in weights.iter().enumerate() {
            let (o, i) = (k / 9 / channels, k / 9 % channels);
            kernel[i][k % 9][o] = w;
        }
        let mut bias = [0.0; 3];
        let values = networks.get(Role::ConvolutionBias(layer));
        bias[..channels].copy_from_slice(values);
        Self {
            kernels: [(); 4].map(|()| kernel.clone()),
            bias,
            fold: false,
        }
    }

    /// From gradients of outputs to those of inputs.
    pub(crate) fn backward(networks: &Networks, layer: usize) -> Self {
        let weights = networks.get(Role::Convolution(layer));
        let channels = networks.shape.channels;
        let kernels = [0, 1, 2, 3].map(|case| {
            let (first, last) = (case & 1 != 0, case & 2 != 0);
            let mut kernel = vec![[[0.0; 3]; 9]; channels];
            for (k, &w) in weights.iter().enumerate() {
                let (o, i) = (k / 9 / channels, k / 9 % channels);
                let (y, x) = (k % 9 / 3, k % 3);
                let (row, column) = (2 - y, 2 - x);
                // Rows beyond the border are the one at the border.
                let row = match (first, last, row) {
                    (true, _, 0) | (_, true, 2) => None,
                    _ => Some(row),
                };
                if let Some(row) = row {
                    kernel[o][row * 3 + column][i] += w;
                }
                let folded = (first && y == 0) as u8 + (last && y == 2) as u8;
                kernel[o][3 + column][i] += w * f32::from(folded);
            }
            kernel
        });
        Self {
            kernels,
            bias: [0.0; 3],
            fold: true,
        }
    }
}

/// Some rows of a convolution.
pub(crate) struct Stencil<'a> {
    /// Sizes of both sides.
    pub form: Form,
    /// Where the outputs go.
    pub rows: &'a mut [f32],
    /// Number of the first row.
    pub from: usize,
    /// The inputs.
    pub source: &'a Stack,
    /// The weights.
    pub weights: &'a Weights3x3,
    /// Whether outputs below 0 become 0.
    pub relu: bool,
    /// Outputs become 0 where this is not above 0.
    pub mask: Option<&'a Stack>,
    /// Whether the border is repeated around the outputs, for another convolution.
    pub repeat: bool,
}

impl WithSimd for Stencil<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.form.channels {
            1 => self.run::<S, 1>(simd),
            _ => self.run::<S, 3>(simd),
        }
    }
}

impl Stencil<'_> {
    #[inline(always)]
    fn run<S: Simd, const C: usize>(self, simd: S) {
        let form = self.form;
        let (span, width, last) = (form.span(), form.width, form.height - 1);
        for i in 0..self.rows.len() / form.row_len() {
            let row = self.from + i;
            let kernel = &self.weights.kernels[(row == 0) as usize + 2 * (row == last) as usize];
            let rows: [usize; 3] = [row.saturating_sub(1), row, (row + 1).min(last)];
            let sources: [[&[f32]; 3]; C] =
                std::array::from_fn(|c| rows.map(|row| self.source.around(row, c, 1)));
            let made = &mut self.rows[i * form.row_len()..][..form.row_len()];
            let bias = self.weights.bias;
            let mut x = 0;
            // Three channels times three vectors of sums, their inputs and a weight: 16 registers are enough.
            while x + 3 * S::F32_LANES <= span {
                stencil::<S, C, 3>(simd, form, made, x, &sources, kernel, bias, self.relu);
                x += 3 * S::F32_LANES;
            }
            while x < span {
                stencil::<S, C, 1>(simd, form, made, x, &sources, kernel, bias, self.relu);
                x += S::F32_LANES;
            }
            for c in 0..C {
                let to = form.of_mut(made, 0, c);
                if self.weights.fold {
                    for (source, kernel) in sources.iter().zip(kernel) {
                        for (k, row) in source.iter().enumerate() {
                            to[0] += row[1] * kernel[3 * k + 2][c];
                            to[width - 1] += row[width] * kernel[3 * k][c];
                        }
                    }
                }
                if let Some(mask) = self.mask {
                    let mask = mask.row(row, c);
                    let zero = simd.splat_f32s(0.0);
                    for x in (0..span).step_by(S::F32_LANES) {
                        let alive = simd.greater_than_f32s(load(simd, &mask[x..]), zero);
                        let v = simd.select_f32s(alive, load(simd, &to[x..]), zero);
                        store(simd, &mut to[x..], v);
                    }
                }
                cut(simd, to, width);
                if self.repeat {
                    form.replicate(made, 0, c, 1);
                }
            }
        }
    }
}

/// `B` vectors of every output channel of a row. Slices of sources begin one column to the left.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "a loop's body, nothing to be kept together"
)]
fn stencil<S: Simd, const C: usize, const B: usize>(
    simd: S,
    form: Form,
    to: &mut [f32],
    x: usize,
    sources: &[[&[f32]; 3]; C],
    kernel: &Kernel,
    bias: [f32; 3],
    relu: bool,
) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); B]; C];
    for c in 0..C {
        let bias = simd.splat_f32s(bias[c]);
        let own = &sources[c][1][x + 1..][..B * lanes];
        for b in 0..B {
            sums[c][b] = simd.add_f32s(bias, load(simd, &own[b * lanes..]));
        }
    }
    for (source, kernel) in sources.iter().zip(kernel) {
        for (k, weights) in kernel.iter().enumerate() {
            let from = &source[k / 3][x + k % 3..][..B * lanes];
            let mut values = [simd.splat_f32s(0.0); B];
            for b in 0..B {
                values[b] = load(simd, &from[b * lanes..]);
            }
            for c in 0..C {
                let weight = simd.splat_f32s(weights[c]);
                for b in 0..B {
                    sums[c][b] = simd.mul_add_e_f32s(weight, values[b], sums[c][b]);
                }
            }
        }
    }
    let zero = simd.splat_f32s(0.0);
    for (c, sums) in sums.into_iter().enumerate() {
        let to = &mut form.of_mut(to, 0, c)[x..][..B * lanes];
        for (b, sum) in sums.into_iter().enumerate() {
            let sum = if relu { simd.max_f32s(sum, zero) } else { sum };
            store(simd, &mut to[b * lanes..], sum);
        }
    }
}

/// Gradients of a convolution's weights and of its bias, in their order in the tensors, from its inputs and from gradients
/// of its outputs.
pub(crate) fn gradients_of_weights(source: &Stack, gradients: &Stack) -> Vec<f64> {
    let form = source.form;
    let rows = form.rows_at_once();
    let parts: Vec<Vec<f32>> = (0..form.height.div_ceil(rows))
        .into_par_iter()
        .map(|part| {
            Arch::new().dispatch(OfWeights {
                source,
                gradients,
                from: part * rows,
                to: form.height.min((part + 1) * rows),
            })
        })
        .collect();
    let mut sums = vec![0.0; form.channels * (9 * form.channels + 1)];
    for part in &parts {
        for (sum, &v) in sums.iter_mut().zip(part) {
            *sum += f64::from(v);
        }
    }
    sums
}

/// Gradients of weights and bias over some rows.
struct OfWeights<'a> {
    source: &'a Stack,
    gradients: &'a Stack,
    from: usize,
    to: usize,
}

impl WithSimd for OfWeights<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        match self.source.form.channels {
            1 => self.run::<S, 1>(simd),
            _ => self.run::<S, 3>(simd),
        }
    }
}

impl OfWeights<'_> {
    #[inline(always)]
    fn run<S: Simd, const C: usize>(self, simd: S) -> Vec<f32> {
        let zero = simd.splat_f32s(0.0);
        let form = self.source.form;
        let mut sums = [[[[zero; 3]; C]; 3]; C];
        let mut bias = [zero; C];
        for row in self.from..self.to {
            let d: [&[f32]; C] = std::array::from_fn(|c| self.gradients.row(row, c));
            for (d, bias) in d.iter().zip(&mut bias) {
                for x in (0..form.span()).step_by(S::F32_LANES) {
                    *bias = simd.add_f32s(*bias, load(simd, &d[x..]));
                }
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                for (y, sums) in sums.iter_mut().enumerate() {
                    let beside = (row + y).saturating_sub(1).min(form.height - 1);
                    let source = self.source.around(beside, i, 1);
                    let mut acc = *sums;
                    for x in (0..form.span()).step_by(S::F32_LANES) {
                        let mut near = [zero; 3];
                        for k in 0..3 {
                            near[k] = load(simd, &source[x + k..]);
                        }
                        for c in 0..C {
                            let d = load(simd, &d[c][x..]);
                            for k in 0..3 {
                                acc[c][k] = simd.mul_add_e_f32s(d, near[k], acc[c][k]);
                            }
                        }
                    }
                    *sums = acc;
                }
            }
        }
        let mut all = Vec::with_capacity(C * (9 * C + 1));
        for c in 0..C {
            for of_input in &sums {
                for of_row in of_input {
                    all.extend(sums_of(simd, of_row[c]));
                }
            }
        }
        all.extend(sums_of(simd, bias));
        all
    }
}
