//! Codecs measured in the same run as kiln: each a small file that says which version runs, and how.
//!
//! Some are compiled in, the others are tools that are looked for in `PATH`. All of them get the same 8-bit RGB pixels, write
//! a file, and give 8-bit RGB back; a tool's input and output pictures are written and read outside of its time.

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

use super::codec::{About, Codec};
use super::results::Origin;

/// A codec that can be measured live.
pub struct Adapter {
    /// What `--live` and results call it.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Settings to measure.
    pub settings: &'static [f64],
    /// Whether it is compiled in.
    pub built_in: bool,
    /// Makes it ready, or says why it cannot run.
    pub open: fn(&'static str) -> anyhow::Result<Box<dyn Codec>>,
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

/// What all adapters say alike. The identity is version and command: files depend on nothing else.
fn about(name: &'static str, setting: &'static str, version: String, command: String) -> About {
    About {
        name: name.into(),
        origin: Origin::Live,
        identity: format!("{name}, {version}, {command}"),
        version,
        command,
        setting,
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

/// Version of a crate that this program was built with, from the lock file of the workspace.
fn crate_version(name: &str) -> String {
    let lock = include_str!("../../../../Cargo.lock");
    let head = format!("name = \"{name}\"\nversion = \"");
    lock.split_once(&head)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or_else(|| "unknown".to_owned(), |(version, _)| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::psnr::psnr;
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

    #[test]
    fn versions_come_from_the_lock_file() {
        assert!(crate_version("mozjpeg-sys").contains('.'));
        assert_eq!(crate_version("no-such-crate"), "unknown");
    }

    /// What is compiled in runs everywhere: more bytes buy better pictures.
    #[test]
    fn built_in_codecs_trade_bytes_for_quality() {
        let path = kiln_datasets::kodak_folder().unwrap().join("kodim05.png");
        let photo = image::open(path).unwrap().into_rgb8();
        let crop = crop_imm(&photo, 90, 60, 133, 75).to_image();
        for adapter in ADAPTERS.iter().filter(|adapter| adapter.built_in) {
            let codec = (adapter.open)(adapter.name).unwrap();
            let (mut bytes, mut decibels) = (0, 0.0);
            for &q in adapter.settings {
                let encoded = codec.encode(&crop, q).unwrap();
                let decoded = codec.decode(&encoded.bytes, crop.dimensions()).unwrap();
                let psnr = psnr(&crop, &decoded.picture).unwrap();
                assert!(
                    encoded.bytes.len() > bytes && psnr > decibels,
                    "{} at {q}",
                    adapter.name
                );
                (bytes, decibels) = (encoded.bytes.len(), psnr);
            }
            assert!(decibels > 30.0, "{}: {decibels}", adapter.name);
            assert!(codec.decode(b"no file", crop.dimensions()).is_err());
        }
    }
}
