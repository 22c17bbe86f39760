//! Products of small matrices with many pixels, and the gradients of their weights.
//!
//! Pixels come in tiles of [`TILE`] vectors: one row of a tile holds one input of each pixel. Loops keep 8 to 12 sums in
//! registers, which is what 16 registers allow and what hides the latency of a multiplication.

use pulp::Simd;
use pulp::bytemuck::cast_slice_mut;

use super::Aligned;

/// Vectors in a row of a tile.
pub(crate) const TILE: usize = 8;

/// A row of a tile.
pub(crate) type Row<V> = [V; TILE];

/// The numbers as rows of a tile.
#[inline(always)]
pub(crate) fn tile<S: Simd>(_: S, numbers: &mut [f32]) -> &mut [Row<S::f32s>] {
    cast_slice_mut(numbers)
}

/// Memory for `rows` rows of a tile.
pub(crate) fn tile_memory<S: Simd>(_: S, rows: usize) -> Aligned {
    Aligned::new(rows * TILE * S::F32_LANES)
}

/// Results begin with the bias.
pub(crate) const PLAIN: u8 = 0;
/// Results begin with the bias, negative ones become 0.
pub(crate) const RELU: u8 = 1;
/// Results are added to what is there.
pub(crate) const ADD: u8 = 2;
/// Results take the place of what is there where that is above 0, else 0; their sums over pixels are added up.
pub(crate) const MASK: u8 = 3;

/// Most outputs that are computed together.
const OUTPUTS: usize = 6;

/// A matrix with a bias, in the order in which [`apply`] reads it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed {
    inputs: usize,
    bias: Vec<f32>,
    /// By block of outputs, by input: the block's outputs.
    weights: Vec<f32>,
}

impl Packed {
    /// From functions of (output, input) and of the output.
    pub(crate) fn new(
        outputs: usize,
        inputs: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Self {
        let mut weights = Vec::with_capacity(outputs * inputs);
        for (start, len) in blocks(outputs, OUTPUTS) {
            for i in 0..inputs {
                weights.extend((start..start + len).map(|o| weight(o, i)));
            }
        }
        Self {
            inputs,
            bias: (0..outputs).map(bias).collect(),
            weights,
        }
    }
}

/// Cuts `0..n` into parts of at most `most`, as equal as can be.
#[inline(always)]
fn blocks(n: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = n.div_ceil(most);
    let mut start = 0;
    (0..count).map(move |k| {
        let len = (n - start).div_ceil(count - k);
        start += len;
        (start - len, len)
    })
}

/// Outputs of a matrix for a tile of pixels; see the modes. `sums` is used by [`MASK`] alone.
#[inline(always)]
pub(crate) fn apply<S: Simd, const MODE: u8>(
    simd: S,
    matrix: &Packed,
    x: &[Row<S::f32s>],
    y: &mut [Row<S::f32s>],
    sums: &mut [S::f32s],
) {
    let mut weights = &matrix.weights[..];
    for (start, len) in blocks(matrix.bias.len(), OUTPUTS) {
        let (w, rest) = weights.split_at(len * matrix.inputs);
        weights = rest;
        let bias = &matrix.bias[start..];
        let y = &mut y[start..];
        let sums = match MODE {
            MASK => &mut sums[start..],
            _ => &mut [],
        };
        match len {
            1 => block::<S, 1, 8, MODE>(simd, w, bias, x, y, sums),
            2 => block::<S, 2, 4, MODE>(simd, w, bias, x, y, sums),
            3 => block::<S, 3, 4, MODE>(simd, w, bias, x, y, sums),
            4 => block::<S, 4, 2, MODE>(simd, w, bias, x, y, sums),
            5 => block::<S, 5, 2, MODE>(simd, w, bias, x, y, sums),
            _ => block::<S, 6, 2, MODE>(simd, w, bias, x, y, sums),
        }
    }
}

/// `T` outputs, `B` vectors at a time.
#[inline(always)]
fn block<S: Simd, const T: usize, const B: usize, const MODE: u8>(
    simd: S,
    weights: &[f32],
    bias: &[f32],
    x: &[Row<S::f32s>],
    y: &mut [Row<S::f32s>],
    sums: &mut [S::f32s],
) {
    let zero = simd.splat_f32s(0.0);
    let weights = weights.as_chunks::<T>().0;
    let y = &mut y[..T];
    let bias = &bias[..T];
    for from in (0..TILE).step_by(B) {
        let mut acc = [[zero; B]; T];
        for o in 0..T {
            for b in 0..B {
                acc[o][b] = match MODE {
                    PLAIN | RELU => simd.splat_f32s(bias[o]),
                    ADD => y[o][from + b],
                    _ => zero,
                };
            }
        }
        for (x, w) in x.iter().zip(weights) {
            let x = &x[from..from + B];
            for o in 0..T {
                let w = simd.splat_f32s(w[o]);
                for b in 0..B {
                    acc[o][b] = simd.mul_add_e_f32s(w, x[b], acc[o][b]);
                }
            }
        }
        for o in 0..T {
            for b in 0..B {
                let to = &mut y[o][from + b];
                *to = match MODE {
                    RELU => simd.max_f32s(acc[o][b], zero),
                    MASK => simd.select_f32s(simd.greater_than_f32s(*to, zero), acc[o][b], zero),
                    _ => acc[o][b],
                };
                if MODE == MASK {
                    sums[o] = simd.add_f32s(sums[o], *to);
                }
            }
        }
    }
}

/// Adds to the gradient of every weight the products of gradients of outputs `d` with inputs `x`, by lane.
/// `sums`: `[outputs, inputs]`.
#[inline(always)]
pub(crate) fn outer<S: Simd>(
    simd: S,
    d: &[Row<S::f32s>],
    x: &[Row<S::f32s>],
    sums: &mut [S::f32s],
) {
    let inputs = x.len();
    for (o, outputs) in blocks(d.len(), 4) {
        let d = &d[o..o + outputs];
        let sums = &mut sums[o * inputs..];
        match outputs {
            1 => outer_rows::<S, 1, 8>(simd, d, x, sums),
            2 => outer_rows::<S, 2, 5>(simd, d, x, sums),
            3 => outer_rows::<S, 3, 3>(simd, d, x, sums),
            _ => outer_rows::<S, 4, 3>(simd, d, x, sums),
        }
    }
}

/// `O` outputs with all inputs, at most `I` of them at a time.
#[inline(always)]
fn outer_rows<S: Simd, const O: usize, const I: usize>(
    simd: S,
    d: &[Row<S::f32s>],
    x: &[Row<S::f32s>],
    sums: &mut [S::f32s],
) {
    let inputs = x.len();
    let parts = x.chunks_exact(I);
    let rest = parts.remainder();
    let whole = inputs - rest.len();
    for (k, x) in parts.enumerate() {
        outer_block::<S, O, I>(simd, d, x, &mut sums[k * I..], inputs);
    }
    for (k, x) in rest.chunks_exact(1).enumerate() {
        outer_block::<S, O, 1>(simd, d, x, &mut sums[whole + k..], inputs);
    }
}

#[inline(always)]
fn outer_block<S: Simd, const O: usize, const I: usize>(
    simd: S,
    d: &[Row<S::f32s>],
    x: &[Row<S::f32s>],
    sums: &mut [S::f32s],
    inputs: usize,
) {
    let (d, x) = (&d[..O], &x[..I]);
    let mut acc = [[simd.splat_f32s(0.0); I]; O];
    for o in 0..O {
        acc[o].copy_from_slice(&sums[o * inputs..][..I]);
    }
    for b in 0..TILE {
        let mut xs = [simd.splat_f32s(0.0); I];
        for i in 0..I {
            xs[i] = x[i][b];
        }
        for o in 0..O {
            let d = d[o][b];
            for i in 0..I {
                acc[o][i] = simd.mul_add_e_f32s(d, xs[i], acc[o][i]);
            }
        }
    }
    for o in 0..O {
        sums[o * inputs..][..I].copy_from_slice(&acc[o]);
    }
}

/// Adds up each row of a tile: gradients of biases.
#[inline(always)]
pub(crate) fn add_rows<S: Simd>(simd: S, d: &[Row<S::f32s>], sums: &mut [S::f32s]) {
    for (row, sum) in d.iter().zip(sums) {
        for &v in row {
            *sum = simd.add_f32s(*sum, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use pulp::{Arch, WithSimd};

    use super::*;
    use crate::kernels::lanes::{MOST_LANES, vectors_mut};

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    /// All products of a matrix, each as often as `repeat` says.
    struct Run<'a> {
        matrix: &'a Packed,
        x: &'a mut [f32],
        y: &'a mut [f32],
        sums: &'a mut [f32],
        mode: u8,
        repeat: usize,
    }

    impl WithSimd for Run<'_> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> usize {
            let used = TILE * S::F32_LANES;
            let rows = |m: &mut [f32]| m.len() / (TILE * MOST_LANES) * used;
            let (nx, ny) = (rows(self.x), rows(self.y));
            let x = tile(simd, &mut self.x[..nx]);
            let y = tile(simd, &mut self.y[..ny]);
            let sums = vectors_mut(simd, self.sums);
            for _ in 0..self.repeat {
                match self.mode {
                    PLAIN => apply::<S, PLAIN>(simd, self.matrix, x, y, sums),
                    RELU => apply::<S, RELU>(simd, self.matrix, x, y, sums),
                    ADD => apply::<S, ADD>(simd, self.matrix, x, y, sums),
                    MASK => apply::<S, MASK>(simd, self.matrix, x, y, sums),
                    _ => outer(simd, y, x, sums),
                }
            }
            S::F32_LANES
        }
    }

    #[test]
    fn products_of_every_size_are_those_of_plain_loops() {
        for outputs in 1..=24 {
            for inputs in [1, 2, 7, 20] {
                let w = numbers(outputs * inputs, 1);
                let bias = numbers(outputs, 2);
                let matrix = Packed::new(outputs, inputs, |o, i| w[o * inputs + i], |o| bias[o]);
                for mode in [PLAIN, RELU, ADD, MASK, 4] {
                    let mut x = numbers(inputs * TILE * MOST_LANES, 3);
                    let mut y = numbers(outputs * TILE * MOST_LANES, 4);
                    let before = y.clone();
                    let mut sums = vec![0.0; outputs * inputs * MOST_LANES];
                    let lanes = Arch::new().dispatch(Run {
                        matrix: &matrix,
                        x: &mut x,
                        y: &mut y,
                        sums: &mut sums,
                        mode,
                        repeat: 1,
                    });
                    let pixels = TILE * lanes;
                    for o in 0..outputs {
                        let mut total = 0.0;
                        for p in 0..pixels {
                            let at = o * pixels + p;
                            let product: f32 = (0..inputs)
                                .map(|i| w[o * inputs + i] * x[i * pixels + p])
                                .sum();
                            let want = match mode {
                                PLAIN => product + bias[o],
                                RELU => (product + bias[o]).max(0.0),
                                ADD => product + before[at],
                                MASK if before[at] > 0.0 => product,
                                MASK => 0.0,
                                _ => before[at],
                            };
                            total += want;
                            assert!((y[at] - want).abs() < 1e-5, "{outputs} {inputs} {mode}");
                        }
                        if mode == MASK {
                            let sum: f32 = sums[o * lanes..][..lanes].iter().sum();
                            assert!((sum - total).abs() < 1e-3, "{sum} {total}");
                        }
                        for i in (0..inputs).filter(|_| mode == 4) {
                            let sum: f32 = sums[(o * inputs + i) * lanes..][..lanes].iter().sum();
                            let want: f32 = (0..pixels)
                                .map(|p| before[o * pixels + p] * x[i * pixels + p])
                                .sum();
                            assert!((sum - want).abs() < 1e-3, "{sum} {want}");
                        }
                    }
                }
            }
        }
    }

    /// What the machine can do: sums in registers alone.
    struct Peak(usize);

    impl WithSimd for Peak {
        type Output = (f32, usize);

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> (f32, usize) {
            let mut acc = [simd.splat_f32s(1.0); 10];
            let (w, x) = (simd.splat_f32s(0.5), simd.splat_f32s(0.25));
            for _ in 0..self.0 {
                for a in &mut acc {
                    *a = simd.mul_add_e_f32s(w, *a, x);
                }
            }
            let sum = acc.into_iter().fold(x, |a, b| simd.add_f32s(a, b));
            (simd.reduce_sum_f32s(sum), 20 * S::F32_LANES * self.0)
        }
    }

    /// A measurement, not a test: `cargo test --release -p kiln-fit speed_of -- --ignored --nocapture`.
    #[test]
    #[ignore = "a measurement"]
    fn speed_of_products() {
        let arch = Arch::new();
        let seconds = |f: &mut dyn FnMut()| {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64()
        };
        let mut flops = 0;
        let best = |f: &mut dyn FnMut()| (0..20).map(|_| seconds(f)).fold(f64::MAX, f64::min);
        let time = best(&mut || {
            let (sum, n) = arch.dispatch(Peak(1_000_000));
            assert!(sum > 0.0);
            flops = n;
        });
        println!("peak: {:.1} GFLOP/s", flops as f64 / time / 1e9);
        for (outputs, inputs) in [
            (20, 20),
            (14, 14),
            (8, 8),
            (2, 20),
            (48, 7),
            (3, 48),
            (7, 48),
        ] {
            let matrix = Packed::new(outputs, inputs, |_, _| 0.01, |_| 0.0);
            let mut x = Aligned::new(inputs * TILE * MOST_LANES);
            let mut y = Aligned::new(outputs * TILE * MOST_LANES);
            let mut sums = Aligned::new(outputs * inputs * MOST_LANES);
            for (mode, name) in [
                (PLAIN, "plain"),
                (RELU, "relu"),
                (ADD, "add"),
                (MASK, "mask"),
                (4, "outer"),
            ] {
                let mut lanes = 0;
                let repeat = 10_000;
                let time = best(&mut || {
                    lanes = arch.dispatch(Run {
                        matrix: &matrix,
                        x: &mut x,
                        y: &mut y,
                        sums: &mut sums,
                        mode,
                        repeat,
                    });
                });
                let flops = (2 * outputs * inputs * TILE * lanes * repeat) as f64;
                println!(
                    "{outputs:2} x {inputs:2} {name:5}: {:.1} GFLOP/s",
                    flops / time / 1e9
                );
            }
        }
    }
}
