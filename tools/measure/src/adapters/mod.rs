//! Other codecs, ready to be measured: each a small file that says which version runs, and how.
//!
//! Some are compiled in, the others are tools that are looked for in `PATH`. All of them get the same 8-bit RGB
//! pixels, write a file, and give 8-bit RGB back; a tool's input and output pictures are written and read outside of
//! its time.
//!
//! ```
//! use kiln_measure::adapters::adapter;
//! use kiln_measure::codec::measure_row;
//! use kiln_measure::metrics::MetricGroup;
//!
//! let picture = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, 9]));
//! let webp = adapter("webp").ok_or("no such codec")?.open()?;
//! let row = measure_row(webp.as_ref(), "gradient", &picture, 80.0, &[MetricGroup::Psnr])?;
//! assert!(row.bpp < 3.0 && row.quality.psnr > Some(35.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod avif;
mod jpeg;
mod jpeg_tool;
mod jxl;
mod pair;
mod pictures;
mod tool;
mod vtm;
mod vvenc;
mod webp;
mod webp_tool;
mod x265;
mod yuv;

use image::RgbImage;

use crate::codec::{About, Codec, CodecError};
use crate::results::Origin;

/// A codec that can be measured.
#[derive(Debug)]
pub struct Adapter {
    /// The name in results.
    pub name: &'static str,
    /// What it is and how it runs, in one line.
    pub about: &'static str,
    /// Settings that cover the usual range of rates, from the smallest files to the largest.
    pub settings: &'static [f64],
    /// Whether it is compiled in, and so runs everywhere.
    pub built_in: bool,
    open: fn(&'static str) -> Result<Box<dyn Codec>, CodecError>,
}

impl Adapter {
    /// Makes the codec ready.
    ///
    /// # Errors
    /// A tool or its configuration is not installed.
    pub fn open(&self) -> Result<Box<dyn Codec>, CodecError> {
        (self.open)(self.name)
    }
}

/// All of them.
pub const ADAPTERS: [Adapter; 11] = [
    jpeg::MOZJPEG,
    jpeg::JPEG,
    webp::WEBP,
    jpeg_tool::CJPEG,
    webp_tool::CWEBP,
    avif::AVIF,
    avif::AVIF_444,
    jxl::JXL,
    x265::HEVC,
    vtm::VTM,
    vvenc::VVENC,
];

/// The adapter of a name.
pub fn adapter(name: &str) -> Option<&'static Adapter> {
    ADAPTERS.iter().find(|adapter| adapter.name == name)
}

/// What all adapters have in common. The identity is version and command: files depend on nothing else.
fn about(name: &'static str, setting: &'static str, version: String, command: String) -> About {
    About {
        name: name.into(),
        origin: Origin::Live,
        identity: format!("{name}, {version}, {command}"),
        version,
        command,
        setting: setting.into(),
        decoder_set: None,
        cost: None,
    }
}

/// 8-bit RGB samples as a picture.
fn picture(samples: Vec<u8>, width: usize, height: usize) -> Option<RgbImage> {
    RgbImage::from_raw(
        u32::try_from(width).ok()?,
        u32::try_from(height).ok()?,
        samples,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::psnr;
    use image::imageops::crop_imm;

    #[test]
    fn names_are_unique_and_settings_are_there() {
        for adapter in &ADAPTERS {
            let same = ADAPTERS.iter().filter(|other| other.name == adapter.name);
            assert_eq!(same.count(), 1, "{}", adapter.name);
            assert!(adapter.settings.len() > 3, "{}", adapter.name);
        }
        assert!(adapter("mozjpeg").is_some() && adapter("none").is_none());
    }

    /// The versions are constants here and pinned in the manifest of the workspace.
    #[test]
    fn versions_are_those_that_the_manifest_pins() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        for (name, version) in [("mozjpeg-sys", jpeg::CRATE), ("libwebp-sys", webp::CRATE)] {
            let pin = format!("\n{name} = {{ version = \"={version}\"");
            assert!(manifest.contains(&pin), "{name} {version}");
        }
    }

    /// What is compiled in runs everywhere: more bytes buy better pictures.
    #[test]
    fn built_in_codecs_trade_bytes_for_quality() {
        let path = kiln_datasets::kodak_folder().unwrap().join("kodim05.png");
        let photo = image::open(path).unwrap().into_rgb8();
        let crop = crop_imm(&photo, 90, 60, 133, 75).to_image();
        for adapter in ADAPTERS.iter().filter(|adapter| adapter.built_in) {
            let codec = adapter.open().unwrap();
            let (mut bytes, mut decibels) = (0, 0.0);
            for &q in adapter.settings {
                let file = codec.encode(&crop, q).unwrap().value;
                let decoded = codec.decode(&file, crop.dimensions()).unwrap().value;
                let psnr = psnr(&crop, &decoded).unwrap();
                assert!(
                    file.len() > bytes && psnr > decibels,
                    "{} at {q}",
                    adapter.name
                );
                (bytes, decibels) = (file.len(), psnr);
            }
            assert!(decibels > 30.0, "{}: {decibels}", adapter.name);
            assert!(codec.decode(b"no file", crop.dimensions()).is_err());
        }
    }
}
