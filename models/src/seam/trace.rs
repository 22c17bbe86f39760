//! What the path from streams to latents computes, laid open: for proofs that two devices, or two programs, agree in every
//! integer.

use kiln_entropy::{Checksum, Record};
use ndarray::Array3;

use super::Latents;

/// What a decoder makes of the streams of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What was coded, stream by stream: the place of each symbol, such as a row of a bank of tables, and the symbol.
    /// Symbols at places that are not coded are there too; they are 0.
    pub streams: Vec<Record>,
    /// The decoded latents.
    pub latents: Latents,
}

impl Trace {
    /// Number of symbols, coded or not.
    pub fn symbols(&self) -> u64 {
        self.streams.iter().map(|s| s.symbols.len() as u64).sum()
    }

    /// CRC-32C over the places of all streams, each as a little-endian `u64`.
    pub fn places_checksum(&self) -> u32 {
        let mut sum = Checksum::new();
        for place in self.streams.iter().flat_map(|s| s.places.iter()) {
            sum.update_i32(&[place as i32, (place >> 32) as i32]);
        }
        sum.finish()
    }

    /// How many places and how many numbers of the latents differ from those of another trace of the same picture.
    ///
    /// Returns `None` when the two are not of one size.
    pub fn differences(&self, other: &Self) -> Option<(u64, u64)> {
        let sizes = |t: &Self| t.streams.iter().map(|s| s.places.len()).collect::<Vec<_>>();
        if sizes(self) != sizes(other) {
            return None;
        }
        let places = self
            .streams
            .iter()
            .zip(&other.streams)
            .flat_map(|(a, b)| a.places.iter().zip(b.places.iter()))
            .filter(|(a, b)| a != b)
            .count();
        Some((places as u64, self.latents.differences(&other.latents)?))
    }
}

impl Latents {
    /// CRC-32C over all grids by row, channel and column, each number as a little-endian `i32`.
    ///
    /// The checksum in a file covers the symbols; this one also covers what is added to them.
    pub fn checksum(&self) -> u32 {
        let mut sum = Checksum::new();
        for plane in self.planes() {
            match plane.as_slice() {
                Some(all) => sum.update_i32(all),
                None => plane.iter().for_each(|v| sum.update_i32(&[*v])),
            }
        }
        sum.finish()
    }

    /// How many numbers differ from those of other latents; `None` when the two are not of one size.
    pub fn differences(&self, other: &Self) -> Option<u64> {
        let dims = |l: &Self| l.planes().iter().map(Array3::dim).collect::<Vec<_>>();
        (dims(self) == dims(other)).then(|| {
            let pairs = self.planes().iter().zip(other.planes());
            pairs
                .flat_map(|(a, b)| a.iter().zip(b))
                .filter(|(a, b)| a != b)
                .count() as u64
        })
    }
}
