//! The rate-distortion benchmark: measuring, results as data, and comparison with other codecs.

pub mod anchors;
pub mod compare;
pub mod results;
pub mod run;
pub mod table;
