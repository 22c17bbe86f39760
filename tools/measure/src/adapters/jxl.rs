//! JPEG XL by the tools of libjxl.

use super::Adapter;
use super::pair::{self, Commands};
use super::pictures::Pictures;

/// libjxl's `cjxl` and `djxl`.
pub const JXL: Adapter = Adapter {
    name: "jxl",
    about: "JPEG XL by cjxl and djxl, effort 7, not tuned for PSNR",
    settings: &[12.0, 8.0, 5.0, 3.0, 2.0, 1.4, 1.0],
    built_in: false,
    open: |name| pair::open(name, &COMMANDS),
};

const COMMANDS: Commands = Commands {
    encode: (&["cjxl"], "{IN} {OUT} -d {Q} -e 7 --num_threads=0 --quiet"),
    decode: (&["djxl"], "{IN} {OUT} --num_threads=0 --quiet"),
    version: &["--version"],
    setting: "distance",
    pictures: Pictures::Files {
        input: "ppm",
        output: "ppm",
    },
    extension: "jxl",
    configuration: None,
};
