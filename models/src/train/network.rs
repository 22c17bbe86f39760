//! The whole model with gradients: what the reference trains, in the parameters that a weights file holds.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::level::{LevelTable, Levels};
use super::likelihood::{laplace_bits, logistic_bits, rows_in_range};
use super::quant::{QuantConv, ROW_BITS, round_half_up, straight_through};
use crate::config::Config;
use crate::exact::{ACT_MAX, Input, MEAN_BITS, Range, Spec, Z_MAX};
use crate::objective::lambda_of;
use crate::steps::{STEPS, codes, quarter};
use crate::tensors::{pixel_shuffle, tensor};
use crate::transforms::{Analysis, HyperAnalysis, Synthesis};
use crate::{ModelError, Weights, WeightsError};

/// One unit of fixed point.
const UNIT: f32 = (1 << MEAN_BITS) as f32;

/// The sum of two activations, brought back into the range of one.
fn clamp_act(x: Tensor<4>) -> Tensor<4> {
    let limit = ACT_MAX as f32 / UNIT;
    x.clamp(-limit, limit)
}

fn spec(inputs: usize, outputs: usize, levels: usize, range: Range) -> Spec {
    Spec {
        input: Input {
            channels: inputs,
            max: ACT_MAX,
        },
        outputs,
        depthwise: false,
        levels,
        range,
    }
}

fn depthwise(channels: usize) -> Spec {
    Spec {
        depthwise: true,
        ..spec(channels, channels, 0, Range::Linear)
    }
}

/// h_s with the parameters of step 0.
#[derive(Module, Debug)]
struct HyperSynthesis {
    up1: QuantConv,
    d1: QuantConv,
    up2: QuantConv,
    d2: QuantConv,
    mix: QuantConv,
    mean: QuantConv,
    row: QuantConv,
}

impl HyperSynthesis {
    fn load(w: &mut Weights, c: &Config, rows: u16, d: &Device) -> Result<Self, WeightsError> {
        let (m, f, h, n) = (c.latents, c.features, c.hyper_mid, c.levels);
        let mut layer = |name: &str, spec: Spec, in_bits: u32| {
            QuantConv::load(w, &format!("h_s.{name}"), spec, in_bits, d)
        };
        let mut up1 = spec(c.hyper, 4 * h, n, Range::Leaky);
        up1.input.max = Z_MAX;
        Ok(Self {
            up1: layer("up1", up1, 0)?,
            d1: layer("d1", depthwise(h), MEAN_BITS)?,
            up2: layer("up2", spec(h, 4 * f, n, Range::Leaky), MEAN_BITS)?,
            d2: layer("d2", depthwise(f), MEAN_BITS)?,
            mix: layer("mix", spec(f, f, 0, Range::Leaky), MEAN_BITS)?,
            mean: layer("mean", spec(f, m, 0, Range::Mean), MEAN_BITS)?,
            row: layer("row", spec(f, m, n, Range::Row(rows)), MEAN_BITS)?,
        })
    }

    fn features(&self, z: Tensor<4>, q: &Levels) -> Result<Tensor<4>, ModelError> {
        let f = self
            .d1
            .forward(pixel_shuffle(self.up1.forward(z, q)?, 2), q)?;
        let f = pixel_shuffle(self.up2.forward(f, q)?, 2);
        let mixed = self.mix.forward(self.d2.forward(f.clone(), q)?, q)?;
        Ok(clamp_act(f + mixed))
    }
}

/// The context model with the parameters of a later step.
#[derive(Module, Debug)]
struct Context {
    spatial: QuantConv,
    energy: QuantConv,
    mix1: QuantConv,
    mix2: QuantConv,
    mean: QuantConv,
    row: QuantConv,
}

impl Context {
    fn load(
        w: &mut Weights,
        index: usize,
        c: &Config,
        rows: u16,
        d: &Device,
    ) -> Result<Self, WeightsError> {
        let (m, f, n) = (c.latents, c.features, c.levels);
        let mut layer = |name: &str, spec: Spec| {
            QuantConv::load(w, &format!("context.{index}.{name}"), spec, MEAN_BITS, d)
        };
        Ok(Self {
            spatial: layer("spatial", depthwise(m))?,
            energy: layer("energy", depthwise(m))?,
            mix1: layer("mix1", spec(2 * m + f, f, n, Range::Leaky))?,
            mix2: layer("mix2", spec(f, f, 0, Range::Leaky))?,
            mean: layer("mean", spec(f, m, 0, Range::Mean))?,
            row: layer("row", spec(f, m, n, Range::Row(rows)))?,
        })
    }

    /// Means and rows of a step from what is known of y_hat (shifted, clamped, zero elsewhere) and the features of h_s.
    fn parameters(
        &self,
        u: Tensor<4>,
        features: Tensor<4>,
        q: &Levels,
    ) -> Result<(Tensor<4>, Tensor<4>), ModelError> {
        let energy = self.energy.forward(u.clone().abs(), q)?;
        let spatial = self.spatial.forward(u, q)?;
        let f = self
            .mix1
            .forward(Tensor::cat(vec![spatial, energy, features], 1), q)?;
        let f = clamp_act(f.clone() + self.mix2.forward(f, q)?);
        Ok((self.mean.forward(f.clone(), q)?, self.row.forward(f, q)?))
    }
}

/// Every trainable part. Fields carry the names that tensors have in a weights file.
#[derive(Module, Debug)]
pub(crate) struct Network {
    g_a: Analysis,
    g_s: Synthesis,
    h_a: HyperAnalysis,
    h_s: HyperSynthesis,
    /// Of all steps but step 0.
    context: Vec<Context>,
    /// Logarithms.
    gain: LevelTable,
    inverse_gain: LevelTable,
    /// Logarithms of Laplace scales: for the gradient of the rate of z only, coding uses tables.
    z_scale: LevelTable,
    #[module(skip)]
    frozen: Frozen,
}

/// What training does not change.
#[derive(Clone, Debug)]
struct Frozen {
    config: Config,
    /// 2^shift: [levels, M]
    unit: Tensor<2>,
}

/// The noise that stands in for rounding in the likelihoods, in -1/2..1/2, drawn by the caller.
pub(crate) struct Noise {
    /// [B, M, h, w]
    pub(crate) y: Tensor<4>,
    /// [B, Z, h / 4, w / 4]
    pub(crate) z: Tensor<4>,
}

/// What one batch costs, as tensors of one number.
pub(crate) struct Losses {
    pub(crate) loss: Tensor<1>,
    /// Means over the batch: bits per pixel, and squared error on the 0..255 scale.
    pub(crate) bpp: Tensor<1>,
    pub(crate) mse: Tensor<1>,
}

/// What the networks need beside the tensors of a weights file that they take themselves.
pub(crate) struct Extra {
    pub(crate) y_rows: u16,
    /// [levels, Z]
    pub(crate) z_scale: Vec<f32>,
}

impl Network {
    pub(crate) fn load(w: &mut Weights, extra: Extra, d: &Device) -> Result<Self, WeightsError> {
        let c = w.config().clone();
        let (n, m) = (c.levels, c.latents);
        let log = |name: &str, v: Vec<f32>| match v.iter().find(|x| **x <= 0.0) {
            Some(x) => Err(WeightsError::Config(format!(
                "{name} holds {x}, training needs numbers above 0"
            ))),
            None => Ok(v.iter().map(|x| x.ln()).collect::<Vec<_>>()),
        };
        let gain = log("gain", w.floats("gain", &[n, m])?)?;
        let inverse_gain = log("inverse_gain", w.floats("inverse_gain", &[n, m])?)?;
        let unit = w.integers("shift", &[n, m])?;
        let unit = unit.iter().map(|&s| (s as f32).exp2()).collect();
        Ok(Self {
            g_a: Analysis::load(w, &c, d)?,
            g_s: Synthesis::load(w, &c, d)?,
            h_a: HyperAnalysis::load(w, &c, d)?,
            h_s: HyperSynthesis::load(w, &c, extra.y_rows, d)?,
            context: (0..STEPS - 1)
                .map(|i| Context::load(w, i, &c, extra.y_rows, d))
                .collect::<Result<_, _>>()?,
            gain: LevelTable::new(gain, n, m, d),
            inverse_gain: LevelTable::new(inverse_gain, n, m, d),
            z_scale: LevelTable::new(extra.z_scale, n, c.hyper, d),
            frozen: Frozen {
                unit: tensor(unit, [n, m], d),
                config: c,
            },
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.frozen.config
    }

    /// 1 where a step codes.
    fn mask(&self, step: usize, h: usize, w: usize, device: &Device) -> Tensor<4> {
        let m = self.frozen.config.latents;
        let mut mask = Vec::with_capacity(m * h * w);
        for c in 0..m {
            for i in 0..h {
                mask.extend((0..w).map(|j| f32::from(codes(step, i, j, quarter(c, m)))));
            }
        }
        tensor(mask, [1, m, h, w], device)
    }

    /// The loss of a batch of crops x [B, 3, H, W] in -1/2..=1/2, sides multiples of 64, each at its level.
    pub(crate) fn losses(
        &self,
        x: Tensor<4>,
        levels: &[usize],
        noise: Noise,
    ) -> Result<Losses, ModelError> {
        let device = x.device();
        let c = &self.frozen.config;
        let n = c.levels;
        let [b, _, height, width] = x.dims();
        let q = &Levels::new(levels, n, &device);
        let per_channel = |t: Tensor<2>| {
            let [b, c] = t.dims();
            t.reshape([b, c, 1, 1])
        };

        let v = self.g_a.forward(x.clone()) * per_channel(self.gain.forward(q).exp());
        let z = self.h_a.forward(v.clone());
        let z_max = Z_MAX as f32;
        let z_hat = straight_through(round_half_up(z.clone()).clamp(-z_max, z_max), z.clone());
        let features = self.h_s.features(z_hat, q)?;

        let [_, _, h, w] = v.dims();
        let unit = per_channel(q.pick(&self.frozen.unit));
        let (mut y_hat, mut r, mut row) = (v.zeros_like(), noise.y, v.zeros_like());
        for step in 0..STEPS {
            let (mean, rows) = if step == 0 {
                let f = features.clone();
                (
                    self.h_s.mean.forward(f.clone(), q)?,
                    self.h_s.row.forward(f, q)?,
                )
            } else {
                // Floor of the fixed-point value over its shift, as the decoder shifts it.
                let u = y_hat.clone() / unit.clone();
                let u = clamp_act(straight_through((u.clone() * UNIT).floor() / UNIT, u));
                self.context[step - 1].parameters(u, features.clone(), q)?
            };
            let mean = mean * unit.clone();
            let mask = self.mask(step, h, w, &device);
            let residual = (v.clone() - mean.clone()) * mask.clone();
            let symbol = straight_through(round_half_up(residual.clone()), residual.clone());
            y_hat = y_hat + (symbol + mean) * mask.clone();
            r = r + residual;
            row = row + rows * mask;
        }
        let row = rows_in_range(row * (1 << ROW_BITS) as f32, &r);
        let sum = |t: Tensor<4>| t.reshape([b as i32, -1]).sum_dim(1);
        let y_bits = sum(logistic_bits(r, row));
        let z_scale = per_channel(self.z_scale.forward(q));
        let z_bits = sum(laplace_bits(z + noise.z, z_scale));
        let bpp = (y_bits + z_bits) / (height * width) as f32;

        let y_hat = y_hat * per_channel(self.inverse_gain.forward(q).exp());
        let error = self.g_s.forward(y_hat) - x;
        let samples = (3 * height * width) as f32;
        let mse = sum(error.square()) * (255.0 * 255.0 / samples);

        // Divided by a power of lambda so that no level drowns the others.
        let lambda: Vec<f32> = levels.iter().map(|&l| lambda_of(l, n) as f32).collect();
        let lambda: Tensor<2> = tensor(lambda, [b, 1], &device);
        let loss = ((bpp.clone() + lambda.clone() * mse.clone()) / lambda.sqrt()).mean() * 0.1;
        Ok(Losses {
            loss,
            bpp: bpp.mean(),
            mse: mse.mean(),
        })
    }

    /// Integer layers by their names in a weights file.
    pub(crate) fn integer_layers(&self) -> Vec<(String, &QuantConv)> {
        let h = &self.h_s;
        let hyper = [
            ("up1", &h.up1),
            ("d1", &h.d1),
            ("up2", &h.up2),
            ("d2", &h.d2),
            ("mix", &h.mix),
            ("mean", &h.mean),
            ("row", &h.row),
        ];
        let context = self.context.iter().enumerate().flat_map(|(i, c)| {
            [
                ("spatial", &c.spatial),
                ("energy", &c.energy),
                ("mix1", &c.mix1),
                ("mix2", &c.mix2),
                ("mean", &c.mean),
                ("row", &c.row),
            ]
            .map(|(name, layer)| (format!("context.{i}.{name}"), layer))
        });
        hyper
            .into_iter()
            .map(|(name, layer)| (format!("h_s.{name}"), layer))
            .chain(context)
            .collect()
    }

    /// (gain, inverse gain) of all levels: [levels, M] each, without gradients.
    pub(crate) fn gains(&self) -> (Tensor<2>, Tensor<2>) {
        (self.gain.all().exp(), self.inverse_gain.all().exp())
    }
}
