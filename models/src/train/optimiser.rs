//! AdamW over all parameters, with a memory that can be stored.
//!
//! Burn's own optimiser of modules restores its memory on the default device of the process, which may be a GPU that is
//! not there. So the memory is kept here, by the names of parameters; the arithmetic is Burn's.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::{
    AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, GradientsParams, Optimizer,
};
use burn::tensor::{Device, Tensor};

use super::network::{Network, stored_name};
use super::quant::values;
use crate::ModelError;
use crate::nets::tensors::tensor;

/// Part of the learning rate that the linear branches of g_a and g_s take, as in the reference: they carry the picture, and
/// the noise of their steps bounds the quality of the highest levels.
const LINEAR_PACE: f64 = 0.3;

/// AdamW with the settings of the reference.
pub(crate) struct Optimiser {
    adam: AdamW,
    memory: BTreeMap<String, AdamWState<1>>,
}

/// What is remembered of one parameter.
pub(crate) struct Moments {
    /// Updates so far.
    pub(crate) time: usize,
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

impl Optimiser {
    pub(crate) fn new() -> Self {
        Self {
            adam: AdamWConfig::new()
                .with_beta_1(0.9)
                .with_beta_2(0.98)
                .with_epsilon(1e-8)
                .with_weight_decay(0.0)
                .build(),
            memory: BTreeMap::new(),
        }
    }

    /// The network after a step along gradients times `factor`.
    pub(crate) fn step(
        &mut self,
        network: Network,
        grads: GradientsParams,
        rate: f64,
        factor: f64,
    ) -> Network {
        network.map(&mut Step {
            optimiser: self,
            path: Vec::new(),
            grads,
            rate,
            factor,
        })
    }

    pub(crate) fn memory(&self) -> Result<Vec<(String, Moments)>, ModelError> {
        self.memory
            .iter()
            .map(|(name, state)| {
                let m = &state.momentum;
                let moments = Moments {
                    time: m.time,
                    first: values(m.moment_1.clone())?,
                    second: values(m.moment_2.clone())?,
                };
                Ok((name.clone(), moments))
            })
            .collect()
    }

    /// Remembers a parameter. `device` is one without gradients.
    pub(crate) fn remember(&mut self, name: String, m: Moments, device: &Device) {
        let on_device = |v: Vec<f32>| {
            let n = v.len();
            tensor(v, [n], device)
        };
        let state = AdaptiveMomentumState::new(m.time, on_device(m.first), on_device(m.second));
        self.memory.insert(name, AdamWState::new(state));
    }
}

struct Step<'a> {
    optimiser: &'a mut Optimiser,
    path: Vec<String>,
    grads: GradientsParams,
    rate: f64,
    factor: f64,
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        let Some(grad) = self.grads.remove::<D>(id) else {
            return Param::from_mapped_value(id, old, mapper);
        };
        let name = stored_name(&self.path);
        let shape = old.dims();
        let pace = match name.contains(".linear.") {
            true => LINEAR_PACE,
            false => 1.0,
        };
        let state = self.optimiser.memory.remove(&name);
        // All ranks are stepped as vectors, so that one kind of memory serves them.
        let (new, state) = self.optimiser.adam.step(
            self.rate * pace,
            old.inner().reshape([-1]),
            grad.reshape([-1]) * self.factor,
            state,
        );
        if let Some(state) = state {
            self.optimiser.memory.insert(name, state);
        }
        let new: Tensor<D> = new.reshape(shape);
        Param::from_mapped_value(id, new.autodiff().require_grad(), mapper)
    }
}
