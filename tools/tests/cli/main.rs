//! The real binary, with the bundled weights, on small crops of Kodak pictures.

mod batches;
mod compare;
mod files;
mod fits;
#[cfg(unix)]
mod interrupts;
mod scratch;
mod streams;
mod usage;
