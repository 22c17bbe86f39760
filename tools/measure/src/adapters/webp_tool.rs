//! WebP by the tools of libwebp.

use super::Adapter;
use super::pair::{self, Commands};
use super::pictures::Pictures;
use super::webp::SETTINGS;

/// libwebp's `cwebp` and `dwebp`.
pub const CWEBP: Adapter = Adapter {
    name: "cwebp",
    about: "WebP by the tools cwebp and dwebp, method 6",
    settings: SETTINGS,
    built_in: false,
    open: |name| pair::open(name, &COMMANDS),
};

const COMMANDS: Commands = Commands {
    encode: (&["cwebp"], "-quiet -q {Q} -m 6 {IN} -o {OUT}"),
    decode: (&["dwebp"], "-quiet {IN} -ppm -o {OUT}"),
    version: &["-version"],
    setting: "quality",
    pictures: Pictures::Files {
        input: "ppm",
        output: "ppm",
    },
    extension: "webp",
    configuration: None,
};
