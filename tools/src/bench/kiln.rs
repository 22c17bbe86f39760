//! kiln itself as a codec of the benchmark.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::ensure;
use image::{DynamicImage, RgbImage};
use kiln::picture::{Metadata, Picture};
use kiln::{Decoder, Effort, EncodeOptions, Encoder, Model, Target};

use super::codec::{About, Codec, Decoded, Encoded, timed};
use super::results::{Cost, Origin, Stages};

/// An encoder and a decoder of one network.
pub struct Kiln {
    about: About,
    encoder: Encoder,
    decoder: Decoder,
    effort: Effort,
    in_child: Vec<OsString>,
}

impl Kiln {
    /// `name` is that of the curve, to which an effort above 0 is added, `build` stands for the program and the weights, and `in_child` are the arguments that
    /// load the same weights on the same device.
    pub fn new(
        name: &str,
        model: Model,
        effort: Effort,
        cost: Cost,
        build: &str,
        in_child: &[OsString],
    ) -> Self {
        let (name, command) = match effort.get() {
            0 => (name.to_owned(), "kiln encode IN OUT --level Q".to_owned()),
            n => (
                format!("{name} effort {n}"),
                format!("kiln encode IN OUT --level Q --effort {n}"),
            ),
        };
        let mut in_child = in_child.to_vec();
        in_child.extend(["--effort".into(), effort.get().to_string().into()]);
        let version = format!("kiln {}", env!("CARGO_PKG_VERSION"));
        let about = About {
            identity: format!("{version} {build} {}", model.device_name()),
            version,
            name,
            origin: Origin::Kiln,
            command,
            setting: "level",
            decoder_set: Some(crate::commands::hex(model.decoder_set())),
            cost: Some(cost),
        };
        Self {
            about,
            encoder: Encoder::new(model.clone()),
            decoder: Decoder::new(model),
            effort,
            in_child,
        }
    }
}

impl Codec for Kiln {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> anyhow::Result<Encoded> {
        let picture = Picture {
            image: DynamicImage::ImageRgb8(picture.clone()),
            metadata: Metadata::default(),
        };
        let options = EncodeOptions::default()
            .with_target(Target::Level(level(q)?))
            .with_effort(self.effort);
        let (encoded, seconds) = timed(|| Ok(self.encoder.encode(&picture, &options)?))?;
        Ok(Encoded {
            stages: stages(encoded.stages.iter()),
            bytes: encoded.bytes,
            seconds,
        })
    }

    fn decode(&self, bytes: &[u8], _: (u32, u32)) -> anyhow::Result<Decoded> {
        let (decoded, seconds) = timed(|| Ok(self.decoder.decode(bytes)?))?;
        Ok(Decoded {
            stages: stages(decoded.stages.iter()),
            picture: decoded.picture.image.into_rgb8(),
            seconds,
        })
    }

    fn in_child(&self) -> Option<Vec<OsString>> {
        Some(self.in_child.clone())
    }
}

/// The level that a setting stands for.
fn level(q: f64) -> anyhow::Result<u8> {
    let most = f64::from(kiln::LEVELS - 1);
    ensure!(
        (0.0..=most).contains(&q) && q.fract() == 0.0,
        "level {q} is no whole number of 0..={most}"
    );
    Ok(q as u8)
}

/// Seconds of each stage; a stage that occurs twice is summed.
fn stages<'a>(times: impl Iterator<Item = (&'a str, Duration)>) -> Stages {
    let mut stages = Stages::new();
    for (name, time) in times {
        *stages.entry(name.to_owned()).or_default() += time.as_secs_f64();
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_stages_are_summed() {
        let second = Duration::from_secs(1);
        let summed = stages([("code", second), ("rows", second), ("code", second)].into_iter());
        assert_eq!(
            summed,
            Stages::from([("code".to_owned(), 2.0), ("rows".to_owned(), 1.0)])
        );
    }

    #[test]
    fn levels_are_whole_numbers_in_range() {
        assert_eq!(level(63.0).unwrap(), 63);
        for q in [-1.0, 0.5, 64.0, f64::NAN] {
            assert!(level(q).unwrap_err().to_string().contains("0..=63"), "{q}");
        }
    }
}
