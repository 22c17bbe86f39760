//! PNM: read here, because the crate `image` takes 16 bits of a PAM without a type for 8.

mod header;
mod store;

use image::DynamicImage;

use super::trailing;
use crate::pixels::{blank, image_of};
use crate::{Format, LoadOptions, Metadata, Picture, PictureError, Warning};
use header::{Coding, Header, skip_space, take_number};

pub(super) use store::store;

pub(super) fn load(
    bytes: &[u8],
    options: &LoadOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Picture, PictureError> {
    let (header, mut rest) = Header::read(bytes)?;
    if header.width == 0 || header.height == 0 {
        return Err(damaged("the picture has no pixels"));
    }
    let sample_bytes = if header.most > 255 { 2 } else { 1 };
    let pixel_bytes = header.channels.count() as u64 * sample_bytes;
    options
        .limits
        .check_size(header.width, header.height, pixel_bytes)?;
    let image = match header.most {
        ..=255 => read_eight(&header, &mut rest)?,
        _ => read_sixteen(&header, &mut rest)?,
    };
    // In an ASCII file, a comment may follow the last number.
    if matches!(header.coding, Coding::Digits | Coding::Numbers) {
        skip_space(&mut rest);
    }
    let left_out = trailing(rest).into_iter().collect();
    warnings.extend(Warning::left_out(Format::Pnm.name(), left_out));
    Ok(Picture {
        image,
        metadata: Metadata::default(),
    })
}

fn read_eight(header: &Header, bytes: &mut &[u8]) -> Result<DynamicImage, PictureError> {
    let (width, height, channels) = (header.width, header.height, header.channels);
    // A file that is too short for its header is refused before anything is allocated for it.
    let count = header.samples();
    if bytes.len() < least(header, count) {
        return Err(cut_short());
    }
    let mut samples = blank::<u8>(width, height, channels)?;
    match header.coding {
        Coding::Digits => {
            for sample in &mut samples {
                *sample = take_digit(bytes)?;
            }
        }
        Coding::Numbers => {
            for sample in &mut samples {
                *sample = scale(header, take_number(bytes)?, 255)? as u8;
            }
        }
        Coding::Bits => {
            let row_bytes = (width as usize).div_ceil(8);
            let rows = samples.chunks_exact_mut(width as usize);
            for (row, bits) in rows.zip(bytes.chunks_exact(row_bytes)) {
                for (x, sample) in row.iter_mut().enumerate() {
                    *sample = if bits[x / 8] << (x % 8) & 0x80 == 0 {
                        255
                    } else {
                        0
                    };
                }
            }
            *bytes = &bytes[row_bytes * height as usize..];
        }
        Coding::Bytes => {
            for (sample, &byte) in samples.iter_mut().zip(*bytes) {
                *sample = scale(header, byte.into(), 255)? as u8;
            }
            *bytes = &bytes[count..];
        }
    }
    Ok(image_of(samples, width, height, channels)?)
}

fn read_sixteen(header: &Header, bytes: &mut &[u8]) -> Result<DynamicImage, PictureError> {
    let (width, height, channels) = (header.width, header.height, header.channels);
    let count = header.samples();
    if bytes.len() < least(header, count) {
        return Err(cut_short());
    }
    let mut samples = blank::<u16>(width, height, channels)?;
    if header.coding == Coding::Numbers {
        for sample in &mut samples {
            *sample = scale(header, take_number(bytes)?, 65_535)? as u16;
        }
    } else {
        for (sample, pair) in samples.iter_mut().zip(bytes.as_chunks().0) {
            *sample = scale(header, u16::from_be_bytes(*pair).into(), 65_535)? as u16;
        }
        *bytes = &bytes[2 * count..];
    }
    Ok(image_of(samples, width, height, channels)?)
}

/// The fewest bytes that so many samples take.
fn least(header: &Header, samples: usize) -> usize {
    match header.coding {
        Coding::Digits => samples,
        // A digit, and a space before the next.
        Coding::Numbers => samples.saturating_mul(2) - 1,
        Coding::Bits => (header.width as usize).div_ceil(8) * header.height as usize,
        Coding::Bytes if header.most > 255 => samples.saturating_mul(2),
        Coding::Bytes => samples,
    }
}

/// A sample as a part of `white`, halves rounded up.
fn scale(header: &Header, sample: u32, white: u64) -> Result<u64, PictureError> {
    let most = u64::from(header.most);
    let sample = u64::from(sample);
    if sample > most {
        return Err(damaged(format_args!(
            "a sample is {sample}, over its largest value of {most}"
        )));
    }
    Ok((sample * white * 2 + most) / (2 * most))
}

/// The next digit of a bitmap in ASCII: digits may stand side by side, with comments between them.
fn take_digit(bytes: &mut &[u8]) -> Result<u8, PictureError> {
    skip_space(bytes);
    let (&digit, rest) = bytes.split_first().ok_or_else(cut_short)?;
    *bytes = rest;
    match digit {
        b'0' => Ok(255),
        b'1' => Ok(0),
        _ => Err(damaged("there is something else where 0 or 1 has to be")),
    }
}

fn cut_short() -> PictureError {
    damaged("it was cut short")
}

fn unsupported(what: &str) -> PictureError {
    PictureError::Unsupported(format!("{what} is not supported"))
}

fn damaged(reason: impl std::fmt::Display) -> PictureError {
    PictureError::damaged(Format::Pnm, reason)
}
