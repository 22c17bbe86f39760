//! The exact path on a GPU is not taken on trust: what it wrote or read is compared with the CPU.

use std::ops::Range;
use std::sync::atomic::Ordering;

use kiln_entropy::{Chains, CodeError, Reader, Symbols, Tables};
use ndarray::{Array3, s};

use crate::latents::{CodedLatents, STRIPE_ROWS};
use crate::model::Model;
use crate::steps::{QUARTERS, STEPS, first_column};
use crate::{Analysed, ModelError};

/// A result, and what its user should know about the way it came about.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    /// The result. It is right, whatever the warning says.
    pub value: T,
    /// That the GPU was wrong and the CPU did its work.
    pub warning: Option<String>,
}

impl<T> From<T> for Checked<T> {
    fn from(value: T) -> Self {
        Self {
            value,
            warning: None,
        }
    }
}

/// A decoder of one stripe that stops reading after so many symbols and is handed zeros from there.
struct Probe<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl Symbols for Probe<'_> {
    fn code(&mut self, tables: &Tables, row: u16, symbol: &mut i32) -> Result<(), CodeError> {
        self.reader.code(tables, row, symbol)
    }

    fn code_all(&mut self, tables: &Tables, rows: &[u8], s: &mut [i16]) -> Result<(), CodeError> {
        self.reader.code_all(tables, rows, s)
    }

    fn code_chained(
        &mut self,
        tables: &Tables,
        rows: &mut [u8],
        chain: &[u16],
        chains: &mut Chains,
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        if self.left < symbols.len() {
            symbols.fill(0);
            return Ok(());
        }
        self.left -= symbols.len();
        self.reader
            .code_chained(tables, rows, chain, chains, symbols)
    }
}

impl Model {
    /// Quantises and codes like [`Model::encode_latents`], and returns y_hat [h, M, w] beside the chunks: what a decoder
    /// must come to.
    ///
    /// Where the exact networks run on a GPU, the CPU decodes the first stripe of what was written. Unless it comes to the
    /// same y_hat, the picture is coded again on the CPU, the GPU is not used for the exact networks of this model any
    /// more, and the result carries a warning.
    ///
    /// # Errors
    /// The level does not exist, or the device fails.
    pub fn encode_checked(
        &self,
        y: &Analysed,
        level: u8,
    ) -> Result<Checked<(CodedLatents, Array3<i32>)>, ModelError> {
        let Some(twin) = self.twin() else {
            return Ok(self.encode_keeping(y, level)?.into());
        };
        if self.distrusted().load(Ordering::Relaxed) {
            return Ok(twin.encode_keeping(y, level)?.into());
        }
        let (coded, y_hat) = self.encode_keeping(y, level)?;
        let chunks: Vec<&[u8]> = coded.chunks.iter().map(Vec::as_slice).collect();
        if twin.agrees_on_first_stripe(&chunks, &y_hat, level)? {
            return Ok((coded, y_hat).into());
        }
        Ok(Checked {
            value: twin.encode_keeping(y, level)?,
            warning: Some(self.distrust("encoding")),
        })
    }

    /// Decodes like [`Model::decode_latents`]. Where the exact networks run on a GPU, the CPU decodes the first stripe too,
    /// and it decides when the GPU finds the symbols damaged. If the CPU comes to another result, that one is returned with
    /// a warning, and the GPU is not used for the exact networks of this model any more.
    ///
    /// The stripe is compared because the checksum in a file covers symbols and not the means that are added to them.
    ///
    /// # Errors
    /// As [`Model::decode_latents`].
    pub fn decode_checked(
        &self,
        chunks: &[&[u8]],
        checksum: u32,
        height: usize,
        width: usize,
        level: u8,
    ) -> Result<Checked<Array3<i32>>, ModelError> {
        let Some(twin) = self.twin() else {
            return Ok(self
                .decode_latents(chunks, checksum, height, width, level)?
                .into());
        };
        if !self.distrusted().load(Ordering::Relaxed) {
            match self.decode_latents(chunks, checksum, height, width, level) {
                Ok(y_hat) if twin.agrees_on_first_stripe(chunks, &y_hat, level)? => {
                    return Ok(y_hat.into());
                }
                Err(ModelError::Cancelled) => return Err(ModelError::Cancelled),
                Ok(_) | Err(_) => {}
            }
        }
        let value = twin.decode_latents(chunks, checksum, height, width, level)?;
        let warning =
            (!self.distrusted().load(Ordering::Relaxed)).then(|| self.distrust("decoding"));
        Ok(Checked { value, warning })
    }

    fn distrust(&self, doing: &str) -> String {
        self.distrusted().store(true, Ordering::Relaxed);
        format!(
            "{} does not compute the exact path right: {doing} was done again on the CPU. Please report this device, \
             and do not use `--exact-device gpu` on it",
            self.device_info().name
        )
    }

    /// Whether this model, decoding the first stripe of a picture, comes to the given y_hat.
    fn agrees_on_first_stripe(
        &self,
        chunks: &[&[u8]],
        y_hat: &Array3<i32>,
        level: u8,
    ) -> Result<bool, ModelError> {
        match self.first_stripe(chunks, y_hat.dim(), level) {
            Ok(found) => Ok(y_hat.slice(s![..found.dim().0, .., ..]) == found),
            // Rows that differ make the coder stumble.
            Err(ModelError::Code(_)) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// y_hat of the first stripe. A step reads the steps before it in the next stripe as well: of every following stripe one
    /// step less is decoded.
    fn first_stripe(
        &self,
        chunks: &[&[u8]],
        (h, m, w): (usize, usize, usize),
        level: u8,
    ) -> Result<Array3<i32>, ModelError> {
        let needed = 1 + h.div_ceil(STRIPE_ROWS);
        let [first, rest @ ..] = chunks else {
            return Err(ModelError::Chunks { found: 0, needed });
        };
        let z = self.read_hyper(first, (h, w), self.check_level(level)?)?;
        let probes = rest
            .iter()
            .take(STEPS)
            .enumerate()
            .map(|(i, chunk)| {
                let rows = i * STRIPE_ROWS..h.min((i + 1) * STRIPE_ROWS);
                Ok(Probe {
                    reader: Reader::new(chunk)?,
                    left: rows.map(|row| cells(0..STEPS - i, row, m, w)).sum(),
                })
            })
            .collect::<Result<Vec<_>, CodeError>>()?;
        let (y_hat, probes) = self.code_with(probes, &z, (h, w), level)?;
        if let Some(probe) = probes.into_iter().next() {
            probe.reader.finish()?;
        }
        Ok(y_hat.slice_move(s![..STRIPE_ROWS.min(h), .., ..]))
    }
}

/// Latents of a row of y that steps code.
fn cells(steps: Range<usize>, row: usize, m: usize, w: usize) -> usize {
    let columns = |first: usize| (w + 1 - first) / 2;
    steps
        .flat_map(|step| (0..QUARTERS).filter_map(move |g| first_column(step, row, g)))
        .map(|first| m / QUARTERS * columns(first))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::CELL;
    use crate::device::DeviceInfo;
    use crate::steps::{codes, quarter};
    use crate::{BUNDLED, Weights};

    /// Latents with some life in them: [h, M, w].
    fn latents(model: &Model, h: usize, w: usize) -> Analysed {
        let mut seed = 7u64;
        let y = Array3::from_shape_fn((h, model.config().latents, w), |_| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            ((seed >> 40) as f32 / (1 << 23) as f32 - 1.0) * 0.05
        });
        y.into()
    }

    /// A model whose means are not those of its twin, as if a GPU computed them wrong.
    fn faulty() -> Model {
        let mut bytes = BUNDLED.to_vec();
        change_every_bias(&mut bytes, "h_s.mean");
        let mut model = Model::load(&bytes, &DeviceInfo::cpu()).unwrap();
        model.twin = Some(Arc::new(Model::load(BUNDLED, &DeviceInfo::cpu()).unwrap()));
        model
    }

    /// Adds 4096 to every bias of a layer, in place.
    fn change_every_bias(bytes: &mut [u8], layer: &str) {
        let m = Weights::open(BUNDLED).unwrap().config().latents;
        let old = Weights::open(BUNDLED)
            .unwrap()
            .integers(&format!("{layer}.bias"), &[1, m])
            .unwrap();
        let raw = |v: &[i32]| v.iter().flat_map(|b| b.to_le_bytes()).collect::<Vec<u8>>();
        let new: Vec<i32> = old.iter().map(|b| b + (1 << 12)).collect();
        let (old, new) = (raw(&old), raw(&new));
        let at = bytes.windows(old.len()).position(|w| w == old).unwrap();
        bytes[at..at + new.len()].copy_from_slice(&new);
    }

    fn borrowed(coded: &CodedLatents) -> Vec<&[u8]> {
        coded.chunks.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn a_wrong_gpu_is_found_out_and_the_cpu_writes_the_file() {
        let model = faulty();
        let right = model.twin().unwrap();
        // Three stripes, the last one short.
        let (h, w) = (70, 5);
        let y = latents(&model, h, w);
        let level = 40;
        let (good, y_hat) = right.encode_keeping(&y, level).unwrap();
        assert!(
            right
                .agrees_on_first_stripe(&borrowed(&good), &y_hat, level)
                .unwrap()
        );
        let (bad, bad_y_hat) = model.encode_keeping(&y, level).unwrap();
        assert_ne!(y_hat, bad_y_hat, "the fault has no effect");
        assert!(
            !right
                .agrees_on_first_stripe(&borrowed(&bad), &bad_y_hat, level)
                .unwrap()
        );

        let checked = model.encode_checked(&y, level).unwrap();
        assert_eq!(checked.value, (good.clone(), y_hat.clone()));
        assert!(checked.warning.unwrap().contains("on the CPU"));
        // The warning is given once; the CPU goes on.
        let again = model.encode_checked(&y, level).unwrap();
        assert_eq!((again.value.0, again.warning), (good, None));
    }

    #[test]
    fn a_wrong_gpu_does_not_make_a_file_damaged() {
        let (h, w) = (6, 5);
        let level = 40;
        let right = Model::load(BUNDLED, &DeviceInfo::cpu()).unwrap();
        let (coded, y_hat) = right.encode_keeping(&latents(&right, h, w), level).unwrap();
        let mut model = faulty();
        let decode = |model: &Model, checksum| {
            model.decode_checked(&borrowed(&coded), checksum, h * CELL, w * CELL, level)
        };
        let checked = decode(&model, coded.checksum).unwrap();
        assert_eq!(checked.value, y_hat);
        assert!(checked.warning.is_some());
        // Damage stays damage.
        model = faulty();
        assert!(decode(&model, coded.checksum ^ 1).is_err());
    }

    #[test]
    fn cells_of_steps_are_counted() {
        for (row, m, w) in [(0, 8, 5), (1, 8, 5), (1, 4, 1), (0, 4, 8)] {
            for step in 0..STEPS {
                let counted = (0..m)
                    .flat_map(|c| (0..w).map(move |j| codes(step, row, j, quarter(c, m))))
                    .filter(|coded| *coded)
                    .count();
                assert_eq!(cells(step..step + 1, row, m, w), counted, "{row} {m} {w}");
            }
            assert_eq!(cells(0..STEPS, row, m, w), m * w);
        }
    }
}
