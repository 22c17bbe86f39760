//! Integer layers carried in f32 tensors: the arithmetic that every decoder must reproduce to the last bit.
//!
//! Weights, biases and activations are integers. While `sum|w| * max|a| + |b| < 2^24` holds for each output channel, every
//! partial sum of a convolution is an integer that f32 represents, so the result does not depend on the order of
//! summation, on fused multiply-add, on tiling, or on the device. [`Exact`] checks the bound and refuses weights that break
//! it. The result is requantised by a power of two: `floor(acc / 2^shift)`, then clamped. Multiplying an
//! integer below 2^24 by a power of two is exact as well, and so is `floor`. Nothing else happens in this path: no
//! exponential, no division, no other rounding.

use burn::module::Module;
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};

use super::arithmetic::{Arithmetic, Kind, Layer, Range, Spec};
use crate::nets::host;
use crate::nets::tensors::tensor;
use crate::{ModelError, Weights, WeightsError};

/// Fractional bits of means and of the quantised latent.
pub const MEAN_BITS: u32 = 6;
/// Largest magnitude of an activation.
pub const ACT_MAX: i32 = 1023;
/// Largest magnitude of a weight.
pub const WEIGHT_MAX: i32 = 2047;
/// Largest magnitude of a mean, before the shift of its level and channel.
pub const MEAN_MAX: i32 = 32767;
/// Largest magnitude of a hyper-latent symbol.
pub const Z_MAX: i32 = 127;
/// Step of each of the two quantisers of y, with [`MEAN_BITS`] fractional bits.
pub const STEP: i32 = 80;
/// Largest magnitude of a residual symbol of y.
pub const RESIDUAL_MAX: i32 = 8191;
/// Largest shift of means and context inputs.
pub const SHIFT_MAX: i32 = 7;
/// The activation function divides what is negative by two to this power.
pub const LEAK_BITS: i32 = 3;
/// The same as a factor, which a float holds exactly.
pub(crate) const SLOPE: f64 = 1.0 / (1 << LEAK_BITS) as f64;
/// Magnitudes of sums stay below this.
pub const ACC_LIMIT: i64 = 1 << 24;

impl Range {
    /// Where a requantised output is clamped. An activation of the leaky kind is then divided by `2^LEAK_BITS` where it is
    /// negative, and rounded down.
    fn bounds(self) -> (f32, f32) {
        let (lo, hi) = match self {
            Self::Leaky | Self::Linear => (-ACT_MAX, ACT_MAX),
            Self::Mean => (-MEAN_MAX, MEAN_MAX),
            Self::Row(rows) => (0, i32::from(rows) - 1),
        };
        (lo as f32, hi as f32)
    }
}

/// The sum of two activations of one shape, clamped to the range of one.
fn add_activations(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    let (lo, hi) = Range::Linear.bounds();
    if host::is_here(&x) && host::is_here(&y) {
        return host::zip(x, y, |x, y| clamped(x + y, lo, hi));
    }
    (x + y).clamp(lo, hi)
}

/// What `f32::clamp` gives for numbers, and `lo` for what is none: two instructions, for many values at a time.
fn clamped(v: f32, lo: f32, hi: f32) -> f32 {
    let v = if v > lo { v } else { lo };
    if v < hi { v } else { hi }
}

/// The activation function before any rounding: max(v, v / 2^LEAK_BITS).
pub(crate) fn leaky_value(v: f32) -> f32 {
    let leaked = v * SLOPE as f32;
    if v > leaked { v } else { leaked }
}

/// The largest integer that is not above `v`, for magnitudes below 2^22. Unlike `f32::floor`, a call where a processor of
/// no particular kind is compiled for, these are instructions that work on many values at a time.
fn rounded_down(v: f32) -> f32 {
    /// The middle of the numbers of which f32 holds integers only: what is added to it becomes an integer next to `v`,
    /// in whatever direction, and an integer stays.
    const INTEGERS: f32 = (3 << 22) as f32;
    let next = (v + INTEGERS) - INTEGERS;
    if next > v { next - 1.0 } else { next }
}

/// The scaled sums of a layer on the CPU -> its outputs, as [`requantise`] makes them. Clamping first gives the same, since
/// the bounds are integers.
fn requantise_here(sums: Tensor<4>, range: Range) -> Tensor<4> {
    let (lo, hi) = range.bounds();
    match range {
        Range::Leaky => host::map(sums, |v| {
            rounded_down(leaky_value(rounded_down(clamped(v, lo, hi))))
        }),
        _ => host::map(sums, |v| rounded_down(clamped(v, lo, hi))),
    }
}

/// The scaled sums of a layer -> its outputs, in operations of any device.
fn requantise(sums: Tensor<4>, range: Range) -> Tensor<4> {
    let (lo, hi) = range.bounds();
    let out = sums.floor().clamp(lo, hi);
    match range {
        // Positive integers stay, negative ones are divided exactly, then rounded down.
        Range::Leaky => leaky_relu(out, SLOPE).floor(),
        _ => out,
    }
}

/// An integer convolution: 1x1, or 3x3 on each channel on its own.
#[derive(Module, Debug)]
pub struct ExactConv {
    /// Integers times 2^-shift of their output channel: sums of products are the same numbers in other units, as exact.
    weight: Tensor<4>,
    /// Biases, one row per level or a single row: [levels or 1] of [outputs], times 2^-shift as well. They hold the half
    /// that turns floor into rounding.
    bias: Vec<Tensor<1>>,
    #[module(skip)]
    kind: Kind,
    #[module(skip)]
    range: Range,
}

impl ExactConv {
    /// The layer cut into `parts` layers of as many outputs each, in order. Not for layers on each channel on its own.
    fn split(self, parts: usize) -> Vec<Self> {
        let [outputs, inputs, ..] = self.weight.dims();
        let each = outputs / parts;
        (0..parts)
            .map(|i| i * each..(i + 1) * each)
            .map(|part| Self {
                weight: self
                    .weight
                    .clone()
                    .slice([part.clone(), 0..inputs, 0..1, 0..1]),
                bias: self
                    .bias
                    .iter()
                    .map(|b| b.clone().slice([part.clone()]))
                    .collect(),
                kind: self.kind,
                range: self.range,
            })
            .collect()
    }
}

impl Layer for ExactConv {
    /// A level; layers without levels ignore it.
    type At = usize;

    /// Integers in, integers out.
    fn forward(&self, x: Tensor<4>, level: &usize) -> Result<Tensor<4>, ModelError> {
        let options = match self.kind {
            Kind::Depthwise => ConvOptions::new([1, 1], [1, 1], [1, 1], x.dims()[1]),
            _ => ConvOptions::new([1, 1], [0, 0], [1, 1], 1),
        };
        let bias = self.bias[(*level).min(self.bias.len() - 1)].clone();
        let sums = conv2d(x, self.weight.clone(), Some(bias), options);
        Ok(match host::is_here(&sums) {
            true => requantise_here(sums, self.range),
            false => requantise(sums, self.range),
        })
    }

    fn add(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
        add_activations(x, y)
    }
}

/// Makes layers of integers.
pub struct Exact<'a, 'w> {
    /// Where the integers come from.
    pub weights: &'a mut Weights<'w>,
    /// Where the layers run.
    pub device: &'a Device,
}

impl Arithmetic for Exact<'_, '_> {
    type Layer = ExactConv;

    /// Takes `name.weight` (outputs x inputs, or x 9), `name.bias` (levels or 1, x outputs) and `name.shift` (outputs)
    /// from the weights and proves the layer exact.
    fn layer(&mut self, name: &str, spec: Spec) -> Result<ExactConv, WeightsError> {
        let Spec {
            kind,
            input,
            outputs,
            levels,
            range,
            bias,
        } = spec;
        let fan_in = match kind {
            Kind::Pointwise => input.channels,
            Kind::Depthwise => 9,
            Kind::Conv { .. } | Kind::Deconv { .. } => 0,
        };
        if fan_in == 0 || !bias {
            return Err(WeightsError::Inexact {
                layer: name.into(),
                what: format!("no integer layer of the kind {spec:?} is known"),
            });
        }
        let (w, device) = (&mut *self.weights, self.device);
        let weight = w.integers(&format!("{name}.weight"), &[outputs, fan_in])?;
        let bias = w.integers(&format!("{name}.bias"), &[levels.max(1), outputs])?;
        let shift = w.integers(&format!("{name}.shift"), &[outputs])?;
        check_bounds(name, &weight, &bias, &shift, input.max, outputs)?;
        let scale: Vec<f32> = shift.iter().map(|&s| (-s as f32).exp2()).collect();
        let scaled = |v: &[i32], each: usize| -> Vec<f32> {
            let scales = scale.iter().flat_map(|s| std::iter::repeat_n(s, each));
            v.iter().zip(scales).map(|(&x, s)| x as f32 * s).collect()
        };
        Ok(ExactConv {
            weight: tensor(
                scaled(&weight, fan_in),
                kind.weight(input.channels, outputs),
                device,
            ),
            bias: bias
                .chunks_exact(outputs)
                .map(|b| tensor(scaled(b, 1), [outputs], device))
                .collect(),
            kind,
            range,
        })
    }

    fn parts(
        &mut self,
        name: &str,
        spec: Spec,
        parts: usize,
    ) -> Result<Vec<ExactConv>, WeightsError> {
        Ok(self.layer(name, spec)?.split(parts))
    }
}

/// The condition under which f32 arithmetic on these integers is exact.
pub(crate) fn check_bounds(
    layer: &str,
    weight: &[i32],
    bias: &[i32],
    shift: &[i32],
    input_max: i32,
    outputs: usize,
) -> Result<(), WeightsError> {
    let fail = |what: String| {
        Err(WeightsError::Inexact {
            layer: layer.into(),
            what,
        })
    };
    if let Some(w) = weight.iter().find(|w| w.abs() > WEIGHT_MAX) {
        return fail(format!(
            "weight {w} is outside -{WEIGHT_MAX}..={WEIGHT_MAX}"
        ));
    }
    if let Some(s) = shift.iter().find(|s| !(1..=23).contains(*s)) {
        return fail(format!("shift {s} is outside 1..=23"));
    }
    for (c, w) in weight.chunks_exact(weight.len() / outputs).enumerate() {
        let sum: i64 = w.iter().map(|&x| i64::from(x.unsigned_abs())).sum();
        let bias = bias
            .iter()
            .skip(c)
            .step_by(outputs)
            .map(|b| i64::from(b.unsigned_abs()))
            .max()
            .unwrap_or(0);
        let total = sum * i64::from(input_max) + bias;
        if total >= ACC_LIMIT {
            return fail(format!(
                "channel {c} can reach {total}, at or above {ACC_LIMIT}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_sharp() {
        // 8 weights of 2047 on activations of 1023 sum to 16_752_648; 24_567 more stay below 2^24, 24_568 reach it.
        let w = [WEIGHT_MAX; 8];
        assert!(check_bounds("l", &w, &[24_567], &[1], ACT_MAX, 1).is_ok());
        let e = check_bounds("l", &w, &[24_568], &[1], ACT_MAX, 1).unwrap_err();
        assert!(e.to_string().contains("16777216"), "{e}");
        assert!(check_bounds("l", &w, &[-24_568], &[1], ACT_MAX, 1).is_err());
    }

    #[test]
    fn every_level_counts() {
        assert!(check_bounds("l", &[1, 1], &[0, 0, 0, 1 << 24], &[1, 1], ACT_MAX, 2).is_err());
    }

    #[test]
    fn weights_and_shifts_have_ranges() {
        assert!(check_bounds("l", &[2048], &[0], &[1], 1, 1).is_err());
        assert!(check_bounds("l", &[1], &[0], &[0], 1, 1).is_err());
        assert!(check_bounds("l", &[1], &[0], &[24], 1, 1).is_err());
    }

    /// Both forms of what follows the sums, on what they can meet: sixteenths around every bound and far beyond, in both
    /// directions, more of them than one thread takes at a time.
    #[test]
    fn one_pass_equals_burns_operations() {
        let device = Device::flex();
        let around = |center: i32| (-24_000..=24_000).map(move |i| center as f32 + i as f32 / 16.0);
        let values: Vec<f32> = [0, -ACT_MAX, ACT_MAX, -MEAN_MAX, MEAN_MAX, 255]
            .into_iter()
            .flat_map(around)
            .chain([-0.0, (ACC_LIMIT - 1) as f32, -(ACC_LIMIT - 1) as f32])
            .collect();
        let x = || tensor(values.clone(), [1, 1, 1, values.len()], &device);
        let host = |t: Tensor<4>| t.into_data().try_into_vec::<f32>().unwrap();
        for range in [Range::Leaky, Range::Linear, Range::Mean, Range::Row(256)] {
            let (found, expected) = (requantise_here(x(), range), requantise(x(), range));
            assert_eq!(host(found), host(expected), "{range:?}");
        }
        let (a, b) = (
            host(requantise(x(), Range::Leaky)),
            host(requantise(x().flip([3]), Range::Linear)),
        );
        let t = |v: &[f32]| tensor(v.to_vec(), [1, 1, 1, v.len()], &device);
        let expected: Vec<f32> = a
            .iter()
            .zip(&b)
            .map(|(a, b)| (a + b).clamp(-1023.0, 1023.0))
            .collect();
        assert_eq!(host(add_activations(t(&a), t(&b))), expected);
    }

    /// Largest weights, sums within 1 % of the limit, both signs: equal to i64 arithmetic in every output.
    #[test]
    fn extreme_sums_equal_integer_arithmetic() {
        let (inputs, outputs, h, w) = (64, 32, 9, 11);
        let mut seed = 1u64;
        let mut next = |lo: i64, hi: i64| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            lo + ((seed >> 33) as i64).rem_euclid(hi - lo + 1)
        };
        // Eight weights of full size per channel, the rest zero: sum|w| * max|a| = 16_752_648, 0.15 % under the limit.
        let mut weight = vec![0i64; inputs * outputs];
        for o in 0..outputs {
            for k in 0..8 {
                weight[o * inputs + (k * 8 + o) % inputs] =
                    if next(0, 1) == 0 { 2047 } else { -2047 };
            }
        }
        let x: Vec<i64> = (0..inputs * h * w)
            .map(|_| {
                if next(0, 3) == 0 {
                    next(-1023, 1023)
                } else {
                    1023 * (1 - 2 * next(0, 1))
                }
            })
            .collect();
        let device = Device::flex();
        let f = |v: &[i64]| v.iter().map(|&a| a as f32).collect::<Vec<_>>();
        let layer = ExactConv {
            weight: tensor(f(&weight), [outputs, inputs, 1, 1], &device) / 128.0,
            bias: vec![tensor(vec![0.5; outputs], [outputs], &device)],
            kind: Kind::Pointwise,
            range: Range::Mean,
        };
        let x_tensor = tensor(f(&x), [1, inputs, h, w], &device);
        let y = layer.forward(x_tensor, &0).unwrap();
        let y = y.into_data().try_into_vec::<f32>().unwrap();
        for o in 0..outputs {
            for p in 0..h * w {
                let acc: i64 = (0..inputs)
                    .map(|i| weight[o * inputs + i] * x[i * h * w + p])
                    .sum();
                let expect = ((acc + 64) >> 7).clamp(-32767, 32767);
                assert_eq!(y[o * h * w + p] as i64, expect, "channel {o}, cell {p}");
            }
        }
    }
}
