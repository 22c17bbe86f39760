//! HEVC by the tool x265, one intra picture, decoded by ffmpeg.

use super::Adapter;
use super::pair::{self, Commands};
use super::pictures::Pictures;
use super::yuv::Chroma;

/// x265, BT.709 full range, 4:4:4, 10 bits, preset veryslow.
pub const HEVC: Adapter = Adapter {
    name: "hevc",
    about: "HEVC intra by x265 and ffmpeg, 4:4:4, 10 bits, preset veryslow",
    settings: &[45.0, 41.0, 37.0, 33.0, 29.0, 25.0, 22.0],
    built_in: false,
    open: |name| pair::open(name, &COMMANDS),
};

const COMMANDS: Commands = Commands {
    encode: (
        &["x265"],
        "--input {IN} --input-res {SIZE} --fps 1 --input-csp i444 --input-depth 10 --output-depth 10 \
        --profile main444-10 --frames 1 --keyint 1 --qp {Q} --ipratio 1 --preset veryslow --tune psnr --no-info --pools none \
        --frame-threads 1 --no-wpp -o {OUT}",
    ),
    decode: (
        &["ffmpeg"],
        "-v error -y -threads 1 -f hevc -i {IN} -f rawvideo -pix_fmt yuv444p10le {OUT}",
    ),
    version: &["--version"],
    setting: "qp",
    pictures: Pictures::Raw {
        chroma: Chroma::Full,
        step: 1,
    },
    extension: "hevc",
    configuration: None,
};
