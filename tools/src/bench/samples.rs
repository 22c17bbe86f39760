//! Samples for the page: each picture by kiln near a rate, and by WebP at nearly the same number of bytes.

use anyhow::Context;
use image::RgbImage;
use kiln_datasets::{Dataset, Item};
use kiln_measure::adapters;
use kiln_measure::codec::{Codec, nearest_size};
use kiln_measure::metrics::psnr;
use kiln_measure::report::{Coded, Crop, Sample};

use super::kiln::Kiln;
use crate::files::{self, Source};
use crate::progress::Progress;

/// One sample for each picture, with kiln at the level whose file is nearest to `bpp`.
pub fn samples(
    kiln: &Kiln,
    dataset: &Dataset,
    bpp: f64,
    progress: &Progress,
) -> anyhow::Result<Vec<Sample>> {
    let webp = adapters::adapter("webp").context("WebP is not compiled in")?;
    let webp = webp.open()?;
    let total = dataset.len() as u64;
    dataset
        .iter()
        .enumerate()
        .map(|(index, item)| {
            progress.set(&item.name, index as u64, total);
            sample(kiln, webp.as_ref(), item, bpp).with_context(|| item.name.clone())
        })
        .collect()
}

fn sample(kiln: &Kiln, webp: &dyn Codec, item: &Item, bpp: f64) -> anyhow::Result<Sample> {
    let (source, _) = files::read_rgb8(&Source::File(item.path.clone()))?;
    let (level, file) = kiln.nearest_rate(&source, bpp)?;
    let (quality, other) = nearest_size(webp, &source, 0.0..=100.0, file.len())?;
    Ok(Sample {
        picture: item.name.clone(),
        crop: Crop::middle(source.width(), source.height()),
        coded: vec![
            coded(kiln, &source, format!("kiln, level {level}"), &file)?,
            coded(webp, &source, format!("WebP, quality {quality:.1}"), &other)?,
        ],
        source,
    })
}

/// Decodes a file and measures it.
fn coded(codec: &dyn Codec, source: &RgbImage, name: String, file: &[u8]) -> anyhow::Result<Coded> {
    let picture = codec.decode(file, source.dimensions())?.value;
    let pixels = f64::from(source.width()) * f64::from(source.height());
    Ok(Coded {
        name,
        bytes: file.len() as u64,
        bpp: 8.0 * file.len() as f64 / pixels,
        psnr: psnr(source, &picture)?,
        picture,
    })
}
