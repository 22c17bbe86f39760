//! Between host arrays and device tensors. Batches are always one picture.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array3;

use crate::ModelError;

/// Host array [channels, height, width] -> device tensor [1, channels, height, width].
pub(crate) fn upload(a: Array3<f32>, device: &Device) -> Tensor<4> {
    let (c, h, w) = a.dim();
    let (data, offset) = a.into_raw_vec_and_offset();
    debug_assert_eq!(offset.unwrap_or(0), 0);
    Tensor::from_data(TensorData::new(data, [1, c, h, w]), device)
}

/// Device tensor [1, channels, height, width] -> host array [channels, height, width].
pub(crate) fn download(t: Tensor<4>) -> Result<Array3<f32>, ModelError> {
    let [_, c, h, w] = t.dims();
    let data = t
        .try_into_data()
        .map_err(|e| ModelError::Device(e.to_string()))?;
    let v = data
        .try_into_vec::<f32>()
        .map_err(|e| ModelError::Device(format!("{e:?}")))?;
    Array3::from_shape_vec((c, h, w), v).map_err(|e| ModelError::Device(e.to_string()))
}

/// Values -> device tensor of the given shape.
pub(crate) fn tensor<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Moves channels to space: [1, c*r*r, h, w] -> [1, c, h*r, w*r].
pub(crate) fn pixel_shuffle(x: Tensor<4>, r: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let c = c / (r * r);
    x.reshape([n, c, r, r, h, w])
        .permute([0, 1, 4, 2, 5, 3])
        .reshape([n, c, h * r, w * r])
}

/// Moves space to channels, the inverse of [`pixel_shuffle`].
pub(crate) fn pixel_unshuffle(x: Tensor<4>, r: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c, h / r, r, w / r, r])
        .permute([0, 1, 3, 5, 2, 4])
        .reshape([n, c * r * r, h / r, w / r])
}
