//! AVIF by the tools of libavif, with the encoder aom.

use super::Adapter;
use super::pair::{self, Commands};
use super::pictures::Pictures;

/// 8 bits, 4:2:0, speed 6, which is `avifenc`'s own choice.
pub const AVIF: Adapter = Adapter {
    name: "avif",
    about: "AVIF by avifenc and avifdec, aom, 8 bits, 4:2:0, speed 6",
    settings: &[55.0, 46.0, 37.0, 28.0, 20.0, 12.0],
    built_in: false,
    open: |name| pair::open(name, &COMMANDS),
};

/// 10 bits, 4:4:4, speed 3: the stronger and slower one.
pub const AVIF_444: Adapter = Adapter {
    name: "avif-444",
    about: "AVIF by avifenc and avifdec, aom, 10 bits, 4:4:4, speed 3",
    settings: &[56.0, 48.0, 40.0, 33.0, 27.0, 21.0],
    built_in: false,
    open: |name| pair::open(name, &COMMANDS_444),
};

const COMMANDS: Commands = Commands {
    encode: (
        &["avifenc"],
        "-j 1 -c aom -s 6 -y 420 -d 8 --min 0 --max 63 -a end-usage=q -a cq-level={Q} -a tune=psnr {IN} {OUT}",
    ),
    decode: (&["avifdec"], "-j 1 {IN} {OUT} --png-compress 0"),
    version: &["--version"],
    setting: "cq-level",
    pictures: Pictures::Files {
        input: "png",
        output: "png",
    },
    extension: "avif",
    configuration: None,
};

const COMMANDS_444: Commands = Commands {
    encode: (
        &["avifenc"],
        "-j 1 -c aom -s 3 -y 444 -d 10 --min 0 --max 63 -a end-usage=q -a cq-level={Q} -a tune=psnr {IN} {OUT}",
    ),
    ..COMMANDS
};
