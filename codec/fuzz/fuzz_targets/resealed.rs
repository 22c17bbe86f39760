//! The same behind the checksums of the container, which are made right first, so that damage reaches symbols and pixels.
#![no_main]

use std::sync::LazyLock;

use kiln::{Decoder, fuzz};
use kiln_container::reseal;
use libfuzzer_sys::fuzz_target;

static DECODER: LazyLock<Decoder> = LazyLock::new(fuzz::small_decoder);

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    reseal(&mut bytes);
    // Which of the two it is says nothing here.
    let _ = fuzz::decode_any(&DECODER, &bytes);
});
