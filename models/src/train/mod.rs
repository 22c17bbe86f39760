//! Fine-tuning of the model on any device: the loss of the reference, with the rounding of integers in the loop.
//!
//! Training works on what a weights file holds. Weights are trained as they are. What depends on the level (biases, gains)
//! is trained as a change at nine knots, interpolated and added to the stored rows, so that levels that were not drawn
//! move with their neighbours. Tables of y and z, and the shifts of latents, stay as they were.

mod export;
mod gradients;
mod level;
mod likelihood;
mod network;
mod optimiser;
mod quant;
mod state;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array4;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use thiserror::Error;

use crate::config::{CELL, HYPER_CELL};
use crate::device::DeviceInfo;
use crate::exact::Z_MAX;
use crate::hyper_rows::Z_CLASSES;
use crate::tensors::tensor;
use crate::{Config, Model, ModelError, Weights, WeightsError};

use network::{Extra, Network, Noise};
use optimiser::Optimiser;

pub use likelihood::{ROWS, SIGMA_MAX, SIGMA_MIN};

/// Largest norm of the gradient of all parameters together: longer ones are shortened to it.
const CLIP: f64 = 1.0;
/// Sides of crops are multiples of this.
pub const CROP_UNIT: usize = CELL * HYPER_CELL;

/// A failure of training.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The weights to start from cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The device failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Crops or levels that do not fit the model.
    #[error("{0}")]
    Batch(String),
    /// A number left the range that can be stored.
    #[error("training has diverged: {0}; use a lower learning rate")]
    Diverged(String),
    /// The state to go on from is damaged or of another program version.
    #[error("the training state cannot be read: {0}")]
    State(String),
}

/// Numbers of parameters or of their gradients, by name.
pub type Named = Vec<(String, Vec<f32>)>;

/// What one step saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The loss before the step.
    pub loss: f64,
    /// Estimated bits per pixel, mean over the batch.
    pub bpp: f64,
    /// Squared error on the 0..255 scale, mean over the batch.
    pub mse: f64,
    /// Norm of the gradient before it was clipped.
    pub norm: f64,
    /// Whether the weights were changed: not where the norm is not finite.
    pub applied: bool,
}

/// A model in training.
pub struct Trainer {
    network: Network,
    optimiser: Optimiser,
    device: Device,
    /// The weights it started from.
    template: Vec<u8>,
    steps: u64,
    random: Xoshiro256PlusPlus,
}

impl Trainer {
    /// Starts from a weights file in memory. `seed` makes the noise.
    ///
    /// # Errors
    /// The weights cannot be used.
    pub fn new(weights: &[u8], device: &DeviceInfo, seed: u64) -> Result<Self, TrainError> {
        // Loading checks all that strict loading checks.
        let model = Model::load(weights, &DeviceInfo::cpu())?;
        let device = device.device().clone().autodiff();
        let extra = Extra {
            y_rows: (model.y_tables().len() / 2) as u16,
            z_scale: z_scales(&model),
        };
        if usize::from(extra.y_rows) != ROWS {
            return Err(WeightsError::Config(format!(
                "{} rows of y tables, training knows {ROWS}",
                extra.y_rows
            ))
            .into());
        }
        let network = Network::load(&mut Weights::open(weights)?, extra, &device)?;
        Ok(Self {
            network,
            optimiser: Optimiser::new(),
            device,
            template: weights.to_vec(),
            steps: 0,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
        })
    }

    /// The sizes of the architecture.
    pub fn config(&self) -> &Config {
        self.network.config()
    }

    /// Steps taken so far, those before a resume included.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// One step of AdamW on a batch of crops [B, 3, H, W] in -1/2..=1/2, each at its level.
    ///
    /// # Errors
    /// Sides are no multiples of [`CROP_UNIT`], a level does not exist, or the device fails.
    pub fn step(
        &mut self,
        crops: &Array4<f32>,
        levels: &[usize],
        learning_rate: f64,
    ) -> Result<StepReport, TrainError> {
        self.check(crops, levels)?;
        let [y, z] = self.noise_shapes(crops);
        let noise = Noise {
            y: self.noise(y),
            z: self.noise(z),
        };
        let losses = self.network.losses(self.upload(crops), levels, noise)?;
        let number = |t: &Tensor<1>| -> Result<f64, ModelError> {
            Ok(f64::from(quant::values(t.clone().inner())?[0]))
        };
        let (loss, bpp, mse) = (
            number(&losses.loss)?,
            number(&losses.bpp)?,
            number(&losses.mse)?,
        );
        let grads = GradientsParams::from_grads(losses.loss.backward(), &self.network);
        let norm = gradients::norm(&self.network, &grads)?;
        let applied = norm.is_finite() && loss.is_finite();
        if applied {
            let factor = (CLIP / (norm + 1e-6)).min(1.0);
            let network = self.network.clone();
            self.network = self.optimiser.step(network, grads, learning_rate, factor);
        }
        self.steps += 1;
        Ok(StepReport {
            loss,
            bpp,
            mse,
            norm,
            applied,
        })
    }

    /// Loss and gradients of a batch with given noise (y: [B, M, h, w], z: [B, Z, h / 4, w / 4]), by parameter names: for
    /// comparison with the reference.
    #[doc(hidden)]
    pub fn gradients(
        &self,
        crops: &Array4<f32>,
        levels: &[usize],
        noise_y: Vec<f32>,
        noise_z: Vec<f32>,
    ) -> Result<(f64, Named), TrainError> {
        self.check(crops, levels)?;
        let [y, z] = self.noise_shapes(crops);
        let noise = Noise {
            y: tensor(noise_y, y, &self.device),
            z: tensor(noise_z, z, &self.device),
        };
        let loss = self.network.losses(self.upload(crops), levels, noise)?.loss;
        let value = quant::values(loss.clone().inner())?[0];
        let grads = GradientsParams::from_grads(loss.backward(), &self.network);
        Ok((value.into(), gradients::named(&self.network, &grads)?))
    }

    /// The weights as a file that [`Model::load`] takes.
    ///
    /// # Errors
    /// The device failed, or a weight is out of range.
    pub fn weights(&self) -> Result<Vec<u8>, TrainError> {
        export::weights_file(&self.network, &self.template)
    }

    /// Everything that going on needs, as a safetensors file: the weights it began with, the trained numbers in full
    /// precision, and what the optimiser remembers.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&self) -> Result<Vec<u8>, TrainError> {
        state::save(self)
    }

    /// Goes on from a state. `seed` makes the noise from here on.
    ///
    /// # Errors
    /// The state is damaged, or its weights cannot be used.
    pub fn resume(state: &[u8], device: &DeviceInfo, seed: u64) -> Result<Self, TrainError> {
        state::load(state, device, seed)
    }

    fn check(&self, crops: &Array4<f32>, levels: &[usize]) -> Result<(), TrainError> {
        let (b, channels, h, w) = crops.dim();
        let whole = |n: usize| n > 0 && n.is_multiple_of(CROP_UNIT);
        if channels != 3 || !whole(h) || !whole(w) {
            return Err(TrainError::Batch(format!(
                "crops of {channels}x{h}x{w} samples: three channels and sides of multiples of {CROP_UNIT} are needed"
            )));
        }
        if b == 0 || levels.len() != b {
            return Err(TrainError::Batch(format!(
                "{} levels for {b} crops",
                levels.len()
            )));
        }
        match levels.iter().find(|l| **l >= self.config().levels) {
            Some(l) => Err(TrainError::Batch(format!(
                "level {l} is outside 0..={}",
                self.config().levels - 1
            ))),
            None => Ok(()),
        }
    }

    fn upload(&self, crops: &Array4<f32>) -> Tensor<4> {
        let (b, c, h, w) = crops.dim();
        let values: Vec<f32> = crops.iter().copied().collect();
        Tensor::from_data(TensorData::new(values, [b, c, h, w]), &self.device)
    }

    fn noise_shapes(&self, crops: &Array4<f32>) -> [[usize; 4]; 2] {
        let (b, _, h, w) = crops.dim();
        let c = self.config();
        [
            [b, c.latents, h / CELL, w / CELL],
            [b, c.hyper, h / CROP_UNIT, w / CROP_UNIT],
        ]
    }

    fn noise(&mut self, shape: [usize; 4]) -> Tensor<4> {
        let n = shape.iter().product();
        let values = (0..n).map(|_| self.random.random::<f32>() - 0.5).collect();
        tensor(values, shape, &self.device)
    }
}

/// Logarithms of the Laplace scales whose mean magnitudes are those of the tables where the neighbours are 0: [levels, Z].
fn z_scales(model: &Model) -> Vec<f32> {
    let scale = |row: u16| {
        let p = |s: i32| (-model.z_tables().cost_bits(row, s)).exp2();
        let (mean, sum) = (-Z_MAX..=Z_MAX).fold((0.0, 0.0), |(mean, sum), s| {
            (mean + f64::from(s.abs()) * p(s), sum + p(s))
        });
        // A rounded Laplace variable of scale s has a mean magnitude of 1 / (2 sinh(1 / 2s)).
        let mean = (mean / sum).max(1e-3);
        (0.5 / (0.5 / mean).asinh()).ln() as f32
    };
    (0..model.config().levels)
        .flat_map(|level| {
            model
                .z_rows(level)
                .iter()
                .map(|&row| scale(row + (Z_CLASSES / 2) as u16))
                .collect::<Vec<_>>()
        })
        .collect()
}
