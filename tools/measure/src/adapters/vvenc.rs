//! VVC by VVenC, decoded by VVdeC. VVenC codes 4:2:0 only.

use super::Adapter;
use super::pair::{self, Commands};
use super::pictures::Pictures;
use super::yuv::Chroma;

/// VVenC, BT.709 full range, 4:2:0, 10 bits, preset slower.
pub const VVENC: Adapter = Adapter {
    name: "vvenc",
    about: "VVC intra by vvencapp and vvdecapp, 4:2:0, 10 bits, preset slower",
    settings: &[42.0, 37.0, 32.0, 27.0, 22.0],
    built_in: false,
    open: |name| pair::open(name, &COMMANDS),
};

const COMMANDS: Commands = Commands {
    encode: (
        &["vvencapp"],
        "-i {IN} -s {SIZE} -c yuv420_10 -r 1 -f 1 --preset slower -q {Q} --qpa 0 -t 1 -o {OUT}",
    ),
    decode: (&["vvdecapp"], "-b {IN} -o {OUT} -t 1"),
    version: &["--version"],
    setting: "qp",
    pictures: Pictures::Raw {
        chroma: Chroma::Half,
        step: 8,
    },
    extension: "vvc",
    configuration: None,
};
