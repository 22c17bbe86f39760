//! JPEG by the crate `mozjpeg`: as mozjpeg encodes, and as libjpeg-turbo does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::RgbImage;
use mozjpeg::{ColorSpace, Compress, Decompress};

use super::{Adapter, about, picture};
use crate::codec::{About, Codec, CodecError, Timed};

/// Version of the crate `mozjpeg-sys`, which the manifest pins.
pub(super) const CRATE: &str = "2.2.3";
const SETTINGS: &[f64] = &[5.0, 10.0, 20.0, 35.0, 50.0, 70.0, 85.0];

/// mozjpeg, 4:2:0, progressive, trellis quantisation.
pub const MOZJPEG: Adapter = Adapter {
    name: "mozjpeg",
    about: "JPEG by mozjpeg, 4:2:0, progressive, trellis; compiled in",
    settings: SETTINGS,
    built_in: true,
    open: |name| {
        let command = "mozjpeg defaults (progressive, trellis, optimised scans), 4:2:0, quality Q";
        Ok(Box::new(Jpeg::new(name, command, false)))
    },
};

/// The same library with mozjpeg's inventions switched off: files equal those of `cjpeg -optimize -progressive`.
pub const JPEG: Adapter = Adapter {
    name: "jpeg",
    about: "JPEG as libjpeg-turbo writes it, 4:2:0, progressive, optimised; compiled in",
    settings: SETTINGS,
    built_in: true,
    open: |name| {
        let command = "libjpeg defaults, progressive, optimised Huffman tables, 4:2:0, quality Q";
        Ok(Box::new(Jpeg::new(name, command, true)))
    },
};

struct Jpeg {
    about: About,
    plain: bool,
}

impl Jpeg {
    fn new(name: &'static str, command: &str, plain: bool) -> Self {
        let version = format!("mozjpeg (crate mozjpeg-sys {CRATE})");
        Self {
            about: about(name, "quality", version, command.into()),
            plain,
        }
    }
}

impl Codec for Jpeg {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> Result<Timed<Vec<u8>>, CodecError> {
        if !(1.0..=100.0).contains(&q) || q.fract() != 0.0 {
            return Err(CodecError::Setting {
                setting: self.about.setting.clone(),
                value: q,
                allowed: "whole numbers of 1..=100".into(),
            });
        }
        Timed::run(|| {
            caught(|| {
                let mut compress = Compress::new(ColorSpace::JCS_RGB);
                if self.plain {
                    compress.set_fastest_defaults();
                    compress.set_optimize_coding(true);
                }
                compress.set_size(picture.width() as usize, picture.height() as usize);
                compress.set_quality(q as f32);
                compress.set_progressive_mode();
                compress.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
                let mut started = compress.start_compress(Vec::new())?;
                started.write_scanlines(picture.as_raw())?;
                started.finish()
            })
        })
    }

    fn decode(&self, bytes: &[u8], _: (u32, u32)) -> Result<Timed<RgbImage>, CodecError> {
        Timed::run(|| {
            let (samples, width, height) = caught(|| {
                let mut started = Decompress::new_mem(bytes)?.rgb()?;
                let (width, height) = (started.width(), started.height());
                let samples = started.read_scanlines::<u8>()?;
                started.finish()?;
                Ok((samples, width, height))
            })?;
            picture(samples, width, height)
                .ok_or_else(|| failed("the decoder gave too few samples"))
        })
    }
}

/// The crate reports errors of the C library by unwinding.
fn caught<T>(work: impl FnOnce() -> std::io::Result<T>) -> Result<T, CodecError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(failed),
        Err(cause) => Err(failed(
            cause
                .downcast_ref::<String>()
                .map_or("it panicked", String::as_str),
        )),
    }
}

fn failed(reason: impl ToString) -> CodecError {
    CodecError::Library {
        library: "the JPEG library",
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of `cjpeg -quality 50 -sample 2x2 -optimize -progressive` (libjpeg-turbo 2.1.5) and of mozjpeg: kodim23.
    #[test]
    fn files_are_those_of_the_tools() {
        let path = kiln_datasets::kodak_folder().unwrap().join("kodim23.png");
        let photo = image::open(path).unwrap().into_rgb8();
        for (adapter, bytes) in [(&JPEG, 26_923), (&MOZJPEG, 20_892)] {
            let codec = adapter.open().unwrap();
            assert_eq!(
                codec.encode(&photo, 50.0).unwrap().value.len(),
                bytes,
                "{}",
                adapter.name
            );
        }
    }

    #[test]
    fn a_quality_out_of_range_is_named() {
        let codec = JPEG.open().unwrap();
        for q in [0.0, 101.0, 50.5] {
            let error = codec.encode(&RgbImage::new(8, 8), q).unwrap_err();
            assert!(error.to_string().contains("1..=100"), "{error}");
        }
    }
}
