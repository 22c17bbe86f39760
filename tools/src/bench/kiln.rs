//! kiln itself as a codec of the benchmark.

use std::time::Duration;

use image::RgbImage;
use kiln::{
    Channels, Decoder, Effort, EncodeOptions, Encoded, Encoder, Levels, Model, Pixels, Silent,
    Stage, Target,
};
use kiln_measure::codec::{About, Codec, CodecError, Timed};
use kiln_measure::results::{Cost, Origin, Stages};

/// An encoder and a decoder of one network.
pub struct Kiln {
    about: About,
    encoder: Encoder,
    decoder: Decoder,
    effort: Effort,
    levels: Levels,
}

impl Kiln {
    /// `name` is that of the curve, to which an effort above 0 is added; `build` stands for the program and the
    /// weights.
    ///
    /// # Errors
    /// The weights cannot be placed on their device.
    pub fn new(name: &str, model: Model, effort: Effort, build: &str) -> Result<Self, kiln::Error> {
        let (name, command) = match effort.get() {
            0 => (name.to_owned(), "kiln encode IN OUT --level Q".to_owned()),
            n => (
                format!("{name} effort {n}"),
                format!("kiln encode IN OUT --level Q --effort {n}"),
            ),
        };
        let version = format!("kiln {}", env!("CARGO_PKG_VERSION"));
        let macs = model.macs()?;
        let about = About {
            identity: format!("{version} {build} {}", model.device()?.name),
            version,
            name,
            origin: Origin::Own,
            command,
            setting: "level".into(),
            decoder_set: Some(model.decoder_set().to_string()),
            cost: Some(Cost {
                encode_kmac_per_pixel: macs.encode / 1000.0,
                decode_kmac_per_pixel: macs.decode / 1000.0,
            }),
        };
        Ok(Self {
            about,
            levels: model.levels(),
            encoder: Encoder::new(model.clone()),
            // Files are decoded on the machine that wrote them.
            decoder: Decoder::new(model).allow_not_portable(true),
            effort,
        })
    }

    /// The level whose file is nearest to a rate in bits per pixel, and that file.
    ///
    /// # Errors
    /// The encoder fails.
    pub fn nearest_rate(&self, picture: &RgbImage, bpp: f64) -> Result<(u8, Vec<u8>), kiln::Error> {
        let below = match self.encode_for(picture, Target::Bpp(bpp)) {
            Ok(encoded) => encoded,
            // Even the smallest file is larger.
            Err(kiln::Error::OutOfReach { .. }) => self.encode_for(picture, Target::Level(0))?,
            Err(error) => return Err(error),
        };
        let wanted = bpp * f64::from(picture.width()) * f64::from(picture.height()) / 8.0;
        let distance = |encoded: &Encoded| (encoded.bytes.len() as f64 - wanted).abs();
        let above = match self.levels.get(below.level + 1) {
            Some(level) => Some(self.encode_for(picture, Target::Level(level.number()))?),
            None => None,
        };
        let nearest = above
            .filter(|above| distance(above) < distance(&below))
            .unwrap_or(below);
        Ok((nearest.level, nearest.bytes))
    }

    fn encode_for(&self, picture: &RgbImage, target: Target) -> Result<Encoded, kiln::Error> {
        let (width, height) = picture.dimensions();
        let pixels = Pixels::new(picture.as_raw().as_slice(), width, height, Channels::Rgb)?;
        let options = EncodeOptions::default()
            .with_target(target)
            .with_effort(self.effort);
        self.encoder
            .encode_pixels(pixels, &Default::default(), &options, &Silent)
    }
}

impl Codec for Kiln {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> Result<Timed<Vec<u8>>, CodecError> {
        let target = Target::Level(level(q, self.levels)?);
        let encoded = Timed::run(|| self.encode_for(picture, target).map_err(other))?;
        Ok(Timed {
            stages: stages(encoded.value.stages.iter()),
            seconds: encoded.seconds,
            value: encoded.value.bytes,
        })
    }

    fn decode(&self, bytes: &[u8], _: (u32, u32)) -> Result<Timed<RgbImage>, CodecError> {
        let decoded = Timed::run(|| self.decoder.decode(bytes).map_err(other))?;
        Ok(Timed {
            stages: stages(decoded.value.about.stages.iter()),
            seconds: decoded.seconds,
            value: decoded.value.picture.image.into_rgb8(),
        })
    }
}

fn other(error: kiln::Error) -> CodecError {
    CodecError::Other(error.into())
}

/// The level that a setting stands for.
fn level(q: f64, levels: Levels) -> Result<u8, CodecError> {
    let most = f64::from(levels.last().number());
    if (0.0..=most).contains(&q) && q.fract() == 0.0 {
        Ok(q as u8)
    } else {
        Err(CodecError::Setting {
            setting: "level".into(),
            value: q,
            allowed: format!("whole numbers of 0..={most}"),
        })
    }
}

/// Seconds of each stage; a stage that occurs twice is summed.
fn stages(times: impl Iterator<Item = (Stage, Duration)>) -> Stages {
    let mut stages = Stages::new();
    for (stage, time) in times {
        *stages.entry(stage.to_string()).or_default() += time.as_secs_f64();
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::imageops;

    #[test]
    fn repeated_stages_are_summed() {
        let second = Duration::from_secs(1);
        let times = [Stage::Code, Stage::Pack, Stage::Code].map(|stage| (stage, second));
        assert_eq!(
            stages(times.into_iter()),
            Stages::from([("code".to_owned(), 2.0), ("pack".to_owned(), 1.0)])
        );
    }

    #[test]
    fn levels_are_whole_numbers_in_range() {
        let levels = Levels::new(13).unwrap();
        assert_eq!(level(12.0, levels).unwrap(), 12);
        for q in [-1.0, 0.5, 13.0, f64::NAN] {
            let text = level(q, levels).unwrap_err().to_string();
            assert!(text.contains("0..=12"), "{q}: {text}");
        }
    }

    #[test]
    fn the_level_nearest_to_a_rate_is_found() {
        let model = Model::bundled(&kiln::DeviceChoice::Cpu).unwrap();
        let last = model.levels().last().number();
        let kiln = Kiln::new("kiln", model, Effort::default(), "").unwrap();
        let path = kiln_datasets::kodak_folder().unwrap().join("kodim05.png");
        let whole = image::open(path).unwrap().into_rgb8();
        let crop = imageops::crop_imm(&whole, 200, 100, 240, 180).to_image();
        let off = |bytes: &[u8]| (8.0 * bytes.len() as f64 / (240.0 * 180.0) - 0.8).abs();
        let (found, bytes) = kiln.nearest_rate(&crop, 0.8).unwrap();
        for level in [found - 1, found + 1] {
            let other = kiln.encode(&crop, f64::from(level)).unwrap().value;
            assert!(off(&other) >= off(&bytes), "{level} is nearer than {found}");
        }
        assert_eq!(kiln.nearest_rate(&crop, 0.001).unwrap().0, 0);
        assert_eq!(kiln.nearest_rate(&crop, 90.0).unwrap().0, last);
    }
}
