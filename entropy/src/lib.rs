//! Integers in, bytes out: frozen probability tables and the rANS coder of kiln.
//!
//! A network picks a *row* (an integer) for every symbol, [`Tables`] holds the frozen 16-bit
//! probabilities of each row, [`Writer`] turns `(row, symbol)` pairs into bytes and [`Reader`]
//! turns them back. Both implement [`Symbols`], so that one body of code can drive encoder and
//! decoder and the two cannot drift apart. No floating-point number takes part: floats appear only
//! in [`freeze`], which makes tables before they are stored, and in cost estimates.
//!
//! The bytes are specified in
//! [`CODING.md`](https://github.com/kiln-codec/kiln/blob/main/entropy/CODING.md). A stream carries
//! no length and no count: how many symbols there are comes from outside, and the [`Checksum`] of
//! the decoded symbols is what proves them right.
//!
//! ```
//! use kiln_entropy::{CodeError, Reader, RowSpec, Symbols, Tables, Writer, freeze};
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
//!     coder: &mut impl Symbols, tables: &Tables, first: &mut [i16], second: &mut [i16],
//! ) -> Result<(), CodeError> {
//!     coder.code_all(tables, &vec![1; first.len()], first)?;
//!     let rows: Vec<u8> = first.iter().map(|s| u8::from(s.abs() > 1)).collect();
//!     coder.code_all(tables, &rows, second)
//! }
//!
//! let (mut a, mut b) = ([0, 1, -3, 2, 0, 90], [0, 0, 2, -1, 0, 1]); // 90 escapes
//! let mut writer = Writer::new();
//! planes(&mut writer, &tables, &mut a, &mut b)?;
//! let bytes = writer.finish();
//!
//! let (mut c, mut d) = ([0; 6], [0; 6]);
//! let mut reader = Reader::new(&bytes)?;
//! planes(&mut reader, &tables, &mut c, &mut d)?;
//! reader.finish()?;
//! assert_eq!((a, b), (c, d));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod chains;
mod checksum;
pub mod chunks;
mod error;
mod escape;
pub mod freeze;
mod model;
mod reader;
mod symbols;
mod tables;
mod writer;

pub use chains::{Chains, FEEDBACK, INPUT, STATES, next_state};
pub use checksum::Checksum;
pub use error::{CodeError, TableError};
pub use reader::Reader;
pub use symbols::Symbols;
pub use tables::{RowSpec, Tables};
pub use writer::Writer;

/// State of the coder before the first symbol is written, and so after the last one is read.
///
/// Above 2^16 every symbol raises the state strictly, so no other point of a stream can show this
/// value; as little above as possible, because each doubling costs one bit per stream. The default
/// of the coder, 0, would be absorbing: a reader that has run past the end would stay there and
/// pass for complete.
const START: u64 = 0x0001_4B4C;
