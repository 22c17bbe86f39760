//! The loops in plain integers: what every other way must equal.

use kiln_entropy::{Laplace, LaplaceAt};

use crate::networks::{Arm, Layer};

/// Features of a place; those that a shape does not have are 0.
pub(crate) type Features = [i16; 8];

/// Places that are computed together.
const LANES: usize = 16;

type Lanes = [i32; LANES];

/// The places `start ..` of an input; 0 beyond its end.
#[inline(always)]
fn load(input: &[i16], start: usize) -> Lanes {
    let mut lanes = [0; LANES];
    let rest = input.get(start..).unwrap_or(&[]);
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane = value.into();
    }
    lanes
}

/// The sums of a row.
#[inline(always)]
fn sums(weights: &[[i16; 2]], bias: i32, inputs: &[Lanes]) -> Lanes {
    let mut sums = [bias; LANES];
    for (&weight, input) in weights.as_flattened().iter().zip(inputs) {
        let weight = i32::from(weight);
        for (sum, &input) in sums.iter_mut().zip(input) {
            *sum += weight * input;
        }
    }
    sums
}

/// What a layer makes of its sums.
#[inline(always)]
fn finished(layer: &Layer, sums: Lanes) -> Lanes {
    sums.map(|sum| {
        let value = sum >> layer.shift;
        if layer.low == i32::MIN {
            value
        } else {
            value.clamp(layer.low, i16::MAX.into())
        }
    })
}

/// Calls `body` with the first place of each block and the inputs there.
#[inline(always)]
fn blocks(inputs: &[&[i16]], length: usize, mut body: impl FnMut(usize, &[Lanes])) {
    let mut loaded = Vec::with_capacity(inputs.len());
    for start in (0..length).step_by(LANES) {
        loaded.clear();
        loaded.extend(inputs.iter().map(|input| load(input, start)));
        body(start, &loaded);
    }
}

#[inline(always)]
fn store<T>(output: &mut [T], start: usize, lanes: Lanes, convert: impl Fn(i32) -> T) {
    let rest = output.get_mut(start..).unwrap_or(&mut []);
    for (value, lane) in rest.iter_mut().zip(lanes) {
        *value = convert(lane);
    }
}

/// A layer with outputs of 16 bits, over as many places as the first output has. There are as many inputs as columns.
pub(crate) fn dense(layer: &Layer, inputs: &[&[i16]], outputs: &mut [&mut [i16]]) {
    let length = outputs.first().map_or(0, |output| output.len());
    blocks(inputs, length, |start, inputs| {
        for ((weights, bias), output) in layer.iter().zip(outputs.iter_mut()) {
            let lanes = finished(layer, sums(weights, bias, inputs));
            store(output, start, lanes, |lane| lane as i16);
        }
    });
}

/// A layer with outputs of 32 bits, limited to `±limit` and then shifted to the left.
pub(crate) fn wide(
    layer: &Layer,
    inputs: &[&[i16]],
    limit: i32,
    left: u32,
    outputs: &mut [&mut [i32]],
) {
    let length = outputs.first().map_or(0, |output| output.len());
    blocks(inputs, length, |start, inputs| {
        for ((weights, bias), output) in layer.iter().zip(outputs.iter_mut()) {
            let lanes = finished(layer, sums(weights, bias, inputs));
            store(output, start, lanes, |lane| {
                lane.clamp(-limit, limit) << left
            });
        }
    });
}

/// Two layers, the second over the outputs of the first.
pub(crate) fn mix(first: &Layer, second: &Layer, inputs: &[&[i16]], outputs: &mut [&mut [i16]]) {
    let length = outputs.first().map_or(0, |output| output.len());
    let mut hidden = Vec::with_capacity(first.rows());
    blocks(inputs, length, |start, inputs| {
        hidden.clear();
        let rows = first.iter();
        hidden.extend(rows.map(|(weights, bias)| finished(first, sums(weights, bias, inputs))));
        for ((weights, bias), output) in second.iter().zip(outputs.iter_mut()) {
            let lanes = finished(second, sums(weights, bias, &hidden));
            store(output, start, lanes, |lane| lane as i16);
        }
    });
}

/// The distributions of latents, given their neighbours, one input each, and their features. Without features they are
/// 0.
pub(crate) fn arm(arm: &Arm, contexts: &[&[i16]], features: &[Features], out: &mut [LaplaceAt]) {
    let (places, feature_places) = arm.places;
    let mut inputs = Vec::with_capacity(places + feature_places);
    let mut layers = [Vec::new(), Vec::new()];
    for start in (0..out.len()).step_by(LANES) {
        inputs.clear();
        inputs.extend(contexts.iter().map(|context| load(context, start)));
        inputs.resize(places, [0; LANES]);
        let rest = features.get(start..).unwrap_or(&[]);
        inputs.extend((0..feature_places).map(|feature| {
            let mut lanes = [0; LANES];
            for (lane, features) in lanes.iter_mut().zip(rest) {
                *lane = features[feature].into();
            }
            lanes
        }));
        let [now, next] = &mut layers;
        now.clone_from(&inputs);
        for layer in &arm.hidden {
            next.clear();
            let rows = layer.iter();
            next.extend(rows.map(|(weights, bias)| finished(layer, sums(weights, bias, now))));
            std::mem::swap(now, next);
        }
        now.extend_from_slice(&inputs);
        let mut rows = arm.out.iter();
        let mut output = || match rows.next() {
            Some((weights, bias)) => finished(&arm.out, sums(weights, bias, now)),
            None => [0; LANES],
        };
        let (means, scales) = (output(), output());
        let rest = &mut out[start..];
        for ((at, mean), scale) in rest.iter_mut().zip(means).zip(scales) {
            *at = place(mean, scale);
        }
    }
}

/// Where a latent is coded, given the outputs of the network in 64ths.
#[inline(always)]
pub(super) fn place(mean: i32, scale: i32) -> LaplaceAt {
    LaplaceAt {
        mean: mean.clamp(-MEAN_MAX, MEAN_MAX) as i16,
        // ln b is 4 less than the output, and the first scale is that of -5.
        scale: scale
            .saturating_add(64)
            .clamp(0, Laplace::LARGEST_SCALE.into()) as u16,
    }
}

/// Means are within the range of latents.
pub(super) const MEAN_MAX: i32 = 127 * 64;
