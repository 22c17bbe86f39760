//! TIFF: pixels by the crate `image`, tags by the crate `tiff`.
//!
//! Kinds that `image` would read as something else are refused by name: CMYK, premultiplied alpha, channels without a
//! meaning.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::tiff::TiffDecoder;
use tiff::decoder::Decoder;
use tiff::decoder::ifd::Value;
use tiff::tags::Tag;

use super::decode_within;
use crate::parts::{Part, push_name};
use crate::{
    Density, DensityUnit, Format, Limits, LoadOptions, Metadata, Picture, PictureError, Text,
    Warning,
};

/// A block of pixels is unpacked beside the picture, and may be all of it.
const WORKING_BYTES: u64 = 8;

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let limits = &options.limits;
    let mut tags = Tags::open(bytes, limits)?;
    tags.check_kind()?;
    let metadata = tags.metadata(limits, warnings)?;
    let mut decoder = TiffDecoder::new(Cursor::new(bytes))
        .map_err(|error| PictureError::from_decoder(Format::Tiff, error))?;
    let mut bounds = image::Limits::no_limits();
    bounds.max_alloc = Some(limits.max_memory);
    decoder
        .set_limits(bounds)
        .map_err(|error| PictureError::from_decoder(Format::Tiff, error))?;
    let image = decode_within(Format::Tiff, decoder, WORKING_BYTES, limits)?;
    Ok(Picture { image, metadata })
}

fn damaged(reason: impl std::fmt::Display) -> PictureError {
    PictureError::damaged(Format::Tiff, reason)
}

fn unsupported(what: &str) -> PictureError {
    PictureError::Unsupported(format!("{what} is not supported"))
}

/// Bytes that the decoder takes for each byte of a list.
const LIST_BYTES: u64 = 80;

/// Tags that say nothing beside the pixels.
const SILENT: [u16; 30] = [
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284,
    296, 317, 322, 323, 324, 325, 338, 339, 347, 700, 34675,
];
/// Tags whose text is kept, and its keyword in PNG's list.
const TEXTS: [(Tag, &str); 6] = [
    (Tag::Unknown(269), "Title"),
    (Tag::ImageDescription, "Description"),
    (Tag::Artist, "Author"),
    (Tag::Copyright, "Copyright"),
    (Tag::Software, "Software"),
    (Tag::DateTime, "Creation Time"),
];
const XMP: Tag = Tag::Unknown(700);
const IPTC: Tag = Tag::Unknown(33_723);

struct Tags<'a> {
    decoder: Decoder<Cursor<&'a [u8]>>,
}

impl<'a> Tags<'a> {
    fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, PictureError> {
        if check_directory(bytes).is_none() {
            return Err(damaged("its tags reach beyond its end"));
        }
        let mut bounds = tiff::decoder::Limits::default();
        // Of a list, each byte is held as a value of its own, twice over.
        let most = limits.max_metadata.min(limits.max_memory / LIST_BYTES);
        bounds.ifd_value_size = usize::try_from(most).unwrap_or(usize::MAX);
        let decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?;
        Ok(Self {
            decoder: decoder.with_limits(bounds),
        })
    }

    fn number(&mut self, tag: Tag) -> Option<u32> {
        let values = self.numbers(tag)?;
        values.first().copied()
    }

    fn numbers(&mut self, tag: Tag) -> Option<Vec<u32>> {
        let value = self.decoder.find_tag(tag).ok().flatten()?;
        value.into_u32_vec().ok()
    }

    fn check_kind(&mut self) -> Result<(), PictureError> {
        let formats = self.numbers(Tag::SampleFormat).unwrap_or_default();
        match formats.first() {
            None | Some(1 | 4) => {}
            Some(2) => return Err(unsupported("TIFF with signed samples")),
            Some(_) => return Err(unsupported("TIFF with floating-point pixels")),
        }
        let kind = self.number(Tag::PhotometricInterpretation);
        let colours = match kind {
            Some(0 | 1) => 1,
            Some(2) => 3,
            Some(3) => return Err(unsupported("TIFF with a palette")),
            Some(5) => return Err(unsupported("CMYK TIFF")),
            Some(6) => return Err(unsupported("TIFF with YCbCr colours")),
            Some(8..=10) => return Err(unsupported("TIFF with Lab colours")),
            Some(_) => return Err(unsupported("TIFF with colours of this kind")),
            None => return Err(damaged("it does not say what its samples mean")),
        };
        let samples = self.number(Tag::SamplesPerPixel).unwrap_or(1);
        let extra = self.numbers(Tag::ExtraSamples).unwrap_or_default();
        match (samples.checked_sub(colours), extra.as_slice()) {
            (Some(0), []) => {}
            // Programs that leave the meaning of a fourth channel out write straight alpha.
            (Some(1), [2] | []) if colours == 3 => {}
            (Some(1), [2]) => return Err(unsupported("grey TIFF with alpha")),
            (Some(1), [1]) => return Err(unsupported("TIFF with premultiplied alpha")),
            (Some(_), _) => return Err(unsupported("TIFF with additional channels")),
            (None, _) => return Err(damaged("it has fewer channels than colours")),
        }
        let depths = self.numbers(Tag::BitsPerSample).unwrap_or_default();
        let depth = depths.first().copied().unwrap_or(1);
        if depths.iter().any(|&other| other != depth) {
            return Err(unsupported("TIFF with channels of different depth"));
        }
        match depth {
            1 if colours == 1 && samples == 1 => {}
            8 | 16 => {}
            bits => return Err(unsupported(&format!("TIFF with {bits} bits per sample"))),
        }
        // A decoder of JPEG that reads some files as others is behind it.
        if matches!(self.number(Tag::Compression), Some(6 | 7)) {
            return Err(unsupported("TIFF with JPEG inside"));
        }
        let order = self.number(Tag::FillOrder).unwrap_or(1);
        if order != 1 && depth == 1 {
            return Err(unsupported("TIFF with bits in reversed order"));
        }
        Ok(())
    }

    fn metadata(
        &mut self,
        limits: &Limits,
        warnings: &mut Vec<Warning>,
    ) -> Result<Metadata, PictureError> {
        let mut left_out = Vec::new();
        let icc = self.decoder.get_tag_u8_vec(Tag::IccProfile).ok();
        let xmp = self.decoder.get_tag_u8_vec(XMP).ok();
        let iptc = self.iptc();
        let mut text = Vec::new();
        for (tag, keyword) in TEXTS {
            let Ok(value) = self.decoder.get_tag_ascii_string(tag) else {
                continue;
            };
            text.push(Text {
                keyword: keyword.to_owned(),
                language: String::new(),
                text: value,
            });
        }
        limits.accept_texts(text.len(), text.iter().map(Text::size).sum())?;
        // An orientation of 1 is what every picture has.
        let orientation = self
            .number(Tag::Orientation)
            .filter(|n| (2..=8).contains(n));
        let known: Vec<u16> = TEXTS.iter().map(|(tag, _)| tag.to_u16()).collect();
        let tags: Vec<u16> = self
            .decoder
            .tag_iter()
            .flatten()
            .map(|(tag, _)| tag.to_u16())
            .collect();
        let has_exif = tags.contains(&34_665) || tags.contains(&34_853);
        if has_exif {
            left_out.push(String::from(Part::Exif));
        }
        let others = tags.iter().filter(|tag| {
            let is_exif = matches!(tag, 34_665 | 34_853);
            let is_iptc = **tag == IPTC.to_u16() && iptc.is_some();
            !SILENT.contains(tag) && !known.contains(tag) && !is_exif && !is_iptc
        });
        let mut numbers = Vec::new();
        others.for_each(|tag| push_name(&mut numbers, tag.to_string()));
        if !numbers.is_empty() {
            left_out.push(format!("the tags {}", numbers.join(", ")));
        }
        if self.decoder.more_images() {
            left_out.push("further pictures".to_owned());
        }
        warnings.extend(Warning::left_out(Format::Tiff.name(), left_out));
        Ok(Metadata {
            icc: limits.accept_block(Part::Icc, icc.as_deref())?,
            xmp: limits.accept_block(Part::Xmp, xmp.as_deref())?,
            iptc: limits.accept_block(Part::Iptc, iptc.as_deref())?,
            exif: orientation.map(exif_of),
            density: self.density(),
            text,
            ..Metadata::default()
        })
    }

    /// Some programs write IPTC as numbers of 32 bits, filled up with zeros.
    fn iptc(&mut self) -> Option<Vec<u8>> {
        let value = self.decoder.find_tag(IPTC).ok().flatten()?;
        let bytes = match value.clone().into_u8_vec() {
            Ok(bytes) => bytes,
            Err(_) => {
                let numbers = value.into_u32_vec().ok()?;
                let is_little = matches!(
                    self.decoder.byte_order(),
                    tiff::tags::ByteOrder::LittleEndian
                );
                let bytes = |n: u32| {
                    if is_little {
                        n.to_le_bytes()
                    } else {
                        n.to_be_bytes()
                    }
                };
                numbers.into_iter().flat_map(bytes).collect()
            }
        };
        Some(bytes).filter(|bytes| bytes.first() == Some(&0x1C))
    }

    fn density(&mut self) -> Option<Density> {
        let per_metre = match self.number(Tag::ResolutionUnit).unwrap_or(2) {
            2 => 10_000.0 / 254.0,
            3 => 100.0,
            _ => return None,
        };
        let mut side = |tag| {
            let pixels = match self.decoder.find_tag(tag).ok().flatten()? {
                Value::Rational(n, d) => f64::from(n) / f64::from(d),
                _ => return None,
            };
            let number = (pixels * per_metre).round();
            (1.0..=f64::from(u32::MAX))
                .contains(&number)
                .then_some(number as u32)
        };
        Some(Density {
            x: side(Tag::XResolution)?,
            y: side(Tag::YResolution)?,
            unit: DensityUnit::Metre,
        })
    }
}

/// Whether the values of all tags are within the file: the decoder allocates for them before it misses them.
fn check_directory(bytes: &[u8]) -> Option<()> {
    let is_little = bytes.first() == Some(&b'I');
    let short = |at: usize| {
        let number = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(match is_little {
            true => u16::from_le_bytes(number),
            false => u16::from_be_bytes(number),
        })
    };
    let long = |at: usize| {
        let number = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(match is_little {
            true => u32::from_le_bytes(number),
            false => u32::from_be_bytes(number),
        } as usize)
    };
    let directory = long(4)?;
    for entry in 0..usize::from(short(directory)?) {
        let at = directory.checked_add(2 + 12 * entry)?;
        let value_bytes = match short(at + 2)? {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16..=18 => 8,
            _ => 1,
        };
        let length = long(at + 4)?.checked_mul(value_bytes)?;
        let offset = long(at + 8)?;
        if length > 4 && offset.checked_add(length)? > bytes.len() {
            return None;
        }
    }
    Some(())
}

/// EXIF data with an orientation and nothing else, since kiln keeps it there.
fn exif_of(orientation: u32) -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    // Tag, type (16 bits), count, value; no further directory.
    exif.extend(b"\x01\x12\0\x03\0\0\0\x01\0");
    exif.extend([orientation as u8, 0, 0, 0, 0, 0, 0]);
    exif
}
