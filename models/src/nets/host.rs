//! Values of a tensor on the CPU, worked on where they lie.
//!
//! Burn's CPU backend runs one operation at a time, each a pass over memory on one thread. What follows a convolution is
//! cheaper in one pass of our own over all threads. On a graphics device such chains are fused by Burn: there they stay
//! tensor operations.

use burn::tensor::{DType, Device, Tensor};
use rayon::prelude::*;

/// Values that a thread works on at a time: in the caches, and many times what handing them over costs.
const PIECE: usize = 1 << 14;

/// Whether a device is the CPU as kiln uses it.
pub(crate) fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Whether the tensor lies on the CPU, in the type that all of kiln's have unless the program around it has told Burn
/// otherwise, and nobody follows its gradient.
pub(crate) fn is_here(x: &Tensor<4>) -> bool {
    !x.is_autodiff() && is_cpu(&x.device()) && x.dtype() == DType::F32
}

/// `f` of every value of a tensor that [`is_here`]. Without a copy where nobody else holds the tensor.
pub(crate) fn map(x: Tensor<4>, f: impl Fn(f32) -> f32 + Sync) -> Tensor<4> {
    let device = x.device();
    let mut data = x.into_data();
    let values = data.as_mut_slice::<f32>().expect("f32, as `is_here` says");
    values
        .par_chunks_mut(PIECE)
        .for_each(|piece| piece.iter_mut().for_each(|v| *v = f(*v)));
    Tensor::from_data(data, &device)
}

/// `f` of every pair of values of two tensors of one shape that [are here](is_here). The first is not copied where nobody
/// else holds it, the second never.
pub(crate) fn zip(x: Tensor<4>, y: Tensor<4>, f: impl Fn(f32, f32) -> f32 + Sync) -> Tensor<4> {
    assert_eq!(x.dims(), y.dims(), "one shape");
    let device = x.device();
    let (mut data, other) = (x.into_data(), y.into_data());
    let values = data.as_mut_slice::<f32>().expect("f32, as `is_here` says");
    let others = other.as_slice::<f32>().expect("f32, as `is_here` says");
    values
        .par_chunks_mut(PIECE)
        .zip(others.par_chunks(PIECE))
        .for_each(|(piece, other)| {
            piece
                .iter_mut()
                .zip(other)
                .for_each(|(v, &o)| *v = f(*v, o));
        });
    Tensor::from_data(data, &device)
}
