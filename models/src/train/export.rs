//! From a trained network to a weights file.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};

use super::network::{Network, stored_name};
use super::quant::values;
use super::{Named, TrainError};
use crate::ModelError;

/// Numbers of every parameter by the path of its field.
struct Collect {
    path: Vec<String>,
    found: Vec<(String, Result<Vec<f32>, ModelError>)>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found
            .push((stored_name(&self.path), values(param.val().inner())));
    }
}

/// Numbers of every parameter by its name, in the order of fields.
pub(crate) fn parameters(network: &Network) -> Result<Named, ModelError> {
    let mut collect = Collect {
        path: Vec::new(),
        found: Vec::new(),
    };
    network.visit(&mut collect);
    collect
        .found
        .into_iter()
        .map(|(name, v)| Ok((name, v?)))
        .collect()
}

fn little_endian<T, const N: usize>(v: &[T], bytes: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    v.iter().flat_map(bytes).collect()
}

/// The weights file of a network: what it was loaded from (`template`), with all that training changes replaced. Shapes,
/// tables of y and z and the metadata stay.
///
/// # Errors
/// The device failed, or a weight is not finite.
pub(crate) fn weights_file(network: &Network, template: &[u8]) -> Result<Vec<u8>, TrainError> {
    let mut new: BTreeMap<String, (Dtype, Vec<u8>)> = BTreeMap::new();
    for (name, v) in parameters(network)? {
        if ["g_a.", "g_s.", "h_a."].iter().any(|p| name.starts_with(p)) {
            if let Some(x) = v.iter().find(|x| !f16::from_f32(**x).is_finite()) {
                return Err(TrainError::Diverged(format!("{name} holds {x}")));
            }
            let half = little_endian(&v, |x| f16::from_f32(*x).to_le_bytes());
            new.insert(name, (Dtype::F16, half));
        }
    }
    for layer in network.integer_layers() {
        let name = layer.name();
        let i = layer.integers()?;
        let weight = little_endian(&i.weight, |x| x.to_le_bytes());
        let bias = little_endian(&i.bias, |x| x.to_le_bytes());
        new.insert(format!("{name}.weight"), (Dtype::I16, weight));
        new.insert(format!("{name}.bias"), (Dtype::I32, bias));
        new.insert(format!("{name}.shift"), (Dtype::U8, i.shift));
    }
    let (gain, inverse_gain) = network.gains();
    for (name, t) in [("gain", gain), ("inverse_gain", inverse_gain)] {
        let v = values(t)?;
        if let Some(x) = v.iter().find(|x| !x.is_finite()) {
            return Err(TrainError::Diverged(format!("{name} holds {x}")));
        }
        let bytes = little_endian(&v, |x| x.to_le_bytes());
        new.insert(name.into(), (Dtype::F32, bytes));
    }
    let old = SafeTensors::deserialize(template).map_err(crate::WeightsError::from)?;
    let (_, meta) = SafeTensors::read_metadata(template).map_err(crate::WeightsError::from)?;
    let metadata: Option<HashMap<String, String>> = meta.metadata().clone();
    let tensors = old
        .tensors()
        .into_iter()
        .map(|(name, t)| {
            let (dtype, data) = match new.get(&name) {
                Some((dtype, data)) => (*dtype, data.as_slice()),
                None => (t.dtype(), t.data()),
            };
            Ok((name, TensorView::new(dtype, t.shape().to_vec(), data)?))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(crate::WeightsError::from)?;
    Ok(serialize(tensors, metadata).map_err(crate::WeightsError::from)?)
}
