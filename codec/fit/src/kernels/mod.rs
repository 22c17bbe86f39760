//! Arithmetic on vectors, the same code for every width of a register (crate `pulp`).
//!
//! `pulp` chooses the machine's instructions for what is inlined into [`pulp::WithSimd::with_simd`], and for nothing else:
//! a closure that is not inlined, even the one of `map` over an array, runs without them, a hundred times slower. So
//! functions on vectors are `#[inline(always)]`, and loops stand where `map` would.

pub(crate) mod dense;
pub(crate) mod lanes;
mod memory;
pub(crate) mod rows;

pub(crate) use memory::Aligned;
