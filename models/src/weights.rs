//! Reading weights strictly, and naming the part of them that a file needs to be decoded.

use std::collections::BTreeMap;
use std::fmt;

use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};

use crate::{Config, WeightsError};

/// The weights that travel inside the library.
pub static BUNDLED: &[u8] = include_bytes!("../weights/base.safetensors");

/// First eight bytes of a SHA-256 over everything a decoder reads: tables, exact networks, g_s and its gains.
///
/// The analysis side (g_a, h_a and the encoder's gain) is left out, so that it may be retrained without new files becoming
/// unreadable to old decoders. Hashed per tensor in the order of names: name, 0, type, 0, each size as u64, data.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecoderSet(pub [u8; 8]);

impl fmt::Display for DecoderSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for DecoderSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecoderSet({self})")
    }
}

/// Whether a tensor belongs to the encoder alone.
fn encoder_only(name: &str) -> bool {
    name.starts_with("g_a.") || name.starts_with("h_a.") || name == "gain"
}

/// A weights file opened for reading: each tensor is taken once, by name, with the shape that the architecture needs.
pub struct Weights<'a> {
    tensors: BTreeMap<String, TensorView<'a>>,
    config: Config,
    decoder_set: DecoderSet,
}

impl<'a> Weights<'a> {
    /// Opens a safetensors file held in memory.
    ///
    /// # Errors
    /// The file is not safetensors, or carries no valid `config` in its metadata.
    pub fn open(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let (_, meta) = SafeTensors::read_metadata(bytes)?;
        let json = meta
            .metadata()
            .as_ref()
            .and_then(|m| m.get("config"))
            .ok_or_else(|| WeightsError::Config("no `config` in the metadata".into()))?;
        let config = Config::from_json(json)?;
        let tensors: BTreeMap<_, _> = SafeTensors::deserialize(bytes)?
            .tensors()
            .into_iter()
            .collect();
        let mut hash = Sha256::new();
        for (name, t) in tensors.iter().filter(|(n, _)| !encoder_only(n)) {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(t.dtype().to_string().as_bytes());
            hash.update([0]);
            t.shape()
                .iter()
                .for_each(|&n| hash.update((n as u64).to_le_bytes()));
            hash.update(t.data());
        }
        let mut decoder_set = DecoderSet([0; 8]);
        decoder_set.0.copy_from_slice(&hash.finalize()[..8]);
        Ok(Self {
            tensors,
            config,
            decoder_set,
        })
    }

    /// The architecture's sizes.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The name of what a decoder needs of these weights.
    pub fn decoder_set(&self) -> DecoderSet {
        self.decoder_set
    }

    fn take(
        &mut self,
        name: &str,
        dtypes: &[Dtype],
        shape: &[usize],
    ) -> Result<TensorView<'a>, WeightsError> {
        let t = self
            .tensors
            .remove(name)
            .ok_or_else(|| WeightsError::Missing(name.into()))?;
        // A size of 0 in `shape` stands for "any".
        let fits = t.shape().len() == shape.len()
            && t.shape().iter().zip(shape).all(|(a, b)| *b == 0 || a == b);
        if !fits || !dtypes.contains(&t.dtype()) {
            return Err(WeightsError::Mismatch {
                name: name.into(),
                found: format!("{} {:?}", t.dtype(), t.shape()),
                needed: format!(
                    "{} {shape:?}",
                    dtypes
                        .iter()
                        .map(|d| d.to_string())
                        .collect::<Vec<_>>()
                        .join(" or ")
                ),
            });
        }
        Ok(t)
    }

    /// Takes a tensor of f16 or f32 as f32.
    ///
    /// # Errors
    /// The tensor is missing or of another type or shape, or holds a number that is not finite.
    pub fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let t = self.take(name, &[Dtype::F16, Dtype::F32], shape)?;
        let v: Vec<f32> = match t.dtype() {
            Dtype::F16 => {
                let bits = t.data().chunks_exact(2);
                let halves: Vec<f16> = bits.map(|b| f16::from_le_bytes([b[0], b[1]])).collect();
                halves.to_f32_vec()
            }
            _ => t
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        };
        // Without a way out early, so that the compiler takes many values at a time.
        if v.iter().fold(true, |all, x| all & x.is_finite()) {
            Ok(v)
        } else {
            Err(WeightsError::Mismatch {
                name: name.into(),
                found: "holds NaN or infinity".into(),
                needed: "finite numbers".into(),
            })
        }
    }

    /// Takes a tensor of integers (u8, i16, u16 or i32) as i32.
    ///
    /// # Errors
    /// The tensor is missing or of another type or shape.
    pub fn integers(&mut self, name: &str, shape: &[usize]) -> Result<Vec<i32>, WeightsError> {
        let t = self.take(
            name,
            &[Dtype::U8, Dtype::I16, Dtype::U16, Dtype::I32],
            shape,
        )?;
        let d = t.data();
        Ok(match t.dtype() {
            Dtype::U8 => d.iter().map(|&b| b.into()).collect(),
            Dtype::I16 => d
                .chunks_exact(2)
                .map(|b| i16::from_le_bytes([b[0], b[1]]).into())
                .collect(),
            Dtype::U16 => d
                .chunks_exact(2)
                .map(|b| u16::from_le_bytes([b[0], b[1]]).into())
                .collect(),
            _ => d
                .chunks_exact(4)
                .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        })
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`WeightsError::Unused`] when a tensor was never taken: the file is for another architecture.
    pub fn finish(self) -> Result<(), WeightsError> {
        if self.tensors.is_empty() {
            Ok(())
        } else {
            Err(WeightsError::Unused(
                self.tensors.into_keys().collect::<Vec<_>>().join(", "),
            ))
        }
    }
}
