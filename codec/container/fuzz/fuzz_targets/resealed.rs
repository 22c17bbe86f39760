//! Bytes whose checksums are made right first, so that damage gets past them.
#![no_main]

use kiln_container::fuzz::parse_resealed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parse_resealed(bytes));
