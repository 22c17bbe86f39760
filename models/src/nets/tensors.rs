//! Between host arrays and device tensors. Batches are always one picture.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array3;

use super::host;
use crate::ModelError;

/// Host array [channels, height, width] -> device tensor [1, channels, height, width].
pub(crate) fn upload(a: Array3<f32>, device: &Device) -> Tensor<4> {
    let (c, h, w) = a.dim();
    // An array that was made from a view with permuted axes may lie in memory in the order of that view.
    let a = match a.is_standard_layout() {
        true => a,
        false => a.as_standard_layout().into_owned(),
    };
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

/// Planes [1, 3, height, width] of values around -1/2..=1/2 -> pixels [height, width, 3], rounded on the device as
/// `Canvas` does on the host: `v + 1/2`, clamped to 0..=1, times 255, halves up.
///
/// Three bytes fill the 24 bits that an f32 holds exactly, so that one value crosses for each pixel instead of three.
pub(crate) fn download_rgb8(planes: Tensor<4>) -> Result<Array3<u8>, ModelError> {
    let [_, _, h, w] = planes.dims();
    let bytes = ((planes + 0.5).clamp(0.0, 1.0) * 255.0 + 0.5).floor();
    let plane = |c: usize| bytes.clone().slice([0..1, c..c + 1, 0..h, 0..w]);
    let packed = download(plane(0) + plane(1) * 256.0 + plane(2) * 65_536.0)?;
    let pixels = packed.iter().flat_map(|&p| {
        // A NaN of a broken device becomes 0.
        let [r, g, b, _] = (p as u32).to_le_bytes();
        [r, g, b]
    });
    Array3::from_shape_vec((h, w, 3), pixels.collect())
        .map_err(|e| ModelError::Device(e.to_string()))
}

/// Pairs of means -32767..=32767 and rows 0..=255, [1, C, h, w] both, as one value for each latent: `mean * 256 + row` takes
/// 24 bits, which an f32 holds exactly. From a device all pairs are fetched at once. [C, h, w] each: take the values apart
/// with [`unpack_parameters`].
pub(crate) fn download_parameters(
    pairs: Vec<(Tensor<4>, Tensor<4>)>,
) -> Result<Vec<Array3<f32>>, ModelError> {
    let here = |(mean, row): &(_, _)| host::is_here(mean) && host::is_here(row);
    if pairs.iter().all(here) {
        return pairs
            .into_iter()
            .map(|(mean, row)| download(host::zip(mean, row, |mean, row| mean * 256.0 + row)))
            .collect();
    }
    fetch_parameters(pairs)
}

/// The same in operations of any device.
fn fetch_parameters(pairs: Vec<(Tensor<4>, Tensor<4>)>) -> Result<Vec<Array3<f32>>, ModelError> {
    let sizes: Vec<_> = pairs.iter().map(|(mean, _)| mean.dims()).collect();
    let flat = pairs.into_iter().map(|(mean, row)| {
        let packed = mean * 256.0 + row;
        let count = packed.dims().iter().product();
        packed.reshape([1, 1, 1, count])
    });
    let all = download(Tensor::cat(flat.collect(), 3))?;
    let mut rest = all.into_iter();
    sizes
        .into_iter()
        .map(|[_, c, h, w]| {
            let one = rest.by_ref().take(c * h * w).collect();
            Array3::from_shape_vec((c, h, w), one).map_err(|e| ModelError::Device(e.to_string()))
        })
        .collect()
}

/// Mean and row of a value of [`download_parameters`].
pub(crate) fn unpack_parameters(packed: f32) -> (i16, u8) {
    let packed = packed as i32;
    ((packed >> 8) as i16, packed as u8)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_go_up_and_come_down_whatever_their_order_in_memory() {
        let of = |[c, h, w]: [usize; 3]| (100 * c + 10 * h + w) as f32;
        let whole = Array3::from_shape_fn((2, 3, 4), |(h, c, w)| of([c, h, w]));
        let views = [
            whole.view(),
            whole.slice(ndarray::s![.., 1.., ..]),
            whole.slice(ndarray::s![..1, .., 2..]),
        ];
        for view in views {
            let permuted = view.permuted_axes([1, 0, 2]).mapv(|v| v);
            let found = download(upload(permuted.clone(), &Device::flex())).unwrap();
            assert_eq!(found, permuted);
        }
    }

    #[test]
    fn pixels_are_rounded_as_on_the_host() {
        let values: Vec<f32> = (0..3 * 4 * 100)
            .map(|i| (i as f32 / 1199.0 - 0.5) * 1.2)
            .collect();
        let planes = tensor(values.clone(), [1, 3, 4, 100], &Device::flex());
        let pixels = download_rgb8(planes).unwrap();
        for ((y, x, c), &p) in pixels.indexed_iter() {
            let v = values[(c * 4 + y) * 100 + x];
            let expected = ((v + 0.5).clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
            assert_eq!(p, expected, "{v}");
        }
    }

    #[test]
    fn parameters_survive_their_packing() {
        let means = [-32_767.0, -1.0, 0.0, 1.0, 32_767.0, -300.0];
        let rows = [255.0, 0.0, 63.0, 255.0, 255.0, 1.0];
        let t = |v: &[f32]| tensor(v.to_vec(), [1, 1, 1, v.len()], &Device::flex());
        // A pair of four latents and one of two.
        let pairs = || {
            vec![
                (t(&means[..4]), t(&rows[..4])),
                (t(&means[4..]), t(&rows[4..])),
            ]
        };
        for found in [download_parameters(pairs()), fetch_parameters(pairs())] {
            let found = found.unwrap();
            assert_eq!([found[0].len(), found[1].len()], [4, 2]);
            for ((&p, mean), row) in found.iter().flatten().zip(means).zip(rows) {
                assert_eq!(unpack_parameters(p), (mean as i16, row as u8));
            }
        }
    }
}
