//! The conformance set in `codec/conformance`: what is in it and how it is made.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, imageops};
use kiln::picture::{self, Format, Metadata};
use kiln::{
    Decoder, DeviceChoice, EncodeOptions, Encoder, Limits, Model, Picture, PixelDifference, Target,
};
use kiln_container::{Container, Header};
use kiln_models::seam::{Architecture, Given, Size};
use kiln_models::seam::{DeviceInfo, ExactChoice, Places, Trace, Unwatched};
use kiln_models::{BUNDLED, Weights};

/// Source and level of every file. All bands of quality; grey and colour, 8 and 16 bits, each kind of alpha; odd sizes,
/// one pixel, lines, several stripes, several tiles; symbols that escape their tables.
pub const FILES: [(&str, u8); 23] = [
    ("rgb", 0),
    ("rgb", 9),
    ("rgb", 18),
    ("rgb", 27),
    ("rgb", 36),
    ("rgb", 45),
    ("rgb", 54),
    ("rgb", 63),
    ("photo", 48),
    ("rgba", 45),
    ("opaque", 20),
    ("grey", 40),
    ("greya", 12),
    ("grey16", 55),
    ("greya16", 50),
    ("rgb16", 10),
    ("rgba16", 30),
    ("tall", 26),
    ("wide", 33),
    ("edges", 5),
    ("edges", 63),
    ("thin", 58),
    ("one", 0),
];

/// Files that a slow device can be asked for: small ones, of one shape, at the ends and the middle of the levels.
pub const SMALL: [(&str, u8); 3] = [("rgb", 0), ("rgb", 36), ("rgb", 63)];

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

pub fn source_path(source: &str) -> PathBuf {
    folder().join("source").join(format!("{source}.png"))
}

/// The file, or with another extension what it decodes to.
pub fn path(source: &str, level: u8, extension: &str) -> PathBuf {
    folder().join(format!("{source}-{level}.{extension}"))
}

/// Whether the set is to be made anew.
pub fn bless() -> bool {
    std::env::var_os("KILN_BLESS").is_some()
}

/// The bundled weights on the CPU.
pub fn cpu() -> Model {
    Model::bundled(&DeviceChoice::Cpu).unwrap()
}

/// Networks of a weights file on a device, the ones that pick probabilities too, whatever is known of the device.
pub fn networks(weights: &[u8], device: &DeviceInfo) -> Box<dyn Architecture> {
    let weights = Weights::open(weights).unwrap();
    let places = Places {
        exact: ExactChoice::Gpu,
        ..Places::on(device.clone())
    };
    kiln_models::arch::open(weights, &places).unwrap()
}

/// The networks of the bundled weights on the CPU.
pub fn reference() -> Box<dyn Architecture> {
    networks(BUNDLED, &DeviceInfo::cpu())
}

/// A crop of a Kodak picture: left, top, width, height.
fn photo(number: u32, [left, top, width, height]: [u32; 4]) -> RgbImage {
    let path = format!(
        "{}/../datasets/kodak/kodim{number:02}.png",
        env!("CARGO_MANIFEST_DIR")
    );
    let whole = load(Path::new(&path)).image.into_rgb8();
    imageops::crop_imm(&whole, left, top, width, height).to_image()
}

/// A smooth ramp with a slow wave, 0 to 65535.
fn ramp(x: u32, y: u32, seed: u32) -> u16 {
    let wave = (x * (3 + seed) + y * 5) % 128;
    let wave = wave.min(128 - wave) * 160;
    ((x * 701 + y * 397 + seed * 9000) % 50_000 + wave) as u16
}

/// The picture of a source. Everything is an integer function, so that each machine makes the same.
pub fn make(source: &str) -> DynamicImage {
    let fill = |width, height| (width, height);
    match source {
        "rgb" => photo(8, [200, 210, 97, 75]).into(),
        "photo" => photo(24, [120, 130, 321, 243]).into(),
        "rgba" => {
            let photo = photo(3, [300, 140, 65, 70]);
            let image = ImageBuffer::from_fn(65, 70, |x, y| {
                let [r, g, b] = photo.get_pixel(x, y).0;
                Rgba([r, g, b, (x * 4).min(255) as u8 ^ (y / 9) as u8])
            });
            DynamicImage::ImageRgba8(image)
        }
        "opaque" => {
            let photo = photo(23, [330, 90, 31, 33]);
            let image = ImageBuffer::from_fn(31, 33, |x, y| {
                let [r, g, b] = photo.get_pixel(x, y).0;
                Rgba([r, g, b, 255])
            });
            DynamicImage::ImageRgba8(image)
        }
        "grey" => DynamicImage::from(photo(19, [260, 300, 83, 61]))
            .into_luma8()
            .into(),
        "greya" => {
            let photo = DynamicImage::from(photo(20, [330, 250, 49, 50])).into_luma8();
            let image = ImageBuffer::from_fn(49, 50, |x, y| {
                LumaA([photo.get_pixel(x, y).0[0], ramp(x, y, 1).to_be_bytes()[0]])
            });
            DynamicImage::ImageLumaA8(image)
        }
        "grey16" => {
            let (w, h) = fill(80, 48);
            DynamicImage::ImageLuma16(ImageBuffer::from_fn(w, h, |x, y| Luma([ramp(x, y, 0)])))
        }
        "greya16" => {
            let (w, h) = fill(40, 24);
            DynamicImage::ImageLumaA16(ImageBuffer::from_fn(w, h, |x, y| {
                LumaA([ramp(x, y, 2), ramp(y, x, 3)])
            }))
        }
        "rgb16" => {
            let (w, h) = fill(33, 64);
            DynamicImage::ImageRgb16(ImageBuffer::from_fn(w, h, |x, y| {
                Rgb([ramp(x, y, 0), ramp(y, x, 1), ramp(x, y, 4)])
            }))
        }
        "rgba16" => {
            let (w, h) = fill(47, 18);
            DynamicImage::ImageRgba16(ImageBuffer::from_fn(w, h, |x, y| {
                Rgba([ramp(x, y, 0), ramp(y, x, 1), ramp(x, y, 4), ramp(x, x, 5)])
            }))
        }
        // 65 rows of cells: three stripes, the last of one row.
        "tall" => {
            let photo = photo(15, [350, 0, 24, 512]);
            let image = RgbImage::from_fn(24, 1030, |x, y| {
                *photo.get_pixel(
                    x,
                    if y < 512 {
                        y
                    } else {
                        1023u32.abs_diff(y) % 512
                    },
                )
            });
            image.into()
        }
        // Two tiles.
        "wide" => {
            let photo = photo(21, [0, 300, 768, 18]);
            let image = RgbImage::from_fn(1100, 18, |x, y| {
                *photo.get_pixel(if x < 768 { x } else { 1535 - x }, y)
            });
            image.into()
        }
        // Blocks of full contrast: residuals beyond their tables.
        "edges" => {
            let image = RgbImage::from_fn(67, 64, |x, y| {
                let cell = (x / 5) * 7 + (y / 3) * 13;
                let bit = |k: u32| {
                    if ((cell * cell + k * cell) / 3).is_multiple_of(2) {
                        0
                    } else {
                        255
                    }
                };
                Rgb([bit(1), bit(2), bit(4)])
            });
            image.into()
        }
        "thin" => photo(7, [300, 100, 1, 37]).into(),
        "one" => RgbImage::from_pixel(1, 1, Rgb([200, 30, 90])).into(),
        other => panic!("no source {other}"),
    }
}

pub fn load(path: &Path) -> Picture {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    picture::load(&bytes, &Default::default()).unwrap().picture
}

pub fn store(path: &Path, image: DynamicImage) {
    let picture = Picture {
        image,
        metadata: Metadata::default(),
    };
    let (bytes, _) = picture::store(&picture, Format::Png, &Default::default()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The file of a source at a level, encoded now.
pub fn encode(model: &Model, image: DynamicImage, level: u8) -> Vec<u8> {
    let picture = Picture {
        image,
        metadata: Metadata::default(),
    };
    let options = EncodeOptions::default()
        .with_target(Target::Level(level))
        .with_graphics(false);
    Encoder::new(model.clone())
        .encode(&picture, &options)
        .unwrap()
        .bytes
}

/// A kiln file taken apart.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    pub header: Header,
    pub level: u8,
    pub crc: u32,
    pub streams: Vec<Vec<u8>>,
}

impl Case {
    pub fn new(name: String, bytes: Vec<u8>) -> Self {
        let limits = kiln_container::Limits {
            max_pixels: Limits::default().max_pixels,
            ..Default::default()
        };
        let container = Container::parse(&bytes, &limits).unwrap();
        let header = container.header;
        let frame = container.frames.into_iter().next().unwrap();
        let streams = frame.streams.into_iter().map(|s| s.into_owned()).collect();
        Self {
            name,
            header,
            level: frame.level,
            crc: frame.symbols_crc,
            streams,
            bytes,
        }
    }

    pub fn read(source: &str, level: u8) -> Self {
        let path = path(source, level, "kiln");
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self::new(format!("{source}-{level}"), bytes)
    }

    pub fn size(&self) -> Size {
        Size {
            height: self.header.height as usize,
            width: self.header.width as usize,
        }
    }

    pub fn streams(&self) -> Vec<&[u8]> {
        self.streams.iter().map(Vec::as_slice).collect()
    }

    /// What both sides know before a symbol is coded.
    pub fn given(&self, model: &dyn Architecture) -> Given<'static> {
        Given {
            level: model.facts().levels.require(self.level).unwrap(),
            size: self.size(),
            watch: &Unwatched,
        }
    }

    /// What a model decodes, with the symbols proved by the checksum in the file.
    pub fn trace(&self, model: &dyn Architecture) -> Trace {
        let given = self.given(model);
        let decoded = model.decode(&self.streams(), self.crc, &given).unwrap();
        let trace = model.trace(&self.streams(), &given).unwrap();
        assert_eq!(trace.latents, decoded.value);
        trace
    }
}

/// How what a file decodes to now differs from what it decoded to when it was made.
pub fn pixels(decoder: &Decoder, case: &Case, stored: &Path) -> PixelDifference {
    let now = decoder.decode(&case.bytes).unwrap().picture.image;
    PixelDifference::between(&now, &load(stored).image).unwrap()
}
