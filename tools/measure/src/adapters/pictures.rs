//! How a tool is handed its pictures, and hands them back.

use std::path::PathBuf;

use image::RgbImage;
use image::imageops::crop_imm;

use super::tool::Scratch;
use super::yuv::{self, Chroma};
use crate::codec::CodecError;

/// What the encoder reads and the decoder writes.
#[derive(Clone, Copy, Debug)]
pub enum Pictures {
    /// Picture files, by their extensions.
    Files {
        /// Of what the encoder reads.
        input: &'static str,
        /// Of what the decoder writes.
        output: &'static str,
    },
    /// Planes of [`yuv`]. Nothing in them tells their size, so the command line has to.
    Raw {
        /// Resolution of chroma.
        chroma: Chroma,
        /// Sides are filled up to a multiple of this by repeating the edge, and cut off again.
        step: u32,
    },
}

impl Pictures {
    /// Writes what the encoder reads. Tells where it is, and the size that is coded.
    ///
    /// # Errors
    /// The picture is empty, or it cannot be written.
    pub fn write(
        self,
        scratch: &Scratch,
        picture: &RgbImage,
    ) -> Result<(PathBuf, (u32, u32)), CodecError> {
        let (width, height) = picture.dimensions();
        if width.min(height) == 0 {
            return Err(too_large_or_empty(picture.dimensions()));
        }
        match self {
            Self::Files { input, .. } => {
                let path = scratch.write_picture(&format!("in.{input}"), picture)?;
                Ok((path, picture.dimensions()))
            }
            Self::Raw { chroma, step } => {
                let filled = fill(picture, step)?;
                let path = scratch.write("in.yuv", &yuv::encode(&filled, chroma))?;
                Ok((path, filled.dimensions()))
            }
        }
    }

    /// Name of what the decoder writes.
    pub fn output(self) -> String {
        match self {
            Self::Files { output, .. } => format!("out.{output}"),
            Self::Raw { .. } => "out.yuv".to_owned(),
        }
    }

    /// Reads what the decoder has written for a picture of this size.
    ///
    /// # Errors
    /// It is not there, or it is not such a picture.
    pub fn read(self, scratch: &Scratch, size: (u32, u32)) -> Result<RgbImage, CodecError> {
        let name = self.output();
        match self {
            Self::Files { .. } => scratch.read_picture(&name),
            Self::Raw { chroma, step } => {
                let filled = yuv::decode(&scratch.read(&name)?, whole(size, step)?, chroma)?;
                Ok(crop_imm(&filled, 0, 0, size.0, size.1).to_image())
            }
        }
    }
}

/// The size with both sides filled up.
fn whole((width, height): (u32, u32), step: u32) -> Result<(u32, u32), CodecError> {
    let sides = [width, height].map(|side| side.checked_next_multiple_of(step));
    match sides {
        [Some(wide), Some(high)] if width.min(height) > 0 => Ok((wide, high)),
        _ => Err(too_large_or_empty((width, height))),
    }
}

/// The picture with its edges repeated.
fn fill(picture: &RgbImage, step: u32) -> Result<RgbImage, CodecError> {
    let (width, height) = whole(picture.dimensions(), step)?;
    let (right, bottom) = (picture.width() - 1, picture.height() - 1);
    Ok(RgbImage::from_fn(width, height, |x, y| {
        *picture.get_pixel(x.min(right), y.min(bottom))
    }))
}

fn too_large_or_empty((width, height): (u32, u32)) -> CodecError {
    CodecError::Size {
        width,
        height,
        allowed: "sides of at least 1 pixel that fit 32 bits when they are filled up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{MAX_PSNR, psnr};
    use image::Rgb;
    use std::fs;

    fn odd() -> RgbImage {
        RgbImage::from_fn(9, 8, |x, y| Rgb([(20 * x) as u8, (20 * y) as u8, 0]))
    }

    #[test]
    fn edges_are_repeated() {
        let picture = RgbImage::from_fn(9, 8, |x, y| Rgb([x as u8, y as u8, 0]));
        let filled = fill(&picture, 8).unwrap();
        assert_eq!(filled.dimensions(), (16, 8));
        assert_eq!(filled.get_pixel(15, 3), &Rgb([8, 3, 0]));
        assert_eq!(crop_imm(&filled, 0, 0, 9, 8).to_image(), picture);
        assert_eq!(fill(&picture, 1).unwrap(), picture);
    }

    /// A decoder that gives back what the encoder was given.
    #[test]
    fn pictures_come_back_in_their_size() {
        let files = Pictures::Files {
            input: "ppm",
            output: "ppm",
        };
        let raw = |chroma, step| Pictures::Raw { chroma, step };
        for (pictures, coded, decibels) in [
            (files, (9, 8), MAX_PSNR),
            (raw(Chroma::Full, 1), (9, 8), 55.0),
            (raw(Chroma::Half, 8), (16, 8), 30.0),
        ] {
            let scratch = Scratch::new().unwrap();
            let (path, size) = pictures.write(&scratch, &odd()).unwrap();
            assert_eq!(size, coded);
            fs::rename(path, scratch.path(&pictures.output())).unwrap();
            let back = pictures.read(&scratch, odd().dimensions()).unwrap();
            assert!(psnr(&odd(), &back).unwrap() >= decibels, "{pictures:?}");
        }
    }

    #[test]
    fn empty_and_endless_sizes_are_errors() {
        let raw = Pictures::Raw {
            chroma: Chroma::Full,
            step: 8,
        };
        let scratch = Scratch::new().unwrap();
        let error = raw.write(&scratch, &RgbImage::new(0, 3)).unwrap_err();
        assert!(error.to_string().contains("0x3"), "{error}");
        scratch.write("out.yuv", &[]).unwrap();
        for size in [(u32::MAX, 8), (8, 0)] {
            let error = raw.read(&scratch, size).unwrap_err();
            assert!(matches!(error, CodecError::Size { .. }), "{error}");
        }
    }
}
