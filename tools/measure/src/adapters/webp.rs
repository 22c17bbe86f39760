//! WebP by libwebp, from the crate `webp`.

use image::RgbImage;
use webp::{Decoder, Encoder, WebPConfig};

use super::{Adapter, about, picture};
use crate::codec::{About, Codec, CodecError, Timed};

/// Version of the crate `libwebp-sys`, which the manifest pins.
pub(super) const CRATE: &str = "0.9.6";
/// Settings of this one and of the tool.
pub const SETTINGS: &[f64] = &[1.0, 10.0, 30.0, 50.0, 70.0, 85.0, 93.0];
/// How long the encoder tries: the longest.
const METHOD: i32 = 6;

/// libwebp, lossy, method 6.
pub const WEBP: Adapter = Adapter {
    name: "webp",
    about: "WebP by libwebp, method 6; compiled in",
    settings: SETTINGS,
    built_in: true,
    open: |name| {
        let version = format!("libwebp (crate libwebp-sys {CRATE})");
        let command = "WebPEncode with method 6, quality Q, other settings by default";
        Ok(Box::new(WebP {
            about: about(name, "quality", version, command.into()),
        }))
    },
};

struct WebP {
    about: About,
}

impl Codec for WebP {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> Result<Timed<Vec<u8>>, CodecError> {
        if !(0.0..=100.0).contains(&q) {
            return Err(CodecError::Setting {
                setting: self.about.setting.clone(),
                value: q,
                allowed: "0..=100".into(),
            });
        }
        let (width, height) = picture.dimensions();
        if width.min(height) == 0 || width.max(height) >= 1 << 14 {
            return Err(CodecError::Size {
                width,
                height,
                allowed: "sides of 1..=16383 pixels",
            });
        }
        Timed::run(|| {
            let mut config = WebPConfig::new().map_err(|()| failed("it has another version"))?;
            config.quality = q as f32;
            config.method = METHOD;
            Encoder::from_rgb(picture.as_raw(), width, height)
                .encode_advanced(&config)
                .map(|memory| memory.to_vec())
                .map_err(|error| failed(format!("{error:?}")))
        })
    }

    fn decode(&self, bytes: &[u8], _: (u32, u32)) -> Result<Timed<RgbImage>, CodecError> {
        Timed::run(|| {
            let decoded = Decoder::new(bytes)
                .decode()
                .ok_or_else(|| failed("this is not a picture that it can decode"))?;
            if decoded.is_alpha() {
                return Err(failed("an alpha channel came from nowhere"));
            }
            picture(
                decoded.to_vec(),
                decoded.width() as usize,
                decoded.height() as usize,
            )
            .ok_or_else(|| failed("the decoder gave too few samples"))
        })
    }
}

fn failed(reason: impl ToString) -> CodecError {
    CodecError::Library {
        library: "libwebp",
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::nearest_size;

    /// Bytes of `cwebp -m 6 -q 50` (1.2.4): kodim23.
    #[test]
    fn files_are_those_of_the_tool() {
        let path = kiln_datasets::kodak_folder().unwrap().join("kodim23.png");
        let photo = image::open(path).unwrap().into_rgb8();
        let codec = WEBP.open().unwrap();
        assert_eq!(codec.encode(&photo, 50.0).unwrap().value.len(), 16_030);
    }

    #[test]
    fn what_webp_cannot_hold_is_named() {
        let codec = WEBP.open().unwrap();
        let error = codec.encode(&RgbImage::new(16_384, 1), 50.0).unwrap_err();
        assert!(error.to_string().contains("16384x1"), "{error}");
        assert!(codec.encode(&RgbImage::new(8, 8), 101.0).is_err());
    }

    #[test]
    fn a_size_asked_for_is_nearly_met() {
        let path = kiln_datasets::kodak_folder().unwrap().join("kodim05.png");
        let whole = image::open(path).unwrap().into_rgb8();
        let crop = image::imageops::crop_imm(&whole, 200, 100, 240, 180).to_image();
        let codec = WEBP.open().unwrap();
        for wanted in [2500, 6000, 14_000] {
            let (quality, file) = nearest_size(codec.as_ref(), &crop, 0.0..=100.0, wanted).unwrap();
            let off = file.len().abs_diff(wanted) as f64 / wanted as f64;
            assert!(
                off < 0.03,
                "{} bytes at {quality}, not {wanted}",
                file.len()
            );
        }
    }
}
