//! The loops in plain integers: what every other way must equal. They are written so that a compiler finds the vectors
//! that any machine has.

use kiln_entropy::{Laplace, LaplaceAt};

use crate::networks::{Arm, Layer};

/// Features of a place; those that a shape does not have are 0.
pub(crate) type Features = [i16; 8];

/// Places that are computed together.
const LANES: usize = 16;

/// Inputs of these places, and sums.
type Inputs = [i16; LANES];
type Sums = [i32; LANES];

/// The places `start ..` of an input; 0 beyond its end.
#[inline(always)]
fn load(input: &[i16], start: usize) -> Inputs {
    let rest = input.get(start..).unwrap_or(&[]);
    if let Some(lanes) = rest.first_chunk() {
        return *lanes;
    }
    let mut lanes = [0; LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    lanes
}

/// What is above the sums of a row, limited by nothing yet.
#[inline(always)]
fn sums(weights: &[[i16; 2]], bias: i32, shift: u32, inputs: &[Inputs]) -> Sums {
    let mut sums = [bias; LANES];
    for (&weight, input) in weights.as_flattened().iter().zip(inputs) {
        for (sum, &input) in sums.iter_mut().zip(input) {
            *sum += i32::from(weight) * i32::from(input);
        }
    }
    sums.map(|sum| sum >> shift)
}

#[inline(always)]
fn limited(layer: &Layer, sums: Sums) -> Inputs {
    let low = layer.low.max(i16::MIN.into());
    sums.map(|sum| sum.clamp(low, i16::MAX.into()) as i16)
}

/// Puts as many outputs of a layer of 16 bits as it has rows into `out`.
#[inline(always)]
fn layer_of(layer: &Layer, inputs: &[Inputs], out: &mut Vec<Inputs>) {
    out.clear();
    out.extend(
        layer
            .iter()
            .map(|(weights, bias)| limited(layer, sums(weights, bias, layer.shift, inputs))),
    );
}

/// Calls `body` with the first place of each block and the inputs there.
#[inline(always)]
fn blocks(inputs: &[&[i16]], length: usize, mut body: impl FnMut(usize, &[Inputs])) {
    let mut loaded = Vec::with_capacity(inputs.len());
    for start in (0..length).step_by(LANES) {
        loaded.clear();
        loaded.extend(inputs.iter().map(|input| load(input, start)));
        body(start, &loaded);
    }
}

#[inline(always)]
fn store<T: Copy>(output: &mut [T], start: usize, lanes: [T; LANES]) {
    let rest = output.get_mut(start..).unwrap_or(&mut []);
    for (value, lane) in rest.iter_mut().zip(lanes) {
        *value = lane;
    }
}

/// See [`super::dense`].
pub(crate) fn dense(layer: &Layer, inputs: &[&[i16]], outputs: &mut [&mut [i16]]) {
    let length = outputs.first().map_or(0, |output| output.len());
    blocks(inputs, length, |start, inputs| {
        for ((weights, bias), output) in layer.iter().zip(outputs.iter_mut()) {
            let sums = sums(weights, bias, layer.shift, inputs);
            store(output, start, limited(layer, sums));
        }
    });
}

/// See [`super::wide`].
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
            let sums = sums(weights, bias, layer.shift, inputs);
            let shifted = sums.map(|sum| sum.clamp(-limit, limit) << left);
            store(output, start, shifted);
        }
    });
}

/// See [`super::mix`].
pub(crate) fn mix(first: &Layer, second: &Layer, inputs: &[&[i16]], outputs: &mut [&mut [i16]]) {
    let length = outputs.first().map_or(0, |output| output.len());
    let mut hidden = Vec::with_capacity(first.rows());
    blocks(inputs, length, |start, inputs| {
        layer_of(first, inputs, &mut hidden);
        for ((weights, bias), output) in second.iter().zip(outputs.iter_mut()) {
            let sums = sums(weights, bias, second.shift, &hidden);
            store(output, start, limited(second, sums));
        }
    });
}

/// See [`super::arm`].
pub(crate) fn arm(arm: &Arm, contexts: &[&[i16]], features: &[Features], out: &mut [LaplaceAt]) {
    let (places, feature_places) = arm.places;
    let mut inputs = Vec::with_capacity(places + feature_places);
    let (mut now, mut next) = (Vec::new(), Vec::new());
    for start in (0..out.len()).step_by(LANES) {
        inputs.clear();
        inputs.extend(contexts.iter().map(|context| load(context, start)));
        inputs.resize(places, [0; LANES]);
        let rest = features.get(start..).unwrap_or(&[]);
        inputs.extend((0..feature_places).map(|feature| {
            let mut lanes = [0; LANES];
            for (lane, features) in lanes.iter_mut().zip(rest) {
                *lane = features[feature];
            }
            lanes
        }));
        now.clone_from(&inputs);
        for layer in &arm.hidden {
            layer_of(layer, &now, &mut next);
            std::mem::swap(&mut now, &mut next);
        }
        if !arm.hidden.is_empty() {
            now.extend_from_slice(&inputs);
        }
        let mut rows = arm.out.iter();
        let mut output = || match rows.next() {
            Some((weights, bias)) => sums(weights, bias, arm.out.shift, &now),
            None => [0; LANES],
        };
        let (means, scales) = (output(), output());
        for ((at, mean), scale) in out[start..].iter_mut().zip(means).zip(scales) {
            *at = place(mean, scale);
        }
    }
}

/// Where a latent is coded, given the outputs of the network in 64ths.
#[inline(always)]
fn place(mean: i32, scale: i32) -> LaplaceAt {
    // ln b is 4 less than the output, and the first scale is that of -5.
    let scale = scale.saturating_add(64);
    LaplaceAt {
        mean: mean.clamp(-MEAN_MAX, MEAN_MAX) as i16,
        scale: scale.clamp(0, Laplace::LARGEST_SCALE.into()) as u16,
    }
}

/// Means are within the range of latents.
pub(super) const MEAN_MAX: i32 = 127 * 64;
