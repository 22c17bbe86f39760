//! Reading weights strictly, and naming the part of them that a file needs to be decoded.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use half::f16;
use half::slice::HalfFloatSliceExt;
use kiln_entropy::{RowSpec, Tables};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};

use crate::WeightsError;

/// The weights that travel inside the library.
#[cfg(feature = "bundled")]
pub static BUNDLED: &[u8] = include_bytes!("../weights/base.safetensors");

/// Architecture of weights that name none.
const UNNAMED: &str = "base";

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

impl DecoderSet {
    /// Reads what [`Display`](fmt::Display) writes: 16 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let value = digits
            .then(|| u64::from_str_radix(text, 16).ok())
            .flatten()?;
        Some(Self(value.to_be_bytes()))
    }
}

/// Whether files of a set of weights decode to the same symbols on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Portability {
    /// Whatever picks a probability is computed in integers.
    Portable,
    /// Something on the way to a probability is computed in floating point: another device may come to other symbols.
    NotPortable {
        /// What was found, as a part of a sentence.
        because: String,
    },
}

impl Portability {
    /// Whether files decode alike everywhere.
    pub fn is_portable(&self) -> bool {
        *self == Self::Portable
    }
}

/// Whether a tensor belongs to the encoder alone.
fn encoder_only(name: &str) -> bool {
    name.starts_with("g_a.") || name.starts_with("h_a.") || name == "gain"
}

/// A weights file opened for reading: each tensor is taken once, by name, with the shape that the architecture needs.
pub struct Weights<'a> {
    tensors: BTreeMap<String, TensorView<'a>>,
    metadata: HashMap<String, String>,
    decoder_set: DecoderSet,
    /// What is in floating point on the way to a probability.
    floats: Vec<String>,
}

impl fmt::Debug for Weights<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights")
            .field("architecture", &self.architecture())
            .field("decoder_set", &self.decoder_set)
            .field("tensors", &self.tensors.len())
            .finish()
    }
}

impl<'a> Weights<'a> {
    /// Opens a safetensors file held in memory.
    ///
    /// # Errors
    /// The file is not safetensors.
    pub fn open(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let mut weights = Self::open_known(bytes, DecoderSet([0; 8]))?;
        weights.decoder_set = weights.hash();
        Ok(weights)
    }

    /// Opens a file whose decoder set was found before, which spares the hash over all of it: a tenth of the time to decode
    /// a small picture.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn open_known(bytes: &'a [u8], decoder_set: DecoderSet) -> Result<Self, WeightsError> {
        let (_, meta) = SafeTensors::read_metadata(bytes)?;
        let metadata = meta.metadata().clone().unwrap_or_default();
        let tensors = SafeTensors::deserialize(bytes)?
            .tensors()
            .into_iter()
            .collect();
        Ok(Self {
            tensors,
            metadata,
            decoder_set,
            floats: Vec::new(),
        })
    }

    /// The decoder set of all tensors that are still there.
    fn hash(&self) -> DecoderSet {
        let mut hash = Sha256::new();
        for (name, t) in self.tensors.iter().filter(|(n, _)| !encoder_only(n)) {
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
        decoder_set
    }

    /// The name of the architecture that the weights are for: the entry `architecture` of the metadata, or `base` where there
    /// is none.
    pub fn architecture(&self) -> &str {
        self.metadata
            .get("architecture")
            .map_or(UNNAMED, String::as_str)
    }

    /// The entry `config` of the metadata: the sizes of the architecture, as JSON.
    ///
    /// # Errors
    /// [`WeightsError::Config`] if there is none.
    pub fn config(&self) -> Result<&str, WeightsError> {
        self.metadata
            .get("config")
            .map(String::as_str)
            .ok_or_else(|| WeightsError::Config("no `config` in the metadata".into()))
    }

    /// Notes that something on the way from decoded symbols to a probability is in floating point.
    pub(crate) fn found_float(&mut self, what: &str) {
        self.floats.push(what.to_owned());
    }

    /// Whether files of these weights decode alike everywhere, by what has been taken from them so far.
    pub(crate) fn portability(&self) -> Portability {
        match self.floats.as_slice() {
            [] => Portability::Portable,
            [first] => Portability::NotPortable {
                because: format!("{first} picks probabilities in floating point"),
            },
            [first, rest @ ..] => Portability::NotPortable {
                because: format!(
                    "{first} and {} more pick probabilities in floating point",
                    rest.len()
                ),
            },
        }
    }

    /// The name of what a decoder needs of these weights.
    pub fn decoder_set(&self) -> DecoderSet {
        self.decoder_set
    }

    /// How many numbers there are in the tensors that have not been taken yet.
    pub(crate) fn numbers(&self) -> u64 {
        let count = |t: &TensorView<'_>| t.shape().iter().product::<usize>() as u64;
        self.tensors.values().map(count).sum()
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

    /// The same tensors once more, for a second device. To be called before any of them is taken.
    pub(crate) fn again(&self) -> Self {
        Self {
            tensors: self.tensors.clone(),
            metadata: self.metadata.clone(),
            decoder_set: self.decoder_set,
            floats: Vec::new(),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`WeightsError::Unused`] when a tensor was never taken: the file is for another architecture.
    pub fn finish(&self) -> Result<(), WeightsError> {
        if self.tensors.is_empty() {
            Ok(())
        } else {
            let names: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
            Err(WeightsError::Unused(names.join(", ")))
        }
    }

    /// Takes `tables.NAME.{first,length,freqs,skip}`: the rows of a bank one after the other, for symbols up to `limit`.
    ///
    /// # Errors
    /// A tensor is missing or misshapen, or the rows are not valid.
    pub fn tables(&mut self, name: &'static str, limit: i32) -> Result<Tables, WeightsError> {
        let first = self.integers(&format!("tables.{name}.first"), &[0])?;
        let lengths = self.integers(&format!("tables.{name}.length"), &[first.len()])?;
        let freqs = self.integers(&format!("tables.{name}.freqs"), &[0])?;
        let skip = self.integers(&format!("tables.{name}.skip"), &[1])?;
        let narrow = |v: i32| {
            u16::try_from(v).map_err(|_| {
                WeightsError::Config(format!("tables of {name} hold {v}, outside 16 bits"))
            })
        };
        let freqs = freqs
            .into_iter()
            .map(narrow)
            .collect::<Result<Vec<u16>, _>>()?;
        let mut rest = freqs.as_slice();
        let mut rows = Vec::with_capacity(first.len());
        for (&first, &length) in first.iter().zip(&lengths) {
            let (row, tail) = usize::try_from(length)
                .ok()
                .and_then(|n| rest.split_at_checked(n))
                .ok_or_else(|| {
                    WeightsError::Config(format!(
                        "tables of {name} are shorter than their lengths say"
                    ))
                })?;
            rows.push(RowSpec { first, freqs: row });
            rest = tail;
        }
        if !rest.is_empty() {
            return Err(WeightsError::Config(format!(
                "tables of {name} are longer than their lengths say"
            )));
        }
        Tables::new(rows, narrow(skip[0])?, limit)
            .map_err(|source| WeightsError::Tables { name, source })
    }
}
