//! Parts of training that belong to the command: pictures, schedule, curve.

pub mod crops;
pub mod curve;
pub mod schedule;
