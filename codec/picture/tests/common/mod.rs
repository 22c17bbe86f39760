//! Files taken apart and put together again.
// Each test crate uses its own part of this module.
#![allow(dead_code)]

use image::{DynamicImage, Rgb, RgbImage};
use kiln_picture::{Format, LoadOptions, Loaded, Picture, PictureError, StoreOptions, load, store};

/// A picture of 21 x 14 pixels in colour.
pub fn picture() -> Picture {
    let image = RgbImage::from_fn(21, 14, |x, y| {
        Rgb([(x * 12) as u8, (y * 18) as u8, (x * y) as u8])
    });
    Picture::from(DynamicImage::from(image))
}

pub fn stored(format: Format) -> Vec<u8> {
    store(&picture(), format, &StoreOptions::default())
        .unwrap()
        .0
}

pub fn read(bytes: &[u8]) -> Loaded {
    load(bytes, &LoadOptions::default()).unwrap()
}

/// The file, and its warnings as users see them.
pub fn read_with_warnings(bytes: &[u8]) -> (Picture, Vec<String>) {
    let loaded = read(bytes);
    let warnings = loaded.warnings.iter().map(ToString::to_string).collect();
    (loaded.picture, warnings)
}

/// The text of the refusal.
pub fn refusal(bytes: &[u8]) -> String {
    match load(bytes, &LoadOptions::default()) {
        Err(PictureError::Unsupported(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

/// A JPEG segment.
pub fn segment(marker: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![0xFF, marker];
    out.extend((content.len() as u16 + 2).to_be_bytes());
    out.extend(content);
    out
}

/// A stored JPEG with segments behind its JFIF header.
pub fn jpeg_with(segments: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = stored(Format::Jpeg);
    bytes.splice(20..20, segments.concat());
    bytes
}

pub fn png_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

/// A PNG chunk with its checksum.
pub fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&name[..], data].concat();
    let mut out = (data.len() as u32).to_be_bytes().to_vec();
    out.extend(&body);
    out.extend(png_crc(&body).to_be_bytes());
    out
}

/// A stored PNG with chunks behind its header.
pub fn png_with(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = stored(Format::Png);
    bytes.splice(33..33, chunks.concat());
    bytes
}

/// A WebP file of these chunks.
pub fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, data) in chunks {
        body.extend(*name);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(*data);
        body.extend(&[0][..data.len() % 2]);
    }
    [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
}

/// A generator that gives the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}
