//! kiln itself as a codec of the benchmark.

use std::ffi::OsString;
use std::time::Duration;

use image::RgbImage;
use kiln::{
    Budget, Channels, Decoder, Effort, EncodeOptions, Encoded, Encoder, Fit, Levels, Model, Pixels,
    Silent, Stage, Target, Threads,
};
use kiln_measure::codec::{About, Codec, CodecError, Timed};
use kiln_measure::results::{Cost, Origin, Stages};

/// An encoder and a decoder of one network.
pub struct Kiln {
    about: About,
    encoder: Encoder,
    decoder: Decoder,
    how: How,
    levels: Levels,
}

/// How files are made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct How {
    /// How long the encoder thinks.
    pub effort: Effort,
    /// The fit, if there is one.
    pub fit: Option<Fit>,
    /// Whether each file is made on a thread of its own.
    pub on_one_thread: bool,
}

impl How {
    /// What the name of a curve says of it, with a space before it, and what makes such a file.
    fn words(&self) -> (String, String) {
        let Some(fit) = self.fit else {
            return match self.effort.get() {
                0 => (String::new(), String::new()),
                n => (format!(" effort {n}"), format!(" --effort {n}")),
            };
        };
        let model = match fit.or_weights {
            true => "auto",
            false => "fitted",
        };
        match fit.budget {
            Budget::Iterations(n) => (
                format!(" {model} {n}"),
                format!(" --model {model} --iterations {n}"),
            ),
            Budget::Time(time) => {
                let seconds = time.as_secs_f64();
                (
                    format!(" {model} {seconds}s"),
                    format!(" --model {model} --time {seconds}s"),
                )
            }
        }
    }

    /// The arguments of `kiln bench-one` for it.
    pub fn arguments(&self) -> Vec<OsString> {
        let (_, words) = self.words();
        words.split_whitespace().map(OsString::from).collect()
    }
}

impl Kiln {
    /// `name` is that of the curve, to which an effort above 0 or a fit is added; `build` stands for the program and the
    /// weights.
    ///
    /// # Errors
    /// The weights cannot be placed on their device.
    pub fn new(name: &str, model: Model, how: How, build: &str) -> Result<Self, kiln::Error> {
        let (more, arguments) = how.words();
        let name = format!("{name}{more}");
        let command = format!("kiln encode IN OUT --level Q{arguments}");
        let version = format!("kiln {}", env!("CARGO_PKG_VERSION"));
        let macs = model.macs()?;
        let about = About {
            identity: format!("{version} {build} {}", model.device()?.name),
            version,
            name,
            origin: Origin::Own,
            command,
            setting: "level".into(),
            decoder_set: how.fit.is_none().then(|| model.decoder_set().to_string()),
            // Those of a fit differ from picture to picture.
            cost: how.fit.is_none().then_some(Cost {
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
            how,
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
        let mut options = EncodeOptions::default()
            .with_target(target)
            .with_effort(self.how.effort);
        options.fit = self.how.fit;
        let encoder = match self.how.on_one_thread {
            true => self.encoder.clone().with_threads(Threads::new(1)?),
            false => self.encoder.clone(),
        };
        encoder.encode_pixels(pixels, &Default::default(), &options, &Silent)
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
    fn curves_are_named_by_how_their_files_are_made() {
        let words = |effort, fit| {
            How {
                effort: Effort::new(effort).unwrap(),
                fit,
                on_one_thread: false,
            }
            .words()
            .0
        };
        assert_eq!(words(0, None), "");
        assert_eq!(words(3, None), " effort 3");
        assert_eq!(words(0, Some(Fit::iterations(300))), " fitted 300");
        let time = Fit::time(Duration::from_secs(90)).or_weights();
        assert_eq!(words(3, Some(time)), " auto 90s");
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
        let kiln = Kiln::new("kiln", model, How::default(), "").unwrap();
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
