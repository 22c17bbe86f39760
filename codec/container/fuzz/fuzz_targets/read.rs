//! Bytes that come a few at a time: reading frame by frame comes to the same as parsing at once.
#![no_main]

use kiln_container::fuzz::read_any;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| read_any(bytes));
