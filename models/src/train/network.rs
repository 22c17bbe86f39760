//! The whole model with gradients: what the reference trains, in the parameters that a weights file holds.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::level::{LevelTable, Levels};
use super::likelihood::{ROWS, logistic_bits};
use super::quant::{
    QuantConv, Quantised, ROW_BITS, clamp_act, round_half_up, straight_through, values,
};
use super::tables::{Cost, FrozenTables};
use super::trellis::Sent;
use crate::arch::base::{Analysis, Config, Context, HyperAnalysis, HyperSynthesis, Synthesis};
use crate::latents::steps::{STEPS, codes, quarter};
use crate::nets::exact::{MEAN_BITS, STEP, Z_MAX};
use crate::nets::float::{FloatConv, Floats};
use crate::nets::tensors::tensor;
use crate::search::lambda_of;
use crate::{ModelError, Weights, WeightsError};

/// One unit of fixed point.
const UNIT: f32 = (1 << MEAN_BITS) as f32;

/// Zero, with `slope` as its gradient by x.
fn follow(x: Tensor<4>, slope: Tensor<4>) -> Tensor<4> {
    (x.clone() - x.detach()) * slope
}

/// Every trainable part. Fields carry the names that tensors have in a weights file.
#[derive(Module, Debug)]
pub(crate) struct Network {
    g_a: Analysis<FloatConv>,
    g_s: Synthesis<FloatConv>,
    h_a: HyperAnalysis<FloatConv>,
    h_s: HyperSynthesis<QuantConv>,
    /// Of all steps but step 0.
    context: Vec<Context<QuantConv>>,
    /// Logarithms.
    gain: LevelTable,
    inverse_gain: LevelTable,
    #[module(skip)]
    frozen: Frozen,
}

/// The name of a parameter in a weights file, from the path of its field: the last layers of a step stand in a part of their
/// own, in a list of one.
pub(crate) fn stored_name(path: &[String]) -> String {
    let mut parts: Vec<&str> = Vec::with_capacity(path.len());
    let mut heads = path.iter().map(String::as_str);
    while let Some(part) = heads.next() {
        match part {
            "heads" => {
                // The kind of head; its index says nothing.
                parts.extend(heads.next());
                heads.next();
            }
            part => parts.push(part),
        }
    }
    parts.join(".")
}

/// What training does not change.
#[derive(Clone, Debug)]
struct Frozen {
    config: Config,
    /// 2^shift: [levels, M]
    unit: Tensor<2>,
}

/// What one batch costs, as tensors of one number.
pub(crate) struct Losses {
    pub(crate) loss: Tensor<1>,
    /// Means over the batch: bits per pixel, and squared error on the 0..255 scale.
    pub(crate) bpp: Tensor<1>,
    pub(crate) mse: Tensor<1>,
    /// What would be sent of y.
    pub(crate) sent: Sent,
}

impl Network {
    pub(crate) fn load(w: &mut Weights, d: &Device) -> Result<Self, WeightsError> {
        let rows = ROWS as u16;
        let c = Config::from_json(w.config()?)?;
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
            g_a: Analysis::load(&mut Floats::transform(w, d), &c)?,
            g_s: Synthesis::load(&mut Floats::transform(w, d), &c)?,
            h_a: HyperAnalysis::load(&mut Floats::transform(w, d), &c)?,
            h_s: HyperSynthesis::load(&mut Quantised::new(w, d), &c, rows)?,
            context: Context::load_all(&mut Quantised::new(w, d), &c, rows)?,
            gain: LevelTable::new(gain, n, m, d),
            inverse_gain: LevelTable::new(inverse_gain, n, m, d),
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
    ///
    /// Symbols are those that the encoder would send, and bits what they cost in its tables. Roundings and the choice of
    /// symbols pass their gradient on as if they were the identity. Rows and z follow the slopes of the tables, residuals
    /// that of a smooth distribution under `noise`: [B, M, h, w], in -1/2..1/2.
    pub(crate) fn losses(
        &self,
        x: Tensor<4>,
        levels: &[usize],
        noise: Tensor<4>,
        tables: &FrozenTables,
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

        let v = self.g_a.forward(x.clone())? * per_channel(self.gain.forward(q).exp());
        let z = self.h_a.forward(v.clone())?;
        let z_max = Z_MAX as f32;
        let z_rounded = round_half_up(z.clone()).clamp(-z_max, z_max);
        let z_hat = straight_through(z_rounded.clone(), z.clone());
        let features = self.h_s.features(z_hat, q)?;

        let dims = v.dims();
        let [_, _, h, w] = dims;
        let unit = per_channel(q.pick(&self.frozen.unit));
        let mut sent = Sent::new(dims);
        let (mut y_hat, mut residual, mut row) = (v.zeros_like(), v.zeros_like(), v.zeros_like());
        for step in 0..STEPS {
            let (mean, rows) = if step == 0 {
                self.h_s.everywhere(features.clone(), q)?
            } else {
                // Floor of the fixed-point value over its shift, as the decoder shifts it.
                let u = y_hat.clone() / unit.clone();
                let u = clamp_act(straight_through((u.clone() * UNIT).floor() / UNIT, u));
                self.context[step - 1].everywhere(u, features.clone(), q)?
            };
            let mean = mean * unit.clone();
            let rows = rows * (1 << ROW_BITS) as f32;
            let mask = self.mask(step, h, w, &device);
            let wanted = (v.clone() - mean.clone()) * mask.clone();
            sent.step(
                tables,
                step,
                &values(wanted.clone().inner())?,
                &values(rows.clone().inner())?,
            );
            // Steps to come have no values yet; the mask leaves out those before.
            let value = tensor(sent.value.clone(), dims, &device);
            y_hat = y_hat + (straight_through(value, wanted.clone()) + mean) * mask.clone();
            residual = residual + wanted;
            row = row + rows * mask;
        }
        let sum = |t: Tensor<4>| t.reshape([b as i32, -1]).sum_dim(1);
        let on_device = |v: &[f32]| tensor(v.to_vec(), dims, &device);
        let step = STEP as f32 / UNIT;
        let smooth = logistic_bits(residual + noise * step, on_device(&sent.row), step);
        let y_bits =
            straight_through(on_device(&sent.bits), smooth) + follow(row, on_device(&sent.slope));
        let z_costs = tables.z(z_rounded.inner(), levels)?;
        let z_numbers =
            |of: fn(&Cost) -> f32| tensor(z_costs.iter().map(of).collect(), z.dims(), &device);
        let z_bits = z_numbers(|c| c.bits) + follow(z.clone(), z_numbers(|c| c.slope));
        let bpp = (sum(y_bits) + sum(z_bits)) / (height * width) as f32;

        let y_hat = y_hat * per_channel(self.inverse_gain.forward(q).exp());
        let error = self.g_s.forward(y_hat)? - x;
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
            sent,
        })
    }

    /// The layers that a weights file holds in integers.
    pub(crate) fn integer_layers(&self) -> impl Iterator<Item = &QuantConv> {
        self.h_s
            .layers()
            .chain(self.context.iter().flat_map(Context::layers))
    }

    /// (gain, inverse gain) of all levels: [levels, M] each, without gradients.
    pub(crate) fn gains(&self) -> (Tensor<2>, Tensor<2>) {
        (self.gain.all().exp(), self.inverse_gain.all().exp())
    }
}

#[cfg(test)]
mod tests {
    use super::stored_name;

    #[test]
    fn names_are_those_of_a_weights_file() {
        let name =
            |path: &str| stored_name(&path.split('/').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(name("h_s/heads/mean/0/weight"), "h_s.mean.weight");
        assert_eq!(
            name("context/1/heads/row/0/bias/change"),
            "context.1.row.bias.change"
        );
        assert_eq!(name("g_a/blocks/2/d/weight"), "g_a.blocks.2.d.weight");
    }
}
