//! What exactness costs: the integer layers against the same layers in plain floats. For benches.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};
use safetensors::SafeTensors;

use crate::device::DeviceInfo;
use crate::exact::{ACT_MAX, ExactConv, Input, Range, Spec, Z_MAX};
use crate::layers::leaky;
use crate::steps::STEPS;
use crate::tensors::tensor;
use crate::{ModelError, Weights, WeightsError};

/// Every layer of the exact path with an input of its size, twice: in integers, and as a network would have it that need
/// not be exact.
pub struct Layers {
    layers: Vec<Layer>,
    device: Device,
}

struct Layer {
    exact: ExactConv,
    weight: Tensor<4>,
    bias: Tensor<1>,
    depthwise: bool,
    input: Tensor<4>,
}

impl Layers {
    /// The layers of a weights file for a picture of `height` x `width` pixels, with inputs of arbitrary integers. The
    /// names tell on which grid a layer runs: `h_s.up1` at 1/64, `h_s.d1` and `h_s.up2` at 1/32, all others at 1/16.
    ///
    /// # Errors
    /// The weights cannot be read.
    pub fn load(
        bytes: &[u8],
        device: &DeviceInfo,
        height: usize,
        width: usize,
    ) -> Result<Self, WeightsError> {
        let file = SafeTensors::deserialize(bytes)?;
        let mut weights = Weights::open(bytes)?;
        let device = device.device();
        let mut layers = Vec::new();
        let mut names: Vec<&str> = file
            .names()
            .into_iter()
            .filter_map(|n| n.strip_suffix(".weight"))
            .filter(|n| n.starts_with("h_s.") || n.starts_with("context."))
            .collect();
        names.sort_unstable();
        // Step 0 is part of h_s.
        let last = format!("context.{}", STEPS - 2);
        for name in names {
            let shape = file.tensor(&format!("{name}.weight"))?.shape().to_vec();
            let rows = file.tensor(&format!("{name}.bias"))?.shape()[0];
            let (outputs, fan_in) = (shape[0], shape[1]);
            let depthwise = fan_in == 9;
            let channels = if depthwise { outputs } else { fan_in };
            let cell = match name {
                "h_s.up1" => 64,
                "h_s.d1" | "h_s.up2" => 32,
                _ => 16,
            };
            let max = if name == "h_s.up1" { Z_MAX } else { ACT_MAX };
            // The last layers of a step compute a quarter of the channels of a cell, those of the last step a half.
            let part = match name.rsplit_once('.') {
                Some((step, "mean" | "row")) if step == last => 2,
                Some((_, "mean" | "row")) => 4,
                _ => 1,
            };
            let (h, w) = (height.div_ceil(cell), width.div_ceil(cell * part));
            let input = (0..channels * h * w)
                .map(|i| ((i * 7919) % (max as usize + 1)) as f32)
                .collect();
            let scale = 1.0 / 2048.0;
            let count = shape.iter().product::<usize>();
            // Values of no meaning: only the time matters.
            let float = (0..count).map(|i| (i % 31) as f32 * scale).collect();
            let kernel = if depthwise { [3, 3] } else { [1, 1] };
            let inner = if depthwise { 1 } else { fan_in };
            layers.push(Layer {
                weight: tensor(float, [outputs, inner, kernel[0], kernel[1]], device),
                bias: tensor(vec![0.5; outputs], [outputs], device),
                input: tensor(input, [1, channels, h, w], device),
                exact: ExactConv::load(
                    &mut weights,
                    name,
                    Spec {
                        input: Input { channels, max },
                        outputs,
                        depthwise,
                        levels: if rows > 1 { rows } else { 0 },
                        range: Range::Leaky,
                    },
                    device,
                )?,
                depthwise,
            });
        }
        Ok(Self {
            layers,
            device: device.clone(),
        })
    }

    /// Multiply-accumulate operations of one run.
    pub fn macs(&self) -> u64 {
        let of = |l: &Layer| {
            let [_, _, h, w] = l.input.dims();
            l.weight.dims().iter().product::<usize>() * h * w
        };
        self.layers.iter().map(of).sum::<usize>() as u64
    }

    /// Runs every layer in integers: convolution with bias, floor, clamp, activation function.
    ///
    /// # Errors
    /// The device fails.
    pub fn exact(&self) -> Result<(), ModelError> {
        self.finish(|l| l.exact.forward(l.input.clone(), 0))
    }

    /// Runs every layer in floats: convolution with bias, activation function.
    ///
    /// # Errors
    /// The device fails.
    pub fn float(&self) -> Result<(), ModelError> {
        self.finish(|l| {
            let (padding, groups) = match l.depthwise {
                true => ([1, 1], l.input.dims()[1]),
                false => ([0, 0], 1),
            };
            let options = ConvOptions::new([1, 1], padding, [1, 1], groups);
            leaky(conv2d(
                l.input.clone(),
                l.weight.clone(),
                Some(l.bias.clone()),
                options,
            ))
        })
    }

    fn finish(&self, run: impl Fn(&Layer) -> Tensor<4>) -> Result<(), ModelError> {
        // The results are dropped; a device that works in the background is waited for.
        self.layers.iter().for_each(|l| drop(run(l)));
        self.device
            .sync()
            .map_err(|e| ModelError::Device(e.to_string()))
    }
}
