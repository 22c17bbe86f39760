//! What exactness costs: the entropy networks of `base` in integers, and the same networks in plain floats. For benches.

use burn::tensor::{Device, Tensor};

use super::config::Config;
use super::{CELL, CONTEXT_HALO, Context, HYPER_CELL, HyperSynthesis, named_rows};
use crate::nets::arithmetic::{Arithmetic, Layer, Spec};
use crate::nets::count::Count;
use crate::nets::exact::{ACT_MAX, Exact, ExactConv, RESIDUAL_MAX, Z_MAX};
use crate::nets::float::FloatConv;
use crate::nets::tensors::tensor;
use crate::seam::{DeviceInfo, Size};
use crate::{ModelError, Weights, WeightsError};

/// The networks twice, and what they read for a picture: integers of no meaning, since only the time matters.
#[derive(Debug)]
pub struct Cost {
    exact: Networks<ExactConv>,
    floats: Networks<FloatConv>,
    macs: u64,
    z: Tensor<4>,
    u: Tensor<4>,
    device: Device,
}

/// All steps in one arithmetic.
#[derive(Debug)]
struct Networks<L: Layer> {
    h_s: HyperSynthesis<L>,
    context: Vec<Context<L>>,
}

impl<L: Layer> Networks<L> {
    fn load<A: Arithmetic<Layer = L>>(
        a: &mut A,
        config: &Config,
        rows: u16,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            h_s: HyperSynthesis::load(a, config, rows)?,
            context: Context::load_all(a, config, rows)?,
        })
    }

    fn run(&self, z: &Tensor<4>, u: &Tensor<4>, at: &L::At) -> Result<(), ModelError> {
        let features = self.h_s.features(z.clone(), at)?;
        self.h_s.parameters(features.clone(), at)?;
        for network in &self.context {
            network.parameters(u.clone(), features.clone(), at)?;
        }
        Ok(())
    }
}

/// Layers of floats of the shapes that are asked for, each number as good as another.
struct AnyFloats<'a> {
    device: &'a Device,
}

impl AnyFloats<'_> {
    fn filled(&self, spec: Spec) -> FloatConv {
        let shape = spec.kind.weight(spec.input.channels, spec.outputs);
        let count = shape.iter().product::<usize>();
        let weight = (0..count).map(|i| (i % 31) as f32 / 2048.0).collect();
        let bias = spec.bias.then(|| vec![0.5; spec.outputs]);
        FloatConv::new(weight, bias, spec, self.device)
    }
}

impl Arithmetic for AnyFloats<'_> {
    type Layer = FloatConv;

    fn layer(&mut self, _: &str, spec: Spec) -> Result<FloatConv, WeightsError> {
        Ok(self.filled(spec))
    }

    fn parts(&mut self, _: &str, spec: Spec, n: usize) -> Result<Vec<FloatConv>, WeightsError> {
        let outputs = spec.outputs / n;
        Ok((0..n)
            .map(|_| self.filled(Spec { outputs, ..spec }))
            .collect())
    }
}

impl Cost {
    /// The networks of a weights file on a device, for a picture of whole cells of z that is computed as one tile.
    ///
    /// # Errors
    /// The weights are not of `base`.
    pub fn load(
        mut weights: Weights<'_>,
        device: &DeviceInfo,
        size: Size,
    ) -> Result<Self, WeightsError> {
        let config = Config::from_json(weights.config()?)?;
        let rows = named_rows(&weights.tables("y", RESIDUAL_MAX)?)?;
        let device = device.device();
        let mut exact = Exact {
            weights: &mut weights,
            device,
        };
        let exact = Networks::load(&mut exact, &config, rows)?;
        let floats = Networks::load(&mut AnyFloats { device }, &config, rows)?;
        let (h, w) = size.cells(CELL * HYPER_CELL);
        let any = |channels: usize, h: usize, w: usize, max: i32, device: &Device| {
            let values = (0..channels * h * w).map(|i| (i * 7919 % (max as usize + 1)) as f32);
            tensor(values.collect(), [1, channels, h, w], device)
        };
        let side = |cells: usize| cells * HYPER_CELL + 2 * CONTEXT_HALO;
        let z = any(config.hyper, h, w, Z_MAX, device);
        let u = any(config.latents, side(h), side(w), ACT_MAX, device);
        let mut counter = Count::default();
        let counted = Networks::load(&mut counter, &config, rows)?;
        let failed = |e: ModelError| WeightsError::Config(e.to_string());
        counted.run(&z, &u, &()).map_err(failed)?;
        Ok(Self {
            exact,
            floats,
            macs: counter.take(),
            z,
            u,
            device: device.clone(),
        })
    }

    /// Multiply-accumulate operations of one run.
    pub fn macs(&self) -> u64 {
        self.macs
    }

    /// Runs the networks in integers: after each convolution with bias come floor, clamp and activation function.
    ///
    /// # Errors
    /// The device fails.
    pub fn exact(&self) -> Result<(), ModelError> {
        self.exact.run(&self.z, &self.u, &0)?;
        self.finish()
    }

    /// Runs the networks in floats: after each convolution with bias comes the activation function.
    ///
    /// # Errors
    /// The device fails.
    pub fn floats(&self) -> Result<(), ModelError> {
        self.floats.run(&self.z, &self.u, &())?;
        self.finish()
    }

    /// Waits for a device that works in the background.
    fn finish(&self) -> Result<(), ModelError> {
        self.device
            .sync()
            .map_err(|e| ModelError::Device(e.to_string()))
    }
}
