//! The rate-distortion benchmark: measuring, results as data, and comparison with other codecs.

pub mod anchors;
pub mod codec;
pub mod compare;
pub mod journal;
pub mod kiln;
pub mod live;
pub mod machine;
pub mod means;
pub mod memory;
pub mod quality;
pub mod results;
pub mod run;
pub mod save;
pub mod table;
