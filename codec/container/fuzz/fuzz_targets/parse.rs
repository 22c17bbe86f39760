//! Bytes as they come: whatever is accepted is written back byte for byte.
#![no_main]

use kiln_container::fuzz::parse_any;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parse_any(bytes));
