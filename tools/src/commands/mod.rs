//! The subcommands: from what was typed to ready values, then through the library.

mod batch;
pub mod bench;
pub mod bench_one;
pub mod compare;
pub mod dataset;
pub mod decode;
pub mod encode;
pub mod info;
mod model;
pub mod models;
pub mod report;
pub mod selftest;
#[cfg(feature = "train")]
pub mod train;
