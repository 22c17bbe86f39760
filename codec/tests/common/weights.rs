//! The bundled weights after a change.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use std::collections::HashMap;

use kiln_models::BUNDLED;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// A tensor: its numbers as the file stores them.
#[derive(Clone)]
pub struct Stored {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: Vec<u8>,
}

/// All tensors of a file, and its metadata.
#[derive(Clone)]
pub struct Tensors {
    pub all: Vec<Stored>,
    pub metadata: HashMap<String, String>,
}

impl Tensors {
    pub fn bundled() -> Self {
        let (_, metadata) = SafeTensors::read_metadata(BUNDLED).unwrap();
        let file = SafeTensors::deserialize(BUNDLED).unwrap();
        let stored = |(name, t): (String, TensorView)| Stored {
            name,
            dtype: t.dtype(),
            shape: t.shape().to_vec(),
            data: t.data().to_vec(),
        };
        Self {
            all: file.tensors().into_iter().map(stored).collect(),
            metadata: metadata.metadata().clone().unwrap_or_default(),
        }
    }

    pub fn get(&self, name: &str) -> &Stored {
        let found = self.all.iter().find(|t| t.name == name);
        found.unwrap_or_else(|| panic!("no tensor {name}"))
    }

    pub fn get_mut(&mut self, name: &str) -> &mut Stored {
        let found = self.all.iter_mut().find(|t| t.name == name);
        found.unwrap_or_else(|| panic!("no tensor {name}"))
    }

    /// The weights file.
    pub fn file(&self) -> Vec<u8> {
        let views = self.all.iter().map(|t| {
            let view = TensorView::new(t.dtype, t.shape.clone(), &t.data).unwrap();
            (t.name.as_str(), view)
        });
        let metadata = Some(self.metadata.clone());
        safetensors::serialize(views, metadata).unwrap()
    }
}

impl Stored {
    /// How many numbers of 16 bits there are.
    pub fn halves(&self) -> usize {
        self.data.len() / 2
    }

    /// A number of 16 bits.
    pub fn half(&self, index: usize) -> i16 {
        i16::from_le_bytes([self.data[2 * index], self.data[2 * index + 1]])
    }

    /// Adds to a number of 16 bits.
    pub fn add(&mut self, index: usize, by: i16) {
        let value = self.half(index).wrapping_add(by);
        self.data[2 * index..2 * index + 2].copy_from_slice(&value.to_le_bytes());
    }

    /// Keeps some of the rows.
    pub fn keep_rows(&mut self, rows: &[usize]) {
        let each = self.data.len() / self.shape[0];
        let row = |&r: &usize| self.data[r * each..(r + 1) * each].to_vec();
        self.data = rows.iter().flat_map(row).collect();
        self.shape[0] = rows.len();
    }
}

/// The bundled weights with some of their levels.
pub fn with_levels(levels: &[usize]) -> Vec<u8> {
    let mut tensors = Tensors::bundled();
    let count = kiln::Levels::MAX;
    for t in &mut tensors.all {
        let is_rate = ["gain", "inverse_gain", "shift", "z_rows"].contains(&t.name.as_str());
        let is_bias = t.name.ends_with(".bias") && t.shape.len() == 2 && t.shape[0] == count;
        if is_rate || is_bias {
            assert_eq!(t.shape[0], count, "{}", t.name);
            t.keep_rows(levels);
        }
    }
    let config = tensors.metadata.get_mut("config").unwrap();
    let mut json: serde_json::Value = serde_json::from_str(config).unwrap();
    json["levels"] = levels.len().into();
    *config = json.to_string();
    tensors.file()
}
