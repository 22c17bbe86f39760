//! The subcommands: from what was typed to ready values, then through the library.

mod batch;
pub mod bench;
pub mod decode;
pub mod encode;
pub mod info;
mod model;
