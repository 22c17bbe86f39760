//! Pairs of products of 16 bits at a time, for x86-64 with AVX2.
//!
//! Every function says whether it has done the work; the plain way does it otherwise. What lengths allow is checked before
//! anything is read.

use std::arch::x86_64::*;

use kiln_entropy::{Laplace, LaplaceAt};

use crate::kernels::plain::{self, Features, MEAN_MAX};
use crate::networks::{Arm, Layer};

/// Places of one vector of 32-bit sums.
const LANES: usize = 8;
/// Places of one vector of 16-bit inputs.
const WIDE: usize = 16;

/// Calls a function with the number of pairs as a constant, so that its loops are unrolled.
macro_rules! with_pairs {
    ($pairs:expr, $function:ident, $($argument:expr),*) => {
        match $pairs {
            1 => $function::<1>($($argument),*),
            2 => $function::<2>($($argument),*),
            3 => $function::<3>($($argument),*),
            4 => $function::<4>($($argument),*),
            5 => $function::<5>($($argument),*),
            6 => $function::<6>($($argument),*),
            7 => $function::<7>($($argument),*),
            8 => $function::<8>($($argument),*),
            9 => $function::<9>($($argument),*),
            10 => $function::<10>($($argument),*),
            11 => $function::<11>($($argument),*),
            12 => $function::<12>($($argument),*),
            13 => $function::<13>($($argument),*),
            14 => $function::<14>($($argument),*),
            _ => return false,
        }
    };
}

/// Whether all inputs are long enough to be read in whole vectors, and there are as many as the layer has columns.
fn fits(layer: &Layer, inputs: &[&[i16]], length: usize) -> bool {
    length >= WIDE
        && inputs.len().div_ceil(2) == layer.pairs()
        && inputs.iter().all(|input| input.len() >= length)
        && is_x86_feature_detected!("avx2")
}

/// First places of blocks of [`WIDE`] that cover `length`, which is not smaller: the last may overlap the one before.
fn starts(length: usize) -> impl Iterator<Item = usize> {
    (0..length)
        .step_by(WIDE)
        .map(move |start| start.min(length - WIDE))
}

pub(super) fn dense(layer: &Layer, inputs: &[&[i16]], outputs: &mut [&mut [i16]]) -> bool {
    let length = outputs.first().map_or(0, |output| output.len());
    if !fits(layer, inputs, length)
        || outputs.len() != layer.rows()
        || outputs.iter().any(|output| output.len() != length)
        || layer.low == i32::MIN
    {
        return false;
    }
    // SAFETY: AVX2 is there, and all slices hold `length` places, at least one block.
    unsafe { with_pairs!(layer.pairs(), dense_pairs, layer, inputs, outputs, length) }
    true
}

pub(super) fn wide(
    layer: &Layer,
    inputs: &[&[i16]],
    limit: i32,
    left: u32,
    outputs: &mut [&mut [i32]],
) -> bool {
    let length = outputs.first().map_or(0, |output| output.len());
    if !fits(layer, inputs, length)
        || outputs.len() != layer.rows()
        || outputs.iter().any(|output| output.len() != length)
    {
        return false;
    }
    // SAFETY: AVX2 is there, and all slices hold `length` places, at least one block.
    unsafe {
        with_pairs!(
            layer.pairs(),
            wide_pairs,
            layer,
            inputs,
            limit,
            left,
            outputs,
            length
        )
    }
    true
}

pub(super) fn mix(
    first: &Layer,
    second: &Layer,
    inputs: &[&[i16]],
    outputs: &mut [&mut [i16]],
) -> bool {
    let length = outputs.first().map_or(0, |output| output.len());
    if !fits(first, inputs, length)
        || !matches!(outputs.len(), 1 | 3)
        || outputs.len() != second.rows()
        || outputs.iter().any(|output| output.len() != length)
        || second.pairs() != first.rows().div_ceil(2)
        || first.low != 0
    {
        return false;
    }
    // SAFETY: AVX2 is there, and all slices hold `length` places, at least one block.
    unsafe {
        match outputs {
            [a] => with_pairs!(first.pairs(), mix_one, first, second, inputs, [a], length),
            [a, b, c] => {
                with_pairs!(
                    first.pairs(),
                    mix_three,
                    first,
                    second,
                    inputs,
                    [a, b, c],
                    length
                )
            }
            _ => return false,
        }
    }
    true
}

pub(super) fn arm(
    arm: &Arm,
    contexts: &[&[i16]],
    features: &[Features],
    out: &mut [LaplaceAt],
) -> bool {
    let (places, feature_places) = arm.places;
    let pairs = (places + feature_places) / 2;
    let whole = out.len() / LANES * LANES;
    let good = contexts.len().next_multiple_of(2) == places
        && contexts.iter().all(|context| context.len() >= whole)
        && (features.is_empty() || features.len() >= whole)
        && arm
            .hidden
            .iter()
            .all(|layer| layer.pairs() == pairs && layer.rows() == 2 * pairs)
        && arm.out.rows() == 2
        && matches!(arm.out.pairs() , n if n == pairs || n == 2 * pairs)
        && feature_places <= 8
        && is_x86_feature_detected!("avx2");
    if !good {
        return false;
    }
    let (vectors, rest) = out.split_at_mut(whole);
    // SAFETY: AVX2 is there, and all slices hold as many places as `vectors`, whole vectors.
    unsafe { with_pairs!(pairs, arm_pairs, arm, contexts, features, vectors) }
    if !rest.is_empty() {
        let mut ends: [&[i16]; 32] = [&[]; 32];
        for (end, context) in ends.iter_mut().zip(contexts) {
            *end = &context[whole..];
        }
        let features = features.get(whole..).unwrap_or(&[]);
        plain::arm(arm, &ends[..contexts.len()], features, rest);
    }
    true
}

/// A pair of weights in every lane.
#[target_feature(enable = "avx2")]
fn pair(weights: [i16; 2]) -> __m256i {
    _mm256_set1_epi32(i32::from(weights[0]) & 0xFFFF | i32::from(weights[1]) << 16)
}

/// The weights of a row.
type Row<const P: usize> = [[i16; 2]; P];

/// Rows and biases.
fn rows<const P: usize>(layer: &Layer) -> impl Iterator<Item = (&Row<P>, i32)> {
    let (weights, biases) = layer.parts();
    weights.as_chunks().0.iter().zip(biases.iter().copied())
}

/// Sums of a row over pairs of inputs.
#[target_feature(enable = "avx2")]
#[inline]
fn sum<const P: usize>(weights: &Row<P>, start: __m256i, inputs: &[__m256i; P]) -> __m256i {
    let mut sum = start;
    for place in 0..P {
        let products = _mm256_madd_epi16(inputs[place], pair(weights[place]));
        sum = _mm256_add_epi32(sum, products);
    }
    sum
}

/// Two halves of 8 places each, the even numbered quarters and the odd numbered ones, as unpacking gives them and packing
/// takes them.
type Halves<const P: usize> = [[__m256i; P]; 2];

/// The inputs of a block, in pairs.
///
/// # Safety
/// All inputs hold [`WIDE`] places from `start` on.
#[target_feature(enable = "avx2")]
unsafe fn load<const P: usize>(inputs: &[&[i16]], start: usize) -> Halves<P> {
    let zero = _mm256_setzero_si256();
    let mut halves = [[zero; P]; 2];
    for (place, inputs) in inputs.chunks(2).enumerate().take(P) {
        let vector = |input: &[i16]| {
            debug_assert!(input.len() >= start + WIDE);
            // SAFETY: the caller says so.
            unsafe { _mm256_loadu_si256(input.as_ptr().add(start).cast()) }
        };
        let first = vector(inputs[0]);
        let second = inputs.get(1).map_or(zero, |input| vector(input));
        halves[0][place] = _mm256_unpacklo_epi16(first, second);
        halves[1][place] = _mm256_unpackhi_epi16(first, second);
    }
    halves
}

/// # Safety
/// All inputs and outputs hold `length` places, which is at least [`WIDE`].
#[target_feature(enable = "avx2")]
unsafe fn dense_pairs<const P: usize>(
    layer: &Layer,
    inputs: &[&[i16]],
    outputs: &mut [&mut [i16]],
    length: usize,
) {
    let shift = _mm_cvtsi32_si128(layer.shift as i32);
    let low = _mm256_set1_epi16(layer.low as i16);
    for start in starts(length) {
        // SAFETY: the block is within `length`.
        let [first, second] = unsafe { load::<P>(inputs, start) };
        for ((weights, bias), output) in rows(layer).zip(outputs.iter_mut()) {
            let bias = _mm256_set1_epi32(bias);
            let first = _mm256_sra_epi32(sum(weights, bias, &first), shift);
            let second = _mm256_sra_epi32(sum(weights, bias, &second), shift);
            let packed = _mm256_max_epi16(_mm256_packs_epi32(first, second), low);
            // SAFETY: the block is within `length`.
            unsafe { _mm256_storeu_si256(output.as_mut_ptr().add(start).cast(), packed) };
        }
    }
}

/// # Safety
/// All inputs and outputs hold `length` places, which is at least [`WIDE`].
#[target_feature(enable = "avx2")]
unsafe fn wide_pairs<const P: usize>(
    layer: &Layer,
    inputs: &[&[i16]],
    limit: i32,
    left: u32,
    outputs: &mut [&mut [i32]],
    length: usize,
) {
    let shift = _mm_cvtsi32_si128(layer.shift as i32);
    let left = _mm_cvtsi32_si128(left as i32);
    let (low, high) = (_mm256_set1_epi32(-limit), _mm256_set1_epi32(limit));
    let finish = |sum: __m256i| {
        let value = _mm256_sra_epi32(sum, shift);
        _mm256_sll_epi32(_mm256_min_epi32(_mm256_max_epi32(value, low), high), left)
    };
    for start in starts(length) {
        // SAFETY: the block is within `length`.
        let [first, second] = unsafe { load::<P>(inputs, start) };
        for ((weights, bias), output) in rows(layer).zip(outputs.iter_mut()) {
            let bias = _mm256_set1_epi32(bias);
            let first = finish(sum(weights, bias, &first));
            let second = finish(sum(weights, bias, &second));
            // Places 0 to 3 and 8 to 11 are in the first half, the others in the second.
            let places = [
                _mm256_permute2x128_si256::<0x20>(first, second),
                _mm256_permute2x128_si256::<0x31>(first, second),
            ];
            // SAFETY: the block is within `length`.
            unsafe {
                let to = output.as_mut_ptr().add(start);
                _mm256_storeu_si256(to.cast(), places[0]);
                _mm256_storeu_si256(to.add(LANES).cast(), places[1]);
            }
        }
    }
}

/// # Safety
/// As for [`mix_pairs`].
#[target_feature(enable = "avx2")]
unsafe fn mix_one<const P: usize>(
    first: &Layer,
    second: &Layer,
    inputs: &[&[i16]],
    outputs: [&mut [i16]; 1],
    length: usize,
) {
    // SAFETY: the caller says so.
    unsafe { mix_pairs::<P, 1>(first, second, inputs, outputs, length) }
}

/// # Safety
/// As for [`mix_pairs`].
#[target_feature(enable = "avx2")]
unsafe fn mix_three<const P: usize>(
    first: &Layer,
    second: &Layer,
    inputs: &[&[i16]],
    outputs: [&mut [i16]; 3],
    length: usize,
) {
    // SAFETY: the caller says so.
    unsafe { mix_pairs::<P, 3>(first, second, inputs, outputs, length) }
}

/// # Safety
/// All inputs and outputs hold `length` places, which is at least [`WIDE`].
#[target_feature(enable = "avx2")]
unsafe fn mix_pairs<const P: usize, const C: usize>(
    first: &Layer,
    second: &Layer,
    inputs: &[&[i16]],
    mut outputs: [&mut [i16]; C],
    length: usize,
) {
    let zero = _mm256_setzero_si256();
    let shift = _mm_cvtsi32_si128(second.shift as i32);
    let low = _mm256_set1_epi16(second.low as i16);
    let (second_weights, second_biases) = second.parts();
    let pairs = second.pairs();
    let (weights, biases) = first.parts();
    let weights = weights.as_chunks::<P>().0;
    for start in starts(length) {
        // SAFETY: the block is within `length`.
        let halves = unsafe { load::<P>(inputs, start) };
        let mut sums = [[zero; C]; 2];
        for (sums, inputs) in sums.iter_mut().zip(&halves) {
            for (sum, &bias) in sums.iter_mut().zip(second_biases) {
                *sum = _mm256_set1_epi32(bias);
            }
            let rows = weights.chunks(2).zip(biases.chunks(2)).enumerate();
            for (place, (weights, biases)) in rows {
                let pair_of = hidden_pair(first.shift, weights, biases, inputs);
                for (channel, total) in sums.iter_mut().enumerate() {
                    let weights = second_weights[channel * pairs + place];
                    *total = _mm256_add_epi32(*total, _mm256_madd_epi16(pair_of, pair(weights)));
                }
            }
        }
        for (channel, output) in outputs.iter_mut().enumerate() {
            let first = _mm256_sra_epi32(sums[0][channel], shift);
            let second = _mm256_sra_epi32(sums[1][channel], shift);
            let packed = _mm256_max_epi16(_mm256_packs_epi32(first, second), low);
            // SAFETY: the block is within `length`.
            unsafe { _mm256_storeu_si256(output.as_mut_ptr().add(start).cast(), packed) };
        }
    }
}

/// Two outputs of a hidden layer, limited to 0 .. 32767, as a pair of inputs of the next one.
///
/// There are one or two weights and biases; without a second, the second output is 0.
#[target_feature(enable = "avx2")]
#[inline]
fn hidden_pair<const P: usize>(
    shift: u32,
    weights: &[Row<P>],
    biases: &[i32],
    inputs: &[__m256i; P],
) -> __m256i {
    let zero = _mm256_setzero_si256();
    let shift = _mm_cvtsi32_si128(shift as i32);
    let (low, high) = match (weights, biases) {
        ([first, second], [first_bias, second_bias]) => (
            sum(first, _mm256_set1_epi32(*first_bias), inputs),
            sum(second, _mm256_set1_epi32(*second_bias), inputs),
        ),
        ([first], [bias]) => (sum(first, _mm256_set1_epi32(*bias), inputs), zero),
        _ => (zero, zero),
    };
    let (low, high) = (_mm256_sra_epi32(low, shift), _mm256_sra_epi32(high, shift));
    // Packing limits to 16 bits; of every 8 numbers, the first 4 are the lower ones of 4 pairs.
    let limited = _mm256_max_epi16(_mm256_packs_epi32(low, high), zero);
    let order = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,
    ));
    _mm256_shuffle_epi8(limited, order)
}

/// # Safety
/// All contexts hold as many places as `out`, as do the features if there are any; `out` holds whole vectors.
#[target_feature(enable = "avx2")]
unsafe fn arm_pairs<const P: usize>(
    arm: &Arm,
    contexts: &[&[i16]],
    features: &[Features],
    out: &mut [LaplaceAt],
) {
    let zero = _mm256_setzero_si256();
    let context_pairs = arm.places.0 / 2;
    let shift = _mm_cvtsi32_si128(arm.out.shift as i32);
    let (lowest, highest) = (_mm256_set1_epi32(-MEAN_MAX), _mm256_set1_epi32(MEAN_MAX));
    let (weights, biases) = arm.out.parts();
    // Mean and scale one after the other: the weights of the last hidden layer, if there is one, and of the inputs.
    let weights = weights.as_chunks::<P>().0;
    let (means, scales) = weights.split_at(weights.len() / 2);
    for start in (0..out.len()).step_by(LANES) {
        let mut inputs = [zero; P];
        for (place, contexts) in contexts.chunks(2).enumerate().take(P) {
            let vector = |context: &[i16]| {
                debug_assert!(context.len() >= start + LANES);
                // SAFETY: a vector of 8 places is within the context.
                unsafe { _mm_loadu_si128(context.as_ptr().add(start).cast()) }
            };
            let first = vector(contexts[0]);
            let second = contexts
                .get(1)
                .map_or(_mm_setzero_si128(), |context| vector(context));
            inputs[place] = _mm256_set_m128i(
                _mm_unpackhi_epi16(first, second),
                _mm_unpacklo_epi16(first, second),
            );
        }
        if let Some(features) = features.get(start..start + LANES) {
            let pairs = transposed(features);
            for (input, pair) in inputs.iter_mut().skip(context_pairs).zip(pairs) {
                *input = pair;
            }
        }
        let mut now = inputs;
        for layer in &arm.hidden {
            let mut next = [zero; P];
            let (weights, biases) = layer.parts();
            let weights = weights.as_chunks::<P>().0.chunks_exact(2);
            for ((next, weights), biases) in
                next.iter_mut().zip(weights).zip(biases.chunks_exact(2))
            {
                *next = hidden_pair(layer.shift, weights, biases, &now);
            }
            now = next;
        }
        let finish = |weights: &[Row<P>], bias: i32| {
            let start = _mm256_set1_epi32(bias);
            let sum = match weights {
                [last, linear] => sum(linear, sum(last, start, &now), &inputs),
                [linear] => sum(linear, start, &inputs),
                _ => start,
            };
            _mm256_sra_epi32(sum, shift)
        };
        let mean = finish(means, biases[0]);
        let mean = _mm256_min_epi32(_mm256_max_epi32(mean, lowest), highest);
        // Sums are below 2^31 and shifted by two places at least: nothing overflows.
        let scale = _mm256_add_epi32(finish(scales, biases[1]), _mm256_set1_epi32(64));
        let largest = _mm256_set1_epi32(Laplace::LARGEST_SCALE.into());
        let scale = _mm256_min_epi32(_mm256_max_epi32(scale, zero), largest);
        let places = _mm256_or_si256(
            _mm256_and_si256(mean, _mm256_set1_epi32(0xFFFF)),
            _mm256_slli_epi32::<16>(scale),
        );
        // SAFETY: a place is a mean of 16 bits, followed by a scale of 16 bits, and 8 of them are within `out`.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(start).cast(), places) };
    }
}

/// The features of 8 places as pairs: those numbered 0 and 1 of all places, then 2 and 3, and so on.
#[target_feature(enable = "avx2")]
fn transposed(features: &[Features]) -> [__m256i; 4] {
    let place = |index: usize| {
        // SAFETY: all features of a place are read.
        unsafe { _mm_loadu_si128(features[index].as_ptr().cast()) }
    };
    let rows: [__m256i; 4] =
        std::array::from_fn(|index| _mm256_set_m128i(place(index + 4), place(index)));
    let [a, b, c, d] = rows;
    let (ab, cd) = (_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d));
    let (ab2, cd2) = (_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d));
    [
        _mm256_unpacklo_epi64(ab, cd),
        _mm256_unpackhi_epi64(ab, cd),
        _mm256_unpacklo_epi64(ab2, cd2),
        _mm256_unpackhi_epi64(ab2, cd2),
    ]
}
