//! Codecs that are two tools: one writes a file from a picture, the other a picture from the file.

use std::path::{Path, PathBuf};

use image::RgbImage;

use super::about;
use super::pictures::Pictures;
use super::tool::{Scratch, Tool, arguments};
use crate::codec::{About, Codec, CodecError, Timed};

/// What runs. Both command lines have `{IN}` and `{OUT}`. That of the encoder has `{Q}`, and may have `{SIZE}` as in
/// `768x512`, `{WIDTH}`, `{HEIGHT}`, `{REC}` for a file that nobody reads, and `{CFG}`.
pub struct Commands {
    /// Names of the encoder, the usual one first, and its arguments.
    pub encode: (&'static [&'static str], &'static str),
    /// Names of the decoder, the usual one first, and its arguments.
    pub decode: (&'static [&'static str], &'static str),
    /// Arguments with which the encoder tells its version.
    pub version: &'static [&'static str],
    /// What the setting is called.
    pub setting: &'static str,
    /// How pictures go in and come out.
    pub pictures: Pictures,
    /// Extension of the file.
    pub extension: &'static str,
    /// Finds the configuration `{CFG}` of the encoder at this path.
    pub configuration: Option<FindConfiguration>,
}

/// From the path of a program to that of its configuration.
type FindConfiguration = fn(&Path) -> Result<PathBuf, CodecError>;

struct Pair {
    about: About,
    commands: &'static Commands,
    encoder: Tool,
    decoder: Tool,
    /// Empty where the command line names none.
    configuration: PathBuf,
}

/// Looks for both tools, and for the configuration.
///
/// # Errors
/// Something is not installed.
pub fn open(name: &'static str, commands: &'static Commands) -> Result<Box<dyn Codec>, CodecError> {
    let encoder = Tool::find(commands.encode.0)?;
    let decoder = Tool::find(commands.decode.0)?;
    let configuration = match commands.configuration {
        Some(find) => find(encoder.path())?,
        None => PathBuf::new(),
    };
    let command = format!(
        "{} ; {}",
        shown(commands.encode, &configuration),
        shown(commands.decode, &configuration)
    );
    let version = encoder.version(commands.version);
    Ok(Box::new(Pair {
        about: about(name, commands.setting, version, command),
        commands,
        encoder,
        decoder,
        configuration,
    }))
}

/// A command as results show it. Of the configuration it has the name alone: where that lies differs from machine to
/// machine, and the files do not depend on it.
fn shown((names, line): (&[&str], &str), configuration: &Path) -> String {
    let configuration = configuration.file_name().unwrap_or_default();
    let line = line.replace("{CFG}", &configuration.to_string_lossy());
    format!(
        "{} {}",
        names.first().unwrap_or(&""),
        line.replace(['{', '}'], "")
    )
}

impl Codec for Pair {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> Result<Timed<Vec<u8>>, CodecError> {
        let scratch = Scratch::new()?;
        let (input, (width, height)) = self.commands.pictures.write(&scratch, picture)?;
        let name = format!("out.{}", self.commands.extension);
        let (out, reconstruction) = (scratch.path(&name), scratch.path("rec.yuv"));
        let (width, height) = (width.to_string(), height.to_string());
        let (q, size) = (q.to_string(), format!("{width}x{height}"));
        let values = [
            ("Q", q.as_ref()),
            ("IN", input.as_ref()),
            ("OUT", out.as_ref()),
            ("SIZE", size.as_ref()),
            ("WIDTH", width.as_ref()),
            ("HEIGHT", height.as_ref()),
            ("REC", reconstruction.as_ref()),
            ("CFG", self.configuration.as_ref()),
        ];
        let seconds = self
            .encoder
            .run(arguments(self.commands.encode.1, &values))?;
        Ok(Timed::new(scratch.read(&name)?, seconds))
    }

    fn decode(&self, bytes: &[u8], size: (u32, u32)) -> Result<Timed<RgbImage>, CodecError> {
        let scratch = Scratch::new()?;
        let input = scratch.write(&format!("in.{}", self.commands.extension), bytes)?;
        let out = scratch.path(&self.commands.pictures.output());
        let values = [("IN", input.as_ref()), ("OUT", out.as_ref())];
        let seconds = self
            .decoder
            .run(arguments(self.commands.decode.1, &values))?;
        let picture = self.commands.pictures.read(&scratch, size)?;
        Ok(Timed::new(picture, seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_without_folders() {
        let line = shown(
            (&["a", "b"], "-c {CFG} -q {Q} -s={SIZE}"),
            Path::new("x/y.cfg"),
        );
        assert_eq!(line, "a -c y.cfg -q Q -s=SIZE");
        assert_eq!(shown((&["a"], "{IN} {OUT}"), Path::new("")), "a IN OUT");
    }

    #[cfg(unix)]
    #[test]
    fn both_tools_run_on_what_is_handed_over() {
        use crate::adapters::yuv::Chroma;

        const COPY: Commands = Commands {
            encode: (&["kiln-no-such-tool", "cp"], "{IN} {OUT}"),
            decode: (&["cp"], "{IN} {OUT}"),
            version: &["--version"],
            setting: "q",
            pictures: Pictures::Raw {
                chroma: Chroma::Half,
                step: 8,
            },
            extension: "raw",
            configuration: None,
        };
        let codec = open("copy", &COPY).unwrap();
        assert_eq!(
            codec.about().command,
            "kiln-no-such-tool IN OUT ; cp IN OUT"
        );
        let grey = RgbImage::from_fn(5, 3, |x, y| image::Rgb([(40 * x + y) as u8; 3]));
        let file = codec.encode(&grey, 1.0).unwrap().value;
        // Both sides are 8, each cell of 2x2 has 6 samples, and a sample has two bytes.
        assert_eq!(file.len(), 4 * 4 * 6 * 2);
        assert_eq!(codec.decode(&file, (5, 3)).unwrap().value, grey);

        const LOST: Commands = Commands {
            configuration: Some(|program| {
                let message = format!("nothing near {}", program.display());
                Err(CodecError::Configuration(message))
            }),
            ..COPY
        };
        let error = open("copy", &LOST).err().unwrap().to_string();
        assert!(error.starts_with("nothing near /"), "{error}");
    }
}
