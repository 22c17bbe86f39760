//! Pictures made of the input come back.
#![no_main]

use kiln_graphics::fuzz::encode_any;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| encode_any(bytes));
