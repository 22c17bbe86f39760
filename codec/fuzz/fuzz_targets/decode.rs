//! Bytes as they come: each ends in the picture that its header announces, or in an error that blames the file.
#![no_main]

use std::sync::LazyLock;

use kiln::{Decoder, fuzz};
use libfuzzer_sys::fuzz_target;

static DECODER: LazyLock<Decoder> = LazyLock::new(fuzz::small_decoder);

fuzz_target!(|bytes: &[u8]| {
    // Which of the two it is says nothing here.
    let _ = fuzz::decode_any(&DECODER, bytes);
});
