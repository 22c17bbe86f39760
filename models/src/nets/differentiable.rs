//! Layers written with operations whose gradients are fast. The plain forms run faster without gradients.

use burn::tensor::Tensor;

/// 1x1 convolution as a matrix product: [B, inputs, h, w] -> [B, outputs, h, w]. `weight`: [outputs, inputs, 1, 1].
pub(crate) fn pointwise(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let [b, inputs, h, w] = x.dims();
    let outputs = weight.dims()[0];
    let y = weight
        .reshape([1, outputs, inputs])
        .matmul(x.reshape([b, inputs, h * w]))
        .reshape([b, outputs, h, w]);
    match bias {
        Some(bias) => y + bias.reshape([1, outputs, 1, 1]),
        None => y,
    }
}

/// 3x3 convolution of each channel on its own, zeros around, as nine shifted products: the gradient of a grouped
/// convolution by its weight is a loop over groups. `weight`: [channels, 1, 3, 3].
pub(crate) fn depthwise(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let [b, c, h, w] = x.dims();
    let padded = x.pad((1, 1, 1, 1), 0.0);
    let mut sum = bias.map(|bias| bias.reshape([1, c, 1, 1]));
    for i in 0..3 {
        for j in 0..3 {
            let tap = weight.clone().slice([0..c, 0..1, i..i + 1, j..j + 1]);
            let product =
                padded.clone().slice([0..b, 0..c, i..i + h, j..j + w]) * tap.reshape([1, c, 1, 1]);
            sum = Some(match sum {
                Some(sum) => sum + product,
                None => product,
            });
        }
    }
    // Nine products were added.
    sum.unwrap_or(padded)
}
