//! Making samples: kiln near a rate, and WebP at nearly the same number of bytes.

use anyhow::{Context, anyhow};
use image::{DynamicImage, RgbImage};
use kiln::picture::{self, Metadata, Picture, PictureLimits};
use kiln::{Decoder, EncodeOptions, Encoded, Encoder, ErrorKind, LEVELS, Model, Target};
use kiln_datasets::{Dataset, Item};

use super::{Coded, Rect, Sample};
use crate::files::{self, Source};
use crate::measure::psnr::psnr;
use crate::progress::Progress;

/// Steps of the search for a quality of WebP: 100 / 2^10 is finer than its files change.
const STEPS: u32 = 10;
/// Effort of WebP: the most.
const METHOD: i32 = 6;

/// One sample for each picture, at the level whose file is nearest to `bpp`.
pub fn samples(
    model: &Model,
    dataset: &Dataset,
    bpp: f64,
    progress: &Progress,
) -> anyhow::Result<Vec<Sample>> {
    let (encoder, decoder) = (Encoder::new(model.clone()), Decoder::new(model.clone()));
    let total = dataset.len() as u64;
    dataset
        .iter()
        .enumerate()
        .map(|(index, item)| {
            progress.set(&item.name, index as u64, total);
            sample(&encoder, &decoder, item, bpp).with_context(|| item.name.clone())
        })
        .collect()
}

fn sample(encoder: &Encoder, decoder: &Decoder, item: &Item, bpp: f64) -> anyhow::Result<Sample> {
    let bytes = files::read(&Source::File(item.path.clone()))?;
    let source = picture::load(&bytes, &PictureLimits::default())?
        .image
        .into_rgb8();
    let pixels = f64::from(source.width()) * f64::from(source.height());
    let coded = |name: String, bytes: usize, picture: RgbImage| -> anyhow::Result<Coded> {
        Ok(Coded {
            name,
            bytes: bytes as u64,
            bpp: 8.0 * bytes as f64 / pixels,
            psnr: psnr(&source, &picture).context("it came back in another size")?,
            picture,
        })
    };

    let encoded = nearest(encoder, &source, bpp)?;
    let decoded = decoder.decode(&encoded.bytes)?.picture.image.into_rgb8();
    let kiln = coded(
        format!("kiln, level {}", encoded.level),
        encoded.bytes.len(),
        decoded,
    )?;
    let (quality, webp) = webp_near(&source, encoded.bytes.len())?;
    let decoded = decode_webp(&webp).context("WebP cannot read its own file")?;
    let webp = coded(format!("WebP, quality {quality:.1}"), webp.len(), decoded)?;
    Ok(Sample {
        picture: item.name.clone(),
        crop: Rect::middle(source.width(), source.height()),
        source,
        kiln,
        anchors: vec![webp],
    })
}

/// The file of the level whose rate is nearest to `bpp`.
fn nearest(encoder: &Encoder, source: &RgbImage, bpp: f64) -> anyhow::Result<Encoded> {
    let picture = Picture {
        image: DynamicImage::ImageRgb8(source.clone()),
        metadata: Metadata::default(),
    };
    let encode = |target| encoder.encode(&picture, &EncodeOptions::default().with_target(target));
    let below = match encode(Target::Bpp(bpp)) {
        Ok(encoded) => encoded,
        // Out of reach: even the smallest file is larger.
        Err(error) if error.kind() == ErrorKind::Parameter => {
            return Ok(encode(Target::Level(0))?);
        }
        Err(error) => return Err(error.into()),
    };
    if below.level + 1 >= LEVELS {
        return Ok(below);
    }
    let above = encode(Target::Level(below.level + 1))?;
    let wanted = bpp * f64::from(source.width()) * f64::from(source.height()) / 8.0;
    let distance = |encoded: &Encoded| (encoded.bytes.len() as f64 - wanted).abs();
    Ok(if distance(&above) < distance(&below) {
        above
    } else {
        below
    })
}

/// The quality at which WebP comes nearest to so many bytes, and its file. Sizes grow with the quality, but for a few bytes.
fn webp_near(source: &RgbImage, bytes: usize) -> anyhow::Result<(f32, Vec<u8>)> {
    let (mut low, mut high) = (0.0f32, 100.0f32);
    let mut best = (low, encode_webp(source, low)?);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        let file = encode_webp(source, middle)?;
        if file.len() > bytes {
            high = middle;
        } else {
            low = middle;
        }
        if file.len().abs_diff(bytes) < best.1.len().abs_diff(bytes) {
            best = (middle, file);
        }
    }
    Ok(best)
}

fn encode_webp(source: &RgbImage, quality: f32) -> anyhow::Result<Vec<u8>> {
    let mut config =
        webp::WebPConfig::new().map_err(|()| anyhow!("libwebp has another version"))?;
    config.quality = quality;
    config.method = METHOD;
    let file = webp::Encoder::from_rgb(source, source.width(), source.height())
        .encode_advanced(&config)
        .map_err(|error| anyhow!("WebP at quality {quality}: {error:?}"))?;
    Ok(file.to_vec())
}

/// Decodes with libwebp, as browsers do.
fn decode_webp(file: &[u8]) -> Option<RgbImage> {
    let decoded = webp::Decoder::new(file).decode()?;
    (!decoded.is_alpha())
        .then(|| RgbImage::from_raw(decoded.width(), decoded.height(), decoded.to_vec()))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::imageops;

    fn crop() -> RgbImage {
        let path = kiln_datasets::kodak_folder().unwrap().join("kodim05.png");
        let whole = image::open(path).unwrap().into_rgb8();
        imageops::crop_imm(&whole, 200, 100, 240, 180).to_image()
    }

    #[test]
    fn webp_comes_near_the_size_asked_for() {
        let crop = crop();
        for wanted in [2500, 6000, 14_000] {
            let (quality, file) = webp_near(&crop, wanted).unwrap();
            let off = file.len().abs_diff(wanted) as f64 / wanted as f64;
            assert!(
                off < 0.03,
                "{} bytes at {quality}, not {wanted}",
                file.len()
            );
            let back = decode_webp(&file).unwrap();
            assert!(psnr(&crop, &back).unwrap() > 20.0);
        }
        // Out of reach: the smallest there is.
        let (quality, file) = webp_near(&crop, 1).unwrap();
        assert!(quality < 1.0 && !file.is_empty());
    }

    #[test]
    fn kiln_takes_the_nearest_level() {
        let model = Model::bundled(&kiln::DeviceChoice::Cpu).unwrap();
        let encoder = Encoder::new(model);
        let crop = crop();
        let bpp = |encoded: &Encoded| 8.0 * encoded.bytes.len() as f64 / (240.0 * 180.0);
        let found = nearest(&encoder, &crop, 0.8).unwrap();
        let picture = Picture {
            image: crop.clone().into(),
            metadata: Metadata::default(),
        };
        for level in [found.level - 1, found.level + 1] {
            let options = EncodeOptions::default().with_target(Target::Level(level));
            let other = encoder.encode(&picture, &options).unwrap();
            assert!((bpp(&other) - 0.8).abs() >= (bpp(&found) - 0.8).abs());
        }
        assert_eq!(nearest(&encoder, &crop, 0.001).unwrap().level, 0);
        assert_eq!(nearest(&encoder, &crop, 90.0).unwrap().level, LEVELS - 1);
    }
}
