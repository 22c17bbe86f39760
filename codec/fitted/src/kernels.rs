//! The loops over many places at once, each in plain integers and in the widest instructions that the machine has. All
//! ways give the same numbers.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx2;
mod plain;

use kiln_entropy::LaplaceAt;

use crate::networks::{Arm, Layer};

pub(crate) use plain::Features;

/// A layer with outputs of 16 bits, over as many places as the first output has. There are as many inputs as columns, each
/// at least as long, and as many outputs as rows, equally long.
pub(crate) fn dense(layer: &Layer, inputs: &[&[i16]], outputs: &mut [&mut [i16]]) {
    #[cfg(target_arch = "x86_64")]
    if avx2::dense(layer, inputs, outputs) {
        return;
    }
    plain::dense(layer, inputs, outputs);
}

/// A layer with outputs of 32 bits, limited to `±limit` and then shifted to the left. Lengths as for [`dense`].
pub(crate) fn wide(
    layer: &Layer,
    inputs: &[&[i16]],
    limit: i32,
    left: u32,
    outputs: &mut [&mut [i32]],
) {
    #[cfg(target_arch = "x86_64")]
    if avx2::wide(layer, inputs, limit, left, outputs) {
        return;
    }
    plain::wide(layer, inputs, limit, left, outputs);
}

/// Two layers, the second over the outputs of the first. Lengths as for [`dense`].
pub(crate) fn mix(first: &Layer, second: &Layer, inputs: &[&[i16]], outputs: &mut [&mut [i16]]) {
    #[cfg(target_arch = "x86_64")]
    if avx2::mix(first, second, inputs, outputs) {
        return;
    }
    plain::mix(first, second, inputs, outputs);
}

/// The distributions of latents, given their neighbours, one input each, at least as long as `out`, and their features.
/// Without features they are 0.
pub(crate) fn arm(arm: &Arm, contexts: &[&[i16]], features: &[Features], out: &mut [LaplaceAt]) {
    #[cfg(target_arch = "x86_64")]
    if avx2::arm(arm, contexts, features, out) {
        return;
    }
    plain::arm(arm, contexts, features, out);
}

#[cfg(test)]
mod tests;
