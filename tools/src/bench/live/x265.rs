//! HEVC by the tool x265, one intra picture, decoded by ffmpeg.

use image::RgbImage;

use super::tool::{Scratch, Tool, arguments};
use super::yuv::{self, Chroma};
use super::{Adapter, about};
use crate::bench::codec::{About, Codec, Decoded, Encoded};
use crate::bench::results::Stages;

const ENCODE: &str = "--input {IN} --input-res {SIZE} --fps 1 --input-csp i444 --input-depth 10 --output-depth 10 \
    --profile main444-10 --frames 1 --keyint 1 --qp {Q} --ipratio 1 --preset veryslow --tune psnr --no-info --pools none \
    --frame-threads 1 --no-wpp -o {OUT}";
const DECODE: &str =
    "-v error -y -threads 1 -f hevc -i {IN} -f rawvideo -pix_fmt yuv444p10le {OUT}";

/// x265, BT.709 full range, 4:4:4, 10 bits, preset veryslow.
pub const HEVC: Adapter = Adapter {
    name: "hevc",
    about: "HEVC intra by x265 and ffmpeg, 4:4:4, 10 bits, preset veryslow",
    settings: &[45.0, 41.0, 37.0, 33.0, 29.0, 25.0, 22.0],
    built_in: false,
    open: |name| {
        let (x265, ffmpeg) = (Tool::find(&["x265"])?, Tool::find(&["ffmpeg"])?);
        let plain = |line: &str| line.replace(['{', '}'], "");
        let command = format!("x265 {} ; ffmpeg {}", plain(ENCODE), plain(DECODE));
        Ok(Box::new(Hevc {
            about: about(name, "qp", x265.version(&["--version"]), command),
            x265,
            ffmpeg,
        }))
    },
};

struct Hevc {
    about: About,
    x265: Tool,
    ffmpeg: Tool,
}

impl Codec for Hevc {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> anyhow::Result<Encoded> {
        let scratch = Scratch::new()?;
        let input = scratch.write("in.yuv", &yuv::encode(picture, Chroma::Full))?;
        let size = format!("{}x{}", picture.width(), picture.height());
        let (q, out) = (q.to_string(), scratch.path("out.hevc"));
        let values = [
            ("Q", q.as_ref()),
            ("SIZE", size.as_ref()),
            ("IN", input.as_ref()),
            ("OUT", out.as_ref()),
        ];
        let seconds = self.x265.run(arguments(ENCODE, &values))?;
        Ok(Encoded {
            bytes: scratch.read("out.hevc")?,
            seconds,
            stages: Stages::new(),
        })
    }

    fn decode(&self, bytes: &[u8], size: (u32, u32)) -> anyhow::Result<Decoded> {
        let scratch = Scratch::new()?;
        let (input, out) = (scratch.write("in.hevc", bytes)?, scratch.path("out.yuv"));
        let values = [("IN", input.as_ref()), ("OUT", out.as_ref())];
        let seconds = self.ffmpeg.run(arguments(DECODE, &values))?;
        Ok(Decoded {
            picture: yuv::decode(&scratch.read("out.yuv")?, size, Chroma::Full)?,
            seconds,
            stages: Stages::new(),
        })
    }
}
