//! VVC by VVenC, decoded by VVdeC. VVenC codes 4:2:0 only.

use image::RgbImage;
use image::imageops::crop_imm;

use super::tool::{Scratch, Tool, arguments};
use super::yuv::{self, Chroma};
use super::{Adapter, about};
use crate::bench::codec::{About, Codec, Decoded, Encoded};
use crate::bench::results::Stages;

const ENCODE: &str =
    "-i {IN} -s {SIZE} -c yuv420_10 --fps 1 -f 1 --preset slower -q {Q} --qpa 0 -t 1 -o {OUT}";
const DECODE: &str = "-b {IN} -o {OUT} -t 1";
/// Sides are filled up to a multiple of this by repeating the edge, and cut off again.
const STEP: u32 = 8;

/// VVenC, BT.709 full range, 4:2:0, 10 bits, preset slower.
pub const VVENC: Adapter = Adapter {
    name: "vvenc",
    about: "VVC intra by vvencapp and vvdecapp, 4:2:0, 10 bits, preset slower",
    settings: &[42.0, 37.0, 32.0, 27.0, 22.0],
    built_in: false,
    open: |name| {
        let (encoder, decoder) = (Tool::find(&["vvencapp"])?, Tool::find(&["vvdecapp"])?);
        let plain = |line: &str| line.replace(['{', '}'], "");
        let command = format!("vvencapp {} ; vvdecapp {}", plain(ENCODE), plain(DECODE));
        Ok(Box::new(Vvenc {
            about: about(name, "qp", encoder.version(&["--version"]), command),
            encoder,
            decoder,
        }))
    },
};

struct Vvenc {
    about: About,
    encoder: Tool,
    decoder: Tool,
}

/// The size that is coded.
fn whole((width, height): (u32, u32)) -> (u32, u32) {
    (width.next_multiple_of(STEP), height.next_multiple_of(STEP))
}

/// The picture with its edges repeated.
fn fill(picture: &RgbImage) -> RgbImage {
    let (right, bottom) = (picture.width() - 1, picture.height() - 1);
    let (width, height) = whole(picture.dimensions());
    RgbImage::from_fn(width, height, |x, y| {
        *picture.get_pixel(x.min(right), y.min(bottom))
    })
}

impl Codec for Vvenc {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> anyhow::Result<Encoded> {
        let scratch = Scratch::new()?;
        let filled = fill(picture);
        let input = scratch.write("in.yuv", &yuv::encode(&filled, Chroma::Half))?;
        let size = format!("{}x{}", filled.width(), filled.height());
        let (q, out) = (q.to_string(), scratch.path("out.vvc"));
        let values = [
            ("Q", q.as_ref()),
            ("SIZE", size.as_ref()),
            ("IN", input.as_ref()),
            ("OUT", out.as_ref()),
        ];
        let seconds = self.encoder.run(arguments(ENCODE, &values))?;
        Ok(Encoded {
            bytes: scratch.read("out.vvc")?,
            seconds,
            stages: Stages::new(),
        })
    }

    fn decode(&self, bytes: &[u8], size: (u32, u32)) -> anyhow::Result<Decoded> {
        let scratch = Scratch::new()?;
        let (input, out) = (scratch.write("in.vvc", bytes)?, scratch.path("out.yuv"));
        let values = [("IN", input.as_ref()), ("OUT", out.as_ref())];
        let seconds = self.decoder.run(arguments(DECODE, &values))?;
        let filled = yuv::decode(&scratch.read("out.yuv")?, whole(size), Chroma::Half)?;
        Ok(Decoded {
            picture: crop_imm(&filled, 0, 0, size.0, size.1).to_image(),
            seconds,
            stages: Stages::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn edges_are_repeated() {
        let picture = RgbImage::from_fn(9, 8, |x, y| Rgb([x as u8, y as u8, 0]));
        let filled = fill(&picture);
        assert_eq!(filled.dimensions(), (16, 8));
        assert_eq!(filled.get_pixel(15, 3), &Rgb([8, 3, 0]));
        assert_eq!(crop_imm(&filled, 0, 0, 9, 8).to_image(), picture);
    }
}
