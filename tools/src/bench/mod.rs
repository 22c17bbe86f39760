//! The rate-distortion benchmark: what is measured with `kiln-measure`, and kiln as one of the codecs.

pub mod journal;
pub mod kiln;
pub mod memory;
pub mod run;
pub mod samples;
pub mod save;
