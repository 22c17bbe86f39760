//! Containers built from bytes: whatever is written is parsed back equal.
#![no_main]

use kiln_container::fuzz::write_any;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| write_any(bytes));
