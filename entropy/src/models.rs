//! How symbols can be coded, one model each.

mod chained;
mod laplace;
mod mixture;
mod rows;
mod uniform;

pub use chained::{Chained, ChainedRow, FEEDBACK, INPUT, STATES, next_state};
pub use laplace::{Laplace, LaplaceAt};
pub use mixture::{Components, CurveSpec, Curves, MEAN_BITS, Mixture, WEIGHT_TOTAL};
pub use rows::Rows;
pub(crate) use rows::coded_indices;
pub use uniform::{Alphabet, Uniform};
