//! WebP by libwebp, from the crate `webp`.

use std::ffi::OsString;

use anyhow::{Context, anyhow, ensure};
use image::RgbImage;
use webp::{Decoder, Encoder, WebPConfig};

use super::{Adapter, about, crate_version, picture};
use crate::bench::codec::{About, Codec, Decoded, Encoded, timed};

/// Settings of this one and of the tool.
pub const SETTINGS: &[f64] = &[1.0, 10.0, 30.0, 50.0, 70.0, 85.0, 93.0];

/// libwebp, lossy, method 6.
pub const WEBP: Adapter = Adapter {
    name: "webp",
    about: "WebP by libwebp, method 6; compiled in",
    settings: SETTINGS,
    built_in: true,
    open: |name| {
        let version = format!(
            "libwebp (crate libwebp-sys {})",
            crate_version("libwebp-sys")
        );
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

    fn encode(&self, picture: &RgbImage, q: f64) -> anyhow::Result<Encoded> {
        ensure!((0.0..=100.0).contains(&q), "quality {q} is outside 0..=100");
        let (width, height) = picture.dimensions();
        ensure!(
            width.min(height) > 0 && width.max(height) < 1 << 14,
            "WebP has no pictures of {width}x{height} pixels, only sides of 1..=16383"
        );
        let timed = timed(|| {
            let mut config =
                WebPConfig::new().map_err(|()| anyhow!("libwebp has another version"))?;
            config.quality = q as f32;
            config.method = 6;
            Encoder::from_rgb(picture.as_raw(), width, height)
                .encode_advanced(&config)
                .map(|memory| memory.to_vec())
                .map_err(|error| anyhow!("libwebp failed: {error:?}"))
        })?;
        Ok(Encoded::without_stages(timed))
    }

    fn decode(&self, bytes: &[u8], _: (u32, u32)) -> anyhow::Result<Decoded> {
        let timed = timed(|| {
            let decoded = Decoder::new(bytes)
                .decode()
                .context("libwebp cannot decode this")?;
            ensure!(!decoded.is_alpha(), "an alpha channel came from nowhere");
            picture(
                decoded.to_vec(),
                decoded.width() as usize,
                decoded.height() as usize,
            )
            .context("the decoder gave too few samples")
        })?;
        Ok(Decoded::without_stages(timed))
    }

    fn in_child(&self) -> Option<Vec<OsString>> {
        Some(vec!["--live".into(), self.about.name.clone().into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of `cwebp -m 6 -q 50` (1.2.4): kodim23.
    #[test]
    fn files_are_those_of_the_tool() {
        let path = kiln_datasets::kodak_folder().unwrap().join("kodim23.png");
        let photo = image::open(path).unwrap().into_rgb8();
        let codec = (WEBP.open)("webp").unwrap();
        assert_eq!(codec.encode(&photo, 50.0).unwrap().bytes.len(), 16_030);
    }

    #[test]
    fn what_webp_cannot_hold_is_named() {
        let codec = (WEBP.open)("webp").unwrap();
        let error = codec.encode(&RgbImage::new(16_384, 1), 50.0).unwrap_err();
        assert!(error.to_string().contains("16384x1"), "{error}");
        assert!(codec.encode(&RgbImage::new(8, 8), 101.0).is_err());
    }
}
