//! Pictures to look at: the same crop of an original and of what codecs made of it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, RgbImage, imageops};
use serde::Serialize;

use super::ReportError;

/// Width and height of a crop, where the picture is large enough.
const SIZE: (u32, u32) = (384, 256);
/// The most bytes of pictures in a report. Samples beyond it are left out.
const MOST_BYTES: usize = 9_000_000;

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Crop {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Crop {
    /// The middle of a picture of this size: nobody has to choose, so nobody can choose what flatters.
    pub fn middle(width: u32, height: u32) -> Self {
        // Tall pictures have a tall crop.
        let (w, h) = if height > width {
            (SIZE.1, SIZE.0)
        } else {
            SIZE
        };
        let (w, h) = (w.min(width), h.min(height));
        Self {
            x: (width - w) / 2,
            y: (height - h) / 2,
            width: w,
            height: h,
        }
    }
}

/// What a codec made of a picture.
#[derive(Clone, Debug)]
pub struct Coded {
    /// Name of the codec and its setting, for people.
    pub name: String,
    /// Length of the file.
    pub bytes: u64,
    /// Bits of the file per pixel of the whole picture.
    pub bpp: f64,
    /// PSNR of the whole picture, in decibels.
    pub psnr: f64,
    /// The whole decoded picture.
    pub picture: RgbImage,
}

/// One picture, and what codecs made of it at about the same size.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Name of the picture.
    pub picture: String,
    /// The part that is shown.
    pub crop: Crop,
    /// The whole original.
    pub source: RgbImage,
    /// What codecs made of it, the codec under test first.
    pub coded: Vec<Coded>,
}

/// A sample as the page holds it.
#[derive(Debug, Serialize)]
pub struct SampleView {
    picture: String,
    crop: Crop,
    images: Vec<ImageView>,
}

#[derive(Debug, Serialize)]
struct ImageView {
    name: String,
    /// Absent for the original.
    coded: Option<CodedView>,
    /// The crop, lossless.
    url: String,
}

#[derive(Debug, Serialize)]
struct CodedView {
    bytes: u64,
    bpp: f64,
    psnr: f64,
}

/// The samples with their crops as data URLs, and how many were left out because the page would grow too large.
pub fn views(samples: &[Sample]) -> Result<(Vec<SampleView>, usize), ReportError> {
    views_within(samples, MOST_BYTES)
}

fn views_within(samples: &[Sample], most: usize) -> Result<(Vec<SampleView>, usize), ReportError> {
    let mut views = Vec::new();
    let mut bytes = 0;
    for sample in samples {
        let view = view(sample)?;
        bytes += view.images.iter().map(|i| i.url.len()).sum::<usize>();
        if bytes > most {
            break;
        }
        views.push(view);
    }
    let left_out = samples.len() - views.len();
    Ok((views, left_out))
}

fn view(sample: &Sample) -> Result<SampleView, ReportError> {
    let size = sample.source.dimensions();
    let mut images = vec![ImageView {
        name: "Original".to_owned(),
        coded: None,
        url: data_url(&sample.source, sample.crop)?,
    }];
    for coded in &sample.coded {
        if coded.picture.dimensions() != size {
            return Err(ReportError::SampleSize {
                picture: sample.picture.clone(),
                codec: coded.name.clone(),
            });
        }
        images.push(ImageView {
            name: coded.name.clone(),
            coded: Some(CodedView {
                bytes: coded.bytes,
                bpp: coded.bpp,
                psnr: coded.psnr,
            }),
            url: data_url(&coded.picture, sample.crop)?,
        });
    }
    Ok(SampleView {
        picture: sample.picture.clone(),
        crop: sample.crop,
        images,
    })
}

/// A part of a picture as lossless WebP in a data URL.
fn data_url(picture: &RgbImage, crop: Crop) -> Result<String, ReportError> {
    let (width, height) = picture.dimensions();
    let ends = (
        crop.x.checked_add(crop.width),
        crop.y.checked_add(crop.height),
    );
    let inside = matches!(ends, (Some(right), Some(bottom)) if right <= width && bottom <= height);
    if !inside || crop.width == 0 || crop.height == 0 {
        return Err(ReportError::Crop {
            crop,
            width,
            height,
        });
    }
    let part = imageops::crop_imm(picture, crop.x, crop.y, crop.width, crop.height).to_image();
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp)
        .encode(&part, part.width(), part.height(), ExtendedColorType::Rgb8)
        .map_err(ReportError::Picture)?;
    Ok(format!(
        "data:image/webp;base64,{}",
        BASE64_STANDARD.encode(webp)
    ))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use image::Rgb;

    /// A sample of patterns.
    pub fn sample(name: &str, width: u32, height: u32) -> Sample {
        let pattern = |seed: u32| {
            RgbImage::from_fn(width, height, |x, y| {
                let n = (x + width * y + seed).wrapping_mul(0x9E37_79B9);
                Rgb([(n >> 24) as u8, (n >> 16) as u8, (n >> 8) as u8])
            })
        };
        let coded = |name: &str, seed| Coded {
            name: name.to_owned(),
            bytes: 1000,
            bpp: 0.3,
            psnr: 31.25,
            picture: pattern(seed),
        };
        Sample {
            picture: name.to_owned(),
            crop: Crop::middle(width, height),
            source: pattern(0),
            coded: vec![coded("kiln", 1), coded("WebP", 2)],
        }
    }

    #[test]
    fn crops_lie_in_the_middle() {
        let rect = |width, height| {
            let r = Crop::middle(width, height);
            (r.x, r.y, r.width, r.height)
        };
        assert_eq!(rect(768, 512), (192, 128, 384, 256));
        assert_eq!(rect(512, 768), (128, 192, 256, 384));
        assert_eq!(rect(100, 80), (0, 0, 100, 80));
        assert_eq!(rect(1, 1), (0, 0, 1, 1));
    }

    #[test]
    fn data_urls_hold_the_very_pixels() {
        let sample = sample("a", 500, 300);
        let url = data_url(&sample.source, sample.crop).unwrap();
        let base64 = url.strip_prefix("data:image/webp;base64,").unwrap();
        let bytes = BASE64_STANDARD.decode(base64).unwrap();
        let Crop {
            x,
            y,
            width,
            height,
        } = sample.crop;
        let back = image::load_from_memory(&bytes).unwrap().into_rgb8();
        let part = imageops::crop_imm(&sample.source, x, y, width, height).to_image();
        assert!(back == part);
    }

    #[test]
    fn a_crop_beyond_the_picture_and_another_size_are_errors() {
        let mut wrong = sample("a", 50, 40);
        wrong.crop.x = u32::MAX;
        assert!(views(&[wrong]).is_err());
        let mut wrong = sample("a", 50, 40);
        wrong.coded[0].picture = RgbImage::new(40, 50);
        let error = views(&[wrong]).unwrap_err().to_string();
        assert!(error.contains("kiln") && error.contains("size"), "{error}");
    }

    #[test]
    fn the_page_stays_within_its_size() {
        let samples = vec![sample("a", 64, 48); 5];
        let bytes = |views: &[SampleView]| -> usize {
            views
                .iter()
                .flat_map(|v| &v.images)
                .map(|i| i.url.len())
                .sum()
        };
        let (all, left_out) = views(&samples).unwrap();
        assert_eq!((all.len(), left_out), (5, 0));
        let most = bytes(&all[..3]);
        let (three, left_out) = views_within(&samples, most).unwrap();
        assert_eq!((bytes(&three), left_out), (most, 2));
        assert_eq!(views_within(&samples, most - 1).unwrap().1, 3);
    }
}
