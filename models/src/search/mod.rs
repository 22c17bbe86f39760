//! The encoder's choice of symbols, by the bits they take and the error they leave.

mod objective;
pub mod trellis;

pub(crate) use objective::bits_per_square;
pub use objective::{LAMBDA_MAX, LAMBDA_MIN, lambda_of};
