//! Rate-distortion curves and their comparison.

mod curve;
mod delta;
mod pchip;

pub use curve::{Curve, CurveError, Point};
pub use delta::{Delta, NoDelta, bd_quality, bd_rate};
pub use pchip::{Pchip, PchipError};
