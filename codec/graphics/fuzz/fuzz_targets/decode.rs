//! Bytes as they come: what is accepted survives being encoded.
#![no_main]

use kiln_graphics::fuzz::decode_any;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decode_any(bytes));
