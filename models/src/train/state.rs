//! Interrupting training and going on: a safetensors file with everything that is needed.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};

use super::network::stored_name;
use super::optimiser::Moments;
use super::{TrainError, Trainer, export};
use crate::seam::DeviceInfo;

/// The weights it began with, as bytes.
const TEMPLATE: &str = "state.template";
/// Before the name of a parameter: what the optimiser remembers of it.
const FIRST: &str = "state.first.";
const SECOND: &str = "state.second.";
/// In the metadata: the number of steps, and of updates of each parameter.
const STEPS: &str = "steps";
const UPDATES: &str = "updates";

/// Puts stored numbers into parameters, by the paths of their fields.
struct Restore {
    path: Vec<String>,
    values: BTreeMap<String, Vec<f32>>,
    wrong: Vec<String>,
}

impl ModuleMapper for Restore {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = stored_name(&self.path);
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        let tensor = match self.values.remove(&name) {
            Some(v) if v.len() == shape.iter().product::<usize>() => {
                Tensor::from_data(TensorData::new(v, shape), &tensor.device()).require_grad()
            }
            _ => {
                self.wrong.push(name);
                tensor
            }
        };
        Param::from_mapped_value(id, tensor, mapper)
    }
}

pub(crate) fn save(trainer: &Trainer) -> Result<Vec<u8>, TrainError> {
    let fail = |e: &dyn std::fmt::Display| TrainError::State(e.to_string());
    let mut numbers = export::parameters(&trainer.network)?;
    let mut updates = 0;
    for (name, m) in trainer.optimiser.memory()? {
        updates = m.time;
        numbers.push((format!("{FIRST}{name}"), m.first));
        numbers.push((format!("{SECOND}{name}"), m.second));
    }
    let bytes: Vec<(String, Vec<u8>)> = numbers
        .into_iter()
        .map(|(name, v)| (name, v.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let view =
        |dtype, size: usize, data| TensorView::new(dtype, vec![size], data).map_err(|e| fail(&e));
    let template = view(Dtype::U8, trainer.template.len(), &trainer.template)?;
    let mut tensors = vec![(TEMPLATE.to_owned(), template)];
    for (name, data) in &bytes {
        tensors.push((name.clone(), view(Dtype::F32, data.len() / 4, data)?));
    }
    let metadata = HashMap::from([
        (STEPS.to_owned(), trainer.steps.to_string()),
        (UPDATES.to_owned(), updates.to_string()),
    ]);
    serialize(tensors, Some(metadata)).map_err(|e| fail(&e))
}

pub(crate) fn load(bytes: &[u8], device: &DeviceInfo, seed: u64) -> Result<Trainer, TrainError> {
    let fail = |e: &dyn std::fmt::Display| TrainError::State(e.to_string());
    let (_, meta) = SafeTensors::read_metadata(bytes).map_err(|e| fail(&e))?;
    let number = |name: &str| -> Result<u64, TrainError> {
        meta.metadata()
            .as_ref()
            .and_then(|m| m.get(name)?.parse().ok())
            .ok_or_else(|| fail(&format!("no number of {name} in its metadata")))
    };
    let (steps, updates) = (number(STEPS)?, number(UPDATES)?);
    let file = SafeTensors::deserialize(bytes).map_err(|e| fail(&e))?;
    let template = file.tensor(TEMPLATE).map_err(|e| fail(&e))?;
    let mut trainer = Trainer::new(template.data(), device, seed)?;
    let mut values = BTreeMap::new();
    for (name, t) in file.tensors().into_iter().filter(|(n, _)| n != TEMPLATE) {
        if t.dtype() != Dtype::F32 {
            return Err(fail(&format!("{name} is {}, not F32", t.dtype())));
        }
        let v: Vec<f32> = (t.data().chunks_exact(4))
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        values.insert(name, v);
    }
    let memory: Vec<String> = values
        .keys()
        .filter_map(|n| n.strip_prefix(FIRST).map(str::to_owned))
        .collect();
    for name in memory {
        let mut take = |prefix: &str| {
            values
                .remove(&format!("{prefix}{name}"))
                .unwrap_or_default()
        };
        let (first, second) = (take(FIRST), take(SECOND));
        if first.len() != second.len() || values.get(&name).map(Vec::len) != Some(first.len()) {
            return Err(fail(&format!("the moments of {name} do not fit it")));
        }
        let time = usize::try_from(updates).unwrap_or(usize::MAX);
        let moments = Moments {
            time,
            first,
            second,
        };
        trainer.optimiser.remember(name, moments, device.device());
    }
    let mut restore = Restore {
        path: Vec::new(),
        values,
        wrong: Vec::new(),
    };
    trainer.network = trainer.network.map(&mut restore);
    restore.wrong.extend(restore.values.into_keys());
    if !restore.wrong.is_empty() {
        return Err(fail(&format!(
            "parameters missing, unknown or of another size: {}",
            restore.wrong.join(", ")
        )));
    }
    trainer.steps = steps;
    Ok(trainer)
}
