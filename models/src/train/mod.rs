//! Fine-tuning of the model on any device: the loss of the reference, with the encoder's rounding in the loop.
//!
//! A step quantises and counts as the encoder does: residuals by its trellis, bits by the frozen tables of the weights.
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
mod tables;
mod trellis;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array4;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use thiserror::Error;

use crate::arch::{
    self,
    base::{CELL, Config, HYPER_CELL},
};
use crate::nets::tensors::tensor;
use crate::seam::DeviceInfo;
use crate::{ModelError, Weights, WeightsError};

use network::Network;
use optimiser::Optimiser;
use tables::FrozenTables;

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
    /// The architecture has no training.
    #[error("`{0}` cannot be trained by this program")]
    Architecture(&'static str),
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

/// What a step follows.
#[doc(hidden)]
#[derive(Debug)]
pub struct Look {
    pub loss: f64,
    pub bpp: f64,
    /// By the names of parameters.
    pub gradients: Named,
    /// Of y, [B, M, h, w] in the order of memory, with what rows that are not coded lose.
    pub symbols: Vec<i16>,
    /// 0 or 1.
    pub quantisers: Vec<u8>,
}

/// A model in training.
pub struct Trainer {
    network: Network,
    optimiser: Optimiser,
    tables: FrozenTables,
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
        let mut opened = Weights::open(weights)?;
        let architecture = arch::of(&opened)?;
        if !architecture.trains {
            return Err(TrainError::Architecture(architecture.name));
        }
        let tables = FrozenTables::load(&mut opened)?;
        let device = device.device().clone().autodiff();
        // Tables and levels have been taken: the networks come from a file opened once more.
        let network = Network::load(&mut Weights::open(weights)?, &device)?;
        Ok(Self {
            network,
            optimiser: Optimiser::new(),
            tables,
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
        let noise = self.noise(crops);
        let losses = (self.network).losses(self.upload(crops), levels, noise, &self.tables)?;
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

    /// What a step follows, with given noise [B, M, h, w] in -1/2..1/2: for comparison with the reference.
    #[doc(hidden)]
    pub fn look(
        &self,
        crops: &Array4<f32>,
        levels: &[usize],
        noise: Vec<f32>,
    ) -> Result<Look, TrainError> {
        self.check(crops, levels)?;
        let shape = self.latents(crops);
        if noise.len() != shape.iter().product::<usize>() {
            return Err(TrainError::Batch(format!(
                "{} numbers of noise for latents of {shape:?}",
                noise.len()
            )));
        }
        let noise = tensor(noise, shape, &self.device);
        let losses = (self.network).losses(self.upload(crops), levels, noise, &self.tables)?;
        let number = |t: Tensor<1>| -> Result<f64, ModelError> {
            Ok(f64::from(quant::values(t.inner())?[0]))
        };
        let (loss, bpp) = (number(losses.loss.clone())?, number(losses.bpp)?);
        let grads = GradientsParams::from_grads(losses.loss.backward(), &self.network);
        Ok(Look {
            loss,
            bpp,
            gradients: gradients::named(&self.network, &grads)?,
            symbols: losses.sent.symbol,
            quantisers: losses.sent.quantiser,
        })
    }

    /// The weights as a file that [`Weights::open`] takes.
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

    /// The shape of y for a batch: [B, M, h, w].
    fn latents(&self, crops: &Array4<f32>) -> [usize; 4] {
        let (b, _, h, w) = crops.dim();
        [b, self.config().latents, h / CELL, w / CELL]
    }

    fn noise(&mut self, crops: &Array4<f32>) -> Tensor<4> {
        let shape = self.latents(crops);
        let n = shape.iter().product();
        let values = (0..n).map(|_| self.random.random::<f32>() - 0.5).collect();
        tensor(values, shape, &self.device)
    }
}
