//! Encoding and decoding every picture at every level.

use std::time::Instant;

use anyhow::{Context, ensure};
use image::{DynamicImage, RgbImage};
use kiln::picture::{self, Metadata, Picture, PictureLimits};
use kiln::{Decoder, EncodeOptions, Encoder, Target};
use kiln_datasets::{Dataset, Item};

use super::results::{Row, stages};
use crate::files::{self, Source};
use crate::measure::ms_ssim::ms_ssim;
use crate::measure::psnr::psnr;
use crate::progress::Progress;

/// An encoder and a decoder of one network.
pub struct Codec {
    /// Writes files.
    pub encoder: Encoder,
    /// Reads them.
    pub decoder: Decoder,
}

impl Codec {
    /// One row for every picture and level, pictures outside.
    pub fn measure(
        &self,
        dataset: &Dataset,
        levels: &[u8],
        progress: &Progress,
    ) -> anyhow::Result<Vec<Row>> {
        let total = (dataset.len() * levels.len()) as u64;
        let mut rows = Vec::with_capacity(dataset.len() * levels.len());
        for item in dataset {
            let original = read(item)?;
            if let (true, Some(&level)) = (rows.is_empty(), levels.first()) {
                // The first run on a device compiles kernels and touches memory for the first time.
                self.row(item, &original, level)?;
            }
            for &level in levels {
                progress.set(&item.name, rows.len() as u64, total);
                rows.push(self.row(item, &original, level)?);
            }
        }
        Ok(rows)
    }

    /// Encodes, decodes and compares.
    fn row(&self, item: &Item, original: &RgbImage, level: u8) -> anyhow::Result<Row> {
        let what = || format!("{} at level {level}", item.name);
        let picture = Picture {
            image: DynamicImage::ImageRgb8(original.clone()),
            metadata: Metadata::default(),
        };
        let options = EncodeOptions::default().with_target(Target::Level(level));
        let started = Instant::now();
        let encoded = self.encoder.encode(&picture, &options).with_context(what)?;
        let enc_s = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let decoded = self.decoder.decode(&encoded.bytes).with_context(what)?;
        let dec_s = started.elapsed().as_secs_f64();

        let result = decoded.picture.image.into_rgb8();
        ensure!(
            result.dimensions() == original.dimensions(),
            "{} came back in another size",
            what()
        );
        let (width, height) = original.dimensions();
        let bytes = encoded.bytes.len() as u64;
        Ok(Row {
            image: item.name.clone(),
            q: level,
            width,
            height,
            bytes,
            bpp: 8.0 * bytes as f64 / (f64::from(width) * f64::from(height)),
            psnr: psnr(original, &result).with_context(|| format!("{} has no pixels", what()))?,
            msssim: ms_ssim(original, &result),
            enc_s,
            dec_s,
            encode_stages: stages(encoded.stages.iter()),
            decode_stages: stages(decoded.stages.iter()),
        })
    }
}

/// The pixels of a picture as 8-bit RGB, which all measures are defined on.
fn read(item: &Item) -> anyhow::Result<RgbImage> {
    let source = Source::File(item.path.clone());
    let bytes = files::read(&source)?;
    let picture =
        picture::load(&bytes, &PictureLimits::default()).with_context(|| source.to_string())?;
    Ok(picture.image.into_rgb8())
}
