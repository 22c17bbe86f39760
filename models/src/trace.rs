//! What the exact path computes, laid open: for proofs that two devices, or two programs, agree in every integer.

use kiln_entropy::{Chains, Checksum, CodeError, Reader, Symbols, Tables, Writer};
use ndarray::Array3;

use crate::config::HYPER_CELL;
use crate::model::Model;
use crate::{ModelError, grid, stripes};

/// What a decoder makes of the chunks of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The hyper latent: [zh, Z, zw].
    pub z: Array3<i32>,
    /// What was coded, stripe by stripe.
    pub stripes: Vec<StripeTrace>,
    /// The latent in fixed point: [h, M, w].
    pub y_hat: Array3<i32>,
}

/// Rows of tables and the symbols coded with them, in the order of coding: step by step. Symbols of
/// rows that are not coded are there too; they are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StripeTrace {
    /// Row of the bank of tables for y that coded each symbol.
    pub rows: Vec<u8>,
    /// Residuals of y.
    pub symbols: Vec<i16>,
}

impl Trace {
    /// Number of symbols: those of z and of y, coded or not.
    pub fn symbols(&self) -> u64 {
        let y: usize = self.stripes.iter().map(|s| s.symbols.len()).sum();
        (self.z.len() + y) as u64
    }

    /// CRC-32C over the rows of all stripes, each as a little-endian `i32`.
    pub fn rows_checksum(&self) -> u32 {
        let mut sum = Checksum::new();
        for stripe in &self.stripes {
            let rows: Vec<i32> = stripe.rows.iter().map(|&r| r.into()).collect();
            sum.update_i32(&rows);
        }
        sum.finish()
    }

    /// CRC-32C over y_hat: see [`latents_checksum`].
    pub fn latents_checksum(&self) -> u32 {
        latents_checksum(&self.y_hat)
    }

    /// How many rows and how many values of y_hat differ from those of another trace of the same picture.
    ///
    /// Returns `None` when the two are not of one size.
    pub fn differences(&self, other: &Trace) -> Option<(u64, u64)> {
        let sizes = |t: &Trace| t.stripes.iter().map(|s| s.rows.len()).collect::<Vec<_>>();
        if self.y_hat.dim() != other.y_hat.dim() || sizes(self) != sizes(other) {
            return None;
        }
        let rows = self
            .stripes
            .iter()
            .zip(&other.stripes)
            .flat_map(|(a, b)| a.rows.iter().zip(&b.rows))
            .filter(|(a, b)| a != b)
            .count();
        let y_hat = self
            .y_hat
            .iter()
            .zip(&other.y_hat)
            .filter(|(a, b)| a != b)
            .count();
        Some((rows as u64, y_hat as u64))
    }
}

/// CRC-32C over y_hat [h, M, w] by row, channel and column, each value as a little-endian `i32`.
///
/// The checksum in a file covers the symbols; this one also covers the means that the exact path adds to them.
pub fn latents_checksum(y_hat: &Array3<i32>) -> u32 {
    let mut sum = Checksum::new();
    match y_hat.as_slice() {
        Some(all) => sum.update_i32(all),
        None => y_hat.iter().for_each(|v| sum.update_i32(&[*v])),
    }
    sum.finish()
}

/// Decodes like the coder inside and keeps what passes.
struct Recorder<'a> {
    reader: Reader<'a>,
    trace: StripeTrace,
}

impl Symbols for Recorder<'_> {
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
        let reader = &mut self.reader;
        reader.code_chained(tables, rows, chain, chains, symbols)?;
        self.trace.rows.extend_from_slice(rows);
        self.trace.symbols.extend_from_slice(symbols);
        Ok(())
    }
}

/// Hands out known symbols, whatever the rows are, and keeps the rows.
struct Replay<'a> {
    known: &'a [i16],
    trace: StripeTrace,
}

impl Symbols for Replay<'_> {
    fn code(&mut self, _: &Tables, _: u16, symbol: &mut i32) -> Result<(), CodeError> {
        let mut one = [0];
        self.code_all_known(&mut one)?;
        *symbol = one[0].into();
        Ok(())
    }

    fn code_all(&mut self, _: &Tables, _: &[u8], symbols: &mut [i16]) -> Result<(), CodeError> {
        self.code_all_known(symbols)
    }

    fn code_chained(
        &mut self,
        tables: &Tables,
        rows: &mut [u8],
        chain: &[u16],
        chains: &mut Chains,
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        self.code_all_known(symbols)?;
        chains.resolve(tables, rows, chain, symbols)?;
        self.trace.rows.extend_from_slice(rows);
        self.trace.symbols.extend_from_slice(symbols);
        Ok(())
    }
}

impl Replay<'_> {
    fn code_all_known(&mut self, symbols: &mut [i16]) -> Result<(), CodeError> {
        let Some((these, rest)) = self.known.split_at_checked(symbols.len()) else {
            return Err(CodeError::Exhausted);
        };
        symbols.copy_from_slice(these);
        self.known = rest;
        Ok(())
    }
}

impl Model {
    /// Decodes like [`Model::decode_latents`] and keeps every row and symbol. The checksum of the symbols is left to the
    /// caller.
    ///
    /// # Errors
    /// As [`Model::decode_latents`], but for the checksum.
    pub fn trace(
        &self,
        chunks: &[&[u8]],
        height: usize,
        width: usize,
        level: u8,
    ) -> Result<Trace, ModelError> {
        let needed = 1 + stripes(height);
        let [first, rest @ ..] = chunks else {
            return Err(ModelError::Chunks { found: 0, needed });
        };
        if chunks.len() != needed {
            return Err(ModelError::Chunks {
                found: chunks.len(),
                needed,
            });
        }
        let (h, w) = grid(height, width);
        let z = self.read_hyper(first, (h, w), self.check_level(level)?)?;
        let coders = rest
            .iter()
            .map(|c| {
                Ok(Recorder {
                    reader: Reader::new(c)?,
                    trace: StripeTrace::default(),
                })
            })
            .collect::<Result<Vec<_>, CodeError>>()?;
        let (y_hat, coders) = self.code_with(coders, &z, (h, w), level)?;
        let stripes = coders
            .into_iter()
            .map(|c| c.reader.finish().map(|()| c.trace))
            .collect::<Result<_, _>>()?;
        Ok(Trace { z, stripes, y_hat })
    }

    /// Runs the exact path over the symbols of a trace instead of a stream: the rows and y_hat that this model comes to when
    /// all symbols before are right. Unlike a decoder it goes on after a wrong row, so that all of them can be counted.
    ///
    /// # Errors
    /// The trace is not that of a picture of this model, or the device fails.
    pub fn retrace(&self, known: &Trace, level: u8) -> Result<Trace, ModelError> {
        let (h, _, w) = known.y_hat.dim();
        let coders = known
            .stripes
            .iter()
            .map(|s| Replay {
                known: &s.symbols,
                trace: StripeTrace::default(),
            })
            .collect();
        let (y_hat, coders) = self.code_with(coders, &known.z, (h, w), level)?;
        Ok(Trace {
            z: known.z.clone(),
            stripes: coders.into_iter().map(|c| c.trace).collect(),
            y_hat,
        })
    }

    /// The chunks that hold a trace, as an encoder with these rows and symbols writes them.
    ///
    /// # Errors
    /// A symbol cannot be coded with its row: the trace is not that of a picture of this model.
    pub fn write_trace(&self, trace: &Trace, level: u8) -> Result<Vec<Vec<u8>>, ModelError> {
        let mut first = Writer::new();
        self.code_hyper(&mut first, &mut trace.z.clone(), self.check_level(level)?)?;
        let mut chunks = vec![first.finish()];
        for stripe in &trace.stripes {
            let mut writer = Writer::new();
            let mut symbols = stripe.symbols.clone();
            writer.code_all(self.y_tables(), &stripe.rows, &mut symbols)?;
            chunks.push(writer.finish());
        }
        Ok(chunks)
    }

    /// z [zh, Z, zw] out of its chunk, for a grid (h, w) of y.
    pub(crate) fn read_hyper(
        &self,
        chunk: &[u8],
        (h, w): (usize, usize),
        level: usize,
    ) -> Result<Array3<i32>, ModelError> {
        let mut z = Array3::zeros((
            h.div_ceil(HYPER_CELL),
            self.config().hyper,
            w.div_ceil(HYPER_CELL),
        ));
        let mut reader = Reader::new(chunk)?;
        self.code_hyper(&mut reader, &mut z, level)?;
        reader.finish()?;
        Ok(z)
    }
}
