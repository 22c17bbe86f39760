//! Integer layers with their rounding in the loop: what [`ExactConv`](crate::nets::exact::ExactConv) computes, with
//! gradients.
//!
//! Activations are integers divided by `2^MEAN_BITS`, weights integers divided by a power of two per output. The gradient
//! takes every rounding for the identity.

use burn::module::{Module, Param};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::level::{LevelTable, Levels};
use crate::nets::arithmetic::{Arithmetic, Kind, Layer, Range, Spec};
use crate::nets::differentiable;
use crate::nets::exact::{
    ACC_LIMIT, ACT_MAX, MEAN_BITS, MEAN_MAX, SLOPE, WEIGHT_MAX, check_bounds,
};
use crate::nets::tensors::tensor;
use crate::{ModelError, Weights, WeightsError};

/// Fractional bits of a table row: one unit of the network moves the row by eight.
pub(crate) const ROW_BITS: u32 = 3;
/// Largest power of two by which a weight is multiplied.
const MAX_SHIFT: i32 = 16;
/// Part of the bound on sums that is used, so that rounding does not exceed it.
const MARGIN: f64 = 0.95;

/// `value` with the gradient of `x`.
pub(crate) fn straight_through<const D: usize>(value: Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    // The difference is exactly zero, so that integers stay integers.
    value.detach() + (x.clone() - x.detach())
}

/// Round to the nearest integer, halves up.
pub(crate) fn round_half_up<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    (x + 0.5).floor()
}

/// A layer as the weights file holds it.
pub(crate) struct Integers {
    /// [outputs, fan-in]
    pub(crate) weight: Vec<i16>,
    /// [levels or 1, outputs]
    pub(crate) bias: Vec<i32>,
    /// [outputs]
    pub(crate) shift: Vec<u8>,
}

/// A trainable integer convolution.
#[derive(Module, Debug)]
pub(crate) struct QuantConv {
    /// [outputs, fan-in]
    weight: Param<Tensor<2>>,
    bias: LevelTable,
    #[module(skip)]
    name: String,
    #[module(skip)]
    shape: Shape,
}

/// The numbers of a layer on the host.
struct Host {
    /// [outputs, fan-in]
    weight: Vec<f32>,
    /// [levels or 1, outputs]
    biases: Vec<f32>,
    /// Fractional bits of the weights: [outputs]
    bits: Vec<i32>,
}

/// The numbers of a layer that do not change.
#[derive(Clone, Copy, Debug)]
struct Shape {
    spec: Spec,
    in_bits: i32,
    out_bits: i32,
}

/// Makes layers that train.
pub(crate) struct Quantised<'a, 'w> {
    weights: &'a mut Weights<'w>,
    device: &'a Device,
}

impl<'a, 'w> Quantised<'a, 'w> {
    pub(crate) fn new(weights: &'a mut Weights<'w>, device: &'a Device) -> Self {
        Self { weights, device }
    }
}

impl Arithmetic for Quantised<'_, '_> {
    type Layer = QuantConv;

    /// Takes the integer layer `name` of the weights.
    fn layer(&mut self, name: &str, spec: Spec) -> Result<QuantConv, WeightsError> {
        let (w, device) = (&mut *self.weights, self.device);
        let out_bits = match spec.range {
            Range::Row(_) => ROW_BITS,
            _ => MEAN_BITS,
        };
        let (in_bits, out_bits) = (spec.input.bits as i32, out_bits as i32);
        let (n, rows) = (spec.outputs, spec.levels.max(1));
        let fan_in = match spec.kind {
            Kind::Depthwise => 9,
            _ => spec.input.channels,
        };
        let weight = w.integers(&format!("{name}.weight"), &[n, fan_in])?;
        let bias = w.integers(&format!("{name}.bias"), &[rows, n])?;
        let shift = w.integers(&format!("{name}.shift"), &[n])?;
        check_bounds(name, &weight, &bias, &shift, spec.input.max, n)?;
        // shift = bits of the weights + in_bits - out_bits; the bias holds half a step beside what was trained.
        let bits = |o: usize| shift[o] - in_bits + out_bits;
        let weight = (weight.iter().enumerate())
            .map(|(i, &v)| v as f32 * (-bits(i / fan_in) as f32).exp2())
            .collect();
        let bias = (bias.iter().enumerate())
            .map(|(i, &v)| {
                let o = i % n;
                (v - (1 << (shift[o] - 1))) as f32 * (-(bits(o) + in_bits) as f32).exp2()
            })
            .collect();
        Ok(QuantConv {
            weight: Param::from_tensor(tensor(weight, [n, fan_in], device)),
            bias: LevelTable::new(bias, rows, n, device),
            name: name.to_owned(),
            shape: Shape {
                spec,
                in_bits,
                out_bits,
            },
        })
    }

    /// Training computes all parts everywhere.
    fn parts(&mut self, name: &str, spec: Spec, _: usize) -> Result<Vec<QuantConv>, WeightsError> {
        Ok(vec![self.layer(name, spec)?])
    }
}

impl QuantConv {
    /// Its name in a weights file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Fractional bits of the weights per output: the most that keep the bounds of the exact path.
    fn bits(&self, weight: &[f32], biases: &[f32]) -> Vec<i32> {
        let k = self.shape;
        let n = k.spec.outputs;
        (weight.chunks_exact(weight.len() / n).enumerate())
            .map(|(o, w)| {
                let sum: f64 = w.iter().map(|w| f64::from(w.abs())).sum();
                let largest = w.iter().fold(0.0f64, |a, w| a.max(f64::from(w.abs())));
                let bias = biases.iter().skip(o).step_by(n);
                let bias = bias.fold(0.0f64, |a, b| a.max(f64::from(b.abs())));
                let total = sum * f64::from(k.spec.input.max) + bias * f64::from(k.in_bits).exp2();
                let by_sum = (MARGIN * ACC_LIMIT as f64 / total.max(1e-9)).log2().floor();
                let by_max = (f64::from(WEIGHT_MAX) / largest.max(1e-9)).log2().floor();
                // The requantisation divides at least by two.
                let least = k.out_bits - k.in_bits + 1;
                (by_sum.min(by_max) as i32).clamp(least, MAX_SHIFT)
            })
            .collect()
    }

    fn host(&self) -> Result<Host, ModelError> {
        let weight = values(self.weight.val().inner())?;
        let biases = values(self.bias.all())?;
        let bits = self.bits(&weight, &biases);
        Ok(Host {
            weight,
            biases,
            bits,
        })
    }

    /// The integers that the decoder computes with.
    pub(crate) fn integers(&self) -> Result<Integers, ModelError> {
        let k = self.shape;
        let Host {
            weight,
            biases,
            bits,
        } = self.host()?;
        let n = k.spec.outputs;
        let fan_in = weight.len() / n;
        let max = f64::from(WEIGHT_MAX);
        let shift = |o: usize| bits[o] + k.in_bits - k.out_bits;
        Ok(Integers {
            weight: (weight.iter().enumerate())
                .map(|(i, w)| {
                    let scaled = f64::from(*w) * f64::from(bits[i / fan_in]).exp2();
                    scaled.round_ties_even().clamp(-max, max) as i16
                })
                .collect(),
            bias: (biases.iter().enumerate())
                .map(|(i, b)| {
                    let o = i % n;
                    let scaled = f64::from(*b) * f64::from(bits[o] + k.in_bits).exp2();
                    scaled.round_ties_even() as i32 + (1 << (shift(o) - 1))
                })
                .collect(),
            shift: (0..n).map(|o| shift(o) as u8).collect(),
        })
    }
}

impl Layer for QuantConv {
    type At = Levels;

    /// [B, inputs, h, w] -> [B, outputs, h, w]. Rows of tables are not clamped: see
    /// [`Sent`](super::trellis::Sent).
    fn forward(&self, a: Tensor<4>, levels: &Levels) -> Result<Tensor<4>, ModelError> {
        let k = self.shape;
        let (n, device) = (k.spec.outputs, a.device());
        let bits = self.host()?.bits;
        let power = |extra: i32| bits.iter().map(|b| ((b + extra) as f32).exp2()).collect();
        let scale: Tensor<2> = tensor(power(0), [n, 1], &device);
        let weight = self.weight.val();
        let max = WEIGHT_MAX as f32;
        let rounded = (weight.clone() * scale.clone()).round().clamp(-max, max) / scale;
        let weight = straight_through(rounded, weight);
        let bias = self.bias.forward(levels);
        let scale: Tensor<2> = tensor(power(k.in_bits), [1, n], &device);
        let bias = straight_through((bias.clone() * scale.clone()).round() / scale, bias);
        let rows = bias.dims()[0];
        let acc = match k.spec.kind {
            Kind::Depthwise => differentiable::depthwise(a, weight.reshape([n, 1, 3, 3]), None),
            _ => {
                let fan_in = k.spec.input.channels;
                differentiable::pointwise(a, weight.reshape([n, fan_in, 1, 1]), None)
            }
        };
        let acc = acc + bias.reshape([rows, n, 1, 1]);
        let unit = (k.out_bits as f32).exp2();
        let out = straight_through(round_half_up(acc.clone() * unit) / unit, acc);
        let limit = ACT_MAX as f32 / unit;
        Ok(match k.spec.range {
            Range::Linear => out.clamp(-limit, limit),
            Range::Mean => out.clamp(-MEAN_MAX as f32 / unit, MEAN_MAX as f32 / unit),
            Range::Row(_) => out,
            Range::Leaky => {
                let out = out.clamp(-limit, limit);
                // Outputs are often exactly 0. There the slope is that of the negative side, as in the reference.
                let leaky = out.clone() * SLOPE + relu(out) * (1.0 - SLOPE);
                let floored = (leaky.clone() * unit).floor() / unit;
                straight_through(floored, leaky)
            }
        })
    }

    fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        clamp_act(a + b)
    }
}

/// Values brought into the range of an activation.
pub(crate) fn clamp_act(x: Tensor<4>) -> Tensor<4> {
    let limit = ACT_MAX as f32 / (1 << MEAN_BITS) as f32;
    x.clamp(-limit, limit)
}

/// The numbers of a tensor on the host.
pub(crate) fn values<const D: usize>(t: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    t.try_into_data()
        .map_err(|e| ModelError::Device(e.to_string()))?
        .try_into_vec::<f32>()
        .map_err(|e| ModelError::Device(format!("{e:?}")))
}
