//! Integers in, bytes out: the rANS coder of kiln and its models of symbols.
//!
//! Two traits meet here. A [`SymbolModel`] knows how probable a symbol is at a place: a row of frozen [`Tables`]
//! ([`Rows`]), a row that depends on the symbols before ([`Chained`]), a [`Mixture`] or a
//! [`Laplace`] distribution whose parameters a network computes, or an alphabet of equally likely symbols ([`Uniform`]). A [`Coder`] decides what happens to the
//! symbols: a [`Writer`] turns them into bytes, a [`Reader`] fills them in from bytes, and others record, replay,
//! count or check them. Code that is generic over the coder does the same steps in every direction, so that encoder
//! and decoder cannot drift apart.
//!
//! No floating-point number takes part in coding: floats appear only in [`freeze`], which makes tables before they
//! are stored, and in estimates of cost.
//!
//! The bytes are specified in [`CODING.md`](https://github.com/kiln-codec/kiln/blob/main/entropy/CODING.md). A
//! stream carries no length and no count: how many symbols there are comes from outside, and the [`Checksum`] of the
//! decoded symbols is what proves them right.
//!
//! ```
//! use kiln_entropy::{CodeError, Coder, Reader, RowSpec, Rows, Tables, Tally, Writer, freeze};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two rows of 9 literals (-4..=4) and an escape bin; in practice they are loaded, not made.
//! let narrow = freeze::row(&freeze::gaussian(0.6, 4))?;
//! let wide = freeze::row(&freeze::gaussian(2.0, 4))?;
//! let tables = Tables::new(
//!     [RowSpec { first: -4, freqs: &narrow }, RowSpec { first: -4, freqs: &wide }],
//!     0,      // every row is coded
//!     32_767, // no symbol is larger than this
//! )?;
//!
//! /// One body for both directions: the second plane is conditioned on the first.
//! fn planes(
//!     coder: &mut impl Coder, tables: &Tables, first: &mut [i16], second: &mut [i16],
//! ) -> Result<(), CodeError> {
//!     let mut model = Rows::new(tables);
//!     coder.code(&mut model, &mut vec![1u8; first.len()], first)?;
//!     let mut rows: Vec<u8> = first.iter().map(|s| u8::from(s.abs() > 1)).collect();
//!     coder.code(&mut model, &mut rows, second)
//! }
//!
//! let (mut a, mut b) = ([0, 1, -3, 2, 0, 90], [0, 0, 2, -1, 0, 1]); // 90 escapes
//! let mut writer = Tally::new(Writer::new());
//! planes(&mut writer, &tables, &mut a, &mut b)?;
//! let (writer, written) = writer.into_parts();
//! let bytes = writer.finish();
//!
//! let (mut c, mut d) = ([0; 6], [0; 6]);
//! let mut reader = Tally::new(Reader::new(&bytes)?);
//! planes(&mut reader, &tables, &mut c, &mut d)?;
//! let (reader, read) = reader.into_parts();
//! reader.finish()?;
//! assert_eq!((a, b, written), (c, d, read));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod checksum;
mod coder;
mod coders;
mod error;
mod escape;
pub mod freeze;
mod models;
mod places;
mod rans;
mod raw_bits;
mod tables;

pub use checksum::Checksum;
pub use coder::{Coder, SymbolModel};
pub use coders::{Estimate, Follow, Limited, Reader, Record, Recorder, Replay, Tally, Writer};
pub use error::{CodeError, TableError};
pub use models::{
    Alphabet, Chained, ChainedRow, Components, CurveSpec, Curves, FEEDBACK, INPUT, Laplace,
    LaplaceAt, MEAN_BITS, Mixture, Rows, STATES, Uniform, WEIGHT_TOTAL, next_state,
};
pub use places::Places;
pub use rans::{RawReader, Slot, Slots};
pub use tables::{RowSpec, Tables};
