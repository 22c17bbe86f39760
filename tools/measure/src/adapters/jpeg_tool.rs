//! JPEG by the tools of libjpeg-turbo.

use super::Adapter;
use super::pair::{self, Commands};
use super::pictures::Pictures;

/// libjpeg-turbo's `cjpeg` and `djpeg`.
pub const CJPEG: Adapter = Adapter {
    name: "cjpeg",
    about: "JPEG by the tools cjpeg and djpeg, 4:2:0, progressive, optimised",
    settings: &[5.0, 10.0, 20.0, 35.0, 50.0, 70.0, 85.0],
    built_in: false,
    open: |name| pair::open(name, &COMMANDS),
};

const COMMANDS: Commands = Commands {
    encode: (
        &["cjpeg"],
        "-quality {Q} -sample 2x2 -optimize -progressive -outfile {OUT} {IN}",
    ),
    decode: (&["djpeg"], "-outfile {OUT} {IN}"),
    version: &["-version"],
    setting: "quality",
    pictures: Pictures::Files {
        input: "ppm",
        output: "ppm",
    },
    extension: "jpg",
    configuration: None,
};
