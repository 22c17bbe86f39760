//! Sums of rows.

use pulp::Simd;

use super::lanes::{first, load, store, vectors, vectors_mut};

/// `to = sum of factor * row`; all as long as `to`, a multiple of the longest vector.
#[inline(always)]
pub(crate) fn combine<S: Simd, const N: usize>(
    simd: S,
    to: &mut [f32],
    rows: [&[f32]; N],
    factors: [f32; N],
) {
    let to = vectors_mut(simd, to);
    let mut weights = [simd.splat_f32s(0.0); N];
    let mut vectors_of: [&[S::f32s]; N] = [&[]; N];
    for k in 0..N {
        weights[k] = simd.splat_f32s(factors[k]);
        vectors_of[k] = &vectors(simd, rows[k])[..to.len()];
    }
    for (x, to) in to.iter_mut().enumerate() {
        let mut sum = simd.mul_f32s(weights[0], vectors_of[0][x]);
        for k in 1..N {
            sum = simd.mul_add_e_f32s(weights[k], vectors_of[k][x], sum);
        }
        *to = sum;
    }
}

/// `to += factor * row`.
#[inline(always)]
pub(crate) fn add_scaled<S: Simd>(simd: S, to: &mut [f32], row: &[f32], factor: f32) {
    let factor = simd.splat_f32s(factor);
    for (to, &v) in vectors_mut(simd, to).iter_mut().zip(vectors(simd, row)) {
        *to = simd.mul_add_e_f32s(factor, v, *to);
    }
}

/// Inner products of a row with others, by lane added to `sums`.
#[inline(always)]
pub(crate) fn dots<S: Simd, const N: usize>(
    simd: S,
    row: &[f32],
    others: [&[f32]; N],
    sums: &mut [S::f32s; N],
) {
    let row = vectors(simd, row);
    let mut vectors_of: [&[S::f32s]; N] = [&[]; N];
    for k in 0..N {
        vectors_of[k] = &vectors(simd, others[k])[..row.len()];
    }
    let mut acc = *sums;
    for (x, &v) in row.iter().enumerate() {
        for k in 0..N {
            acc[k] = simd.mul_add_e_f32s(v, vectors_of[k][x], acc[k]);
        }
    }
    *sums = acc;
}

/// Every number twice.
#[inline(always)]
pub(crate) fn double(to: &mut [f32], from: &[f32]) {
    for (pair, &v) in to.as_chunks_mut::<2>().0.iter_mut().zip(from) {
        *pair = [v; 2];
    }
}

/// Numbers of two rows in turn.
#[inline(always)]
pub(crate) fn interleave(to: &mut [f32], even: &[f32], odd: &[f32]) {
    let pairs = to.as_chunks_mut::<2>().0.iter_mut();
    for (pair, (&e, &o)) in pairs.zip(even.iter().zip(odd)) {
        *pair = [e, o];
    }
}

/// Every other number to one row, the others to another.
#[inline(always)]
pub(crate) fn deinterleave(from: &[f32], even: &mut [f32], odd: &mut [f32]) {
    let pairs = from.as_chunks::<2>().0.iter();
    for (pair, (e, o)) in pairs.zip(even.iter_mut().zip(odd)) {
        (*e, *o) = (pair[0], pair[1]);
    }
}

/// `to += sums of pairs`.
#[inline(always)]
pub(crate) fn add_pairs(to: &mut [f32], from: &[f32]) {
    for (sum, pair) in to.iter_mut().zip(from.as_chunks::<2>().0) {
        *sum += pair[0] + pair[1];
    }
}

/// Sets what is beyond `width` to 0.
#[inline(always)]
pub(crate) fn cut<S: Simd>(simd: S, row: &mut [f32], width: usize) {
    let mut x = width - width % S::F32_LANES;
    let mut valid = width - x;
    while x < row.len() {
        let kept = first(simd, valid, load(simd, &row[x..]));
        store(simd, &mut row[x..], kept);
        (x, valid) = (x + S::F32_LANES, 0);
    }
}
