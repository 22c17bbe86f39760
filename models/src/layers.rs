//! Float layers shared by the transforms. Shapes are [1, channels, height, width].

use burn::module::{Module, Param};
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};

use crate::differentiable;
use crate::exact::{SLOPE, leaky_value};
use crate::host;
use crate::tensors::tensor;
use crate::{Weights, WeightsError};

/// The activation function of all float networks: max(x, x / 8), as in the integer networks.
pub(crate) fn leaky(x: Tensor<4>) -> Tensor<4> {
    if host::is_here(&x) {
        return host::map(x, leaky_value);
    }
    leaky_relu(x, SLOPE)
}

/// 1x1 convolution.
#[derive(Module, Debug)]
pub(crate) struct Pointwise {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Pointwise {
    pub(crate) fn load(
        w: &mut Weights,
        name: &str,
        inputs: usize,
        outputs: usize,
        bias: bool,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let weight = tensor(
            w.floats(&format!("{name}.weight"), &[outputs, inputs])?,
            [outputs, inputs, 1, 1],
            device,
        );
        let bias = match bias {
            true => Some(Param::from_tensor(tensor(
                w.floats(&format!("{name}.bias"), &[outputs])?,
                [outputs],
                device,
            ))),
            false => None,
        };
        Ok(Self {
            weight: Param::from_tensor(weight),
            bias,
        })
    }

    /// The matrix, [outputs, inputs, 1, 1].
    pub(crate) fn weight(&self) -> Tensor<4> {
        self.weight.val()
    }

    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.as_ref().map(|b| b.val());
        if x.is_autodiff() {
            return differentiable::pointwise(x, self.weight.val(), bias);
        }
        conv2d(
            x,
            self.weight.val(),
            bias,
            ConvOptions::new([1, 1], [0, 0], [1, 1], 1),
        )
    }
}

/// 3x3 convolution of each channel on its own, zeros around the picture.
#[derive(Module, Debug)]
pub(crate) struct Depthwise {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
}

impl Depthwise {
    /// Cells on each side that an output cell reads.
    pub(crate) const REACH: usize = 1;

    pub(crate) fn load(
        w: &mut Weights,
        name: &str,
        channels: usize,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let weight = tensor(
            w.floats(&format!("{name}.weight"), &[channels, 9])?,
            [channels, 1, 3, 3],
            device,
        );
        let bias = tensor(
            w.floats(&format!("{name}.bias"), &[channels])?,
            [channels],
            device,
        );
        Ok(Self {
            weight: Param::from_tensor(weight),
            bias: Param::from_tensor(bias),
        })
    }

    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if x.is_autodiff() {
            return differentiable::depthwise(x, self.weight.val(), Some(self.bias.val()));
        }
        let channels = x.dims()[1];
        conv2d(
            x,
            self.weight.val(),
            Some(self.bias.val()),
            ConvOptions::new([1, 1], [1, 1], [1, 1], channels),
        )
    }
}

/// Depth-wise convolution block in the manner of EVC (Wang et al., 2023): x += B dw(leaky(A x)), then x += F2 leaky(F1 x).
#[derive(Module, Debug)]
pub(crate) struct Block {
    a: Pointwise,
    d: Depthwise,
    b: Pointwise,
    f1: Pointwise,
    f2: Pointwise,
}

impl Block {
    /// Cells on each side that an output cell reads.
    pub(crate) const REACH: usize = Depthwise::REACH;

    pub(crate) fn load(
        w: &mut Weights,
        name: &str,
        c: usize,
        expansion: usize,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            a: Pointwise::load(w, &format!("{name}.a"), c, c, true, device)?,
            d: Depthwise::load(w, &format!("{name}.d"), c, device)?,
            b: Pointwise::load(w, &format!("{name}.b"), c, c, true, device)?,
            f1: Pointwise::load(w, &format!("{name}.f1"), c, expansion * c, true, device)?,
            f2: Pointwise::load(w, &format!("{name}.f2"), expansion * c, c, true, device)?,
        })
    }

    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = x.clone() + self.b.forward(self.d.forward(leaky(self.a.forward(x))));
        x.clone() + self.f2.forward(leaky(self.f1.forward(x)))
    }
}
