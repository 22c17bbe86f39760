//! Codecs that are two tools: one writes a file from a picture, the other a picture from the file.

use image::RgbImage;

use super::about;
use super::tool::{Scratch, Tool, arguments};
use crate::bench::codec::{About, Codec, Decoded, Encoded};
use crate::bench::results::Stages;

/// What runs. Command lines have `{Q}`, `{IN}` and `{OUT}`.
pub struct Commands {
    /// Name of the encoder, and its arguments.
    pub encode: (&'static str, &'static str),
    /// Name of the decoder, and its arguments.
    pub decode: (&'static str, &'static str),
    /// Arguments with which the encoder tells its version.
    pub version: &'static [&'static str],
    /// What the setting is called.
    pub setting: &'static str,
    /// Extensions of the picture that the encoder reads, of the file, and of the picture that the decoder writes.
    pub extensions: [&'static str; 3],
}

struct Pair {
    about: About,
    commands: &'static Commands,
    encoder: Tool,
    decoder: Tool,
}

/// Looks for both tools.
///
/// # Errors
/// One is not installed.
pub fn open(name: &'static str, commands: &'static Commands) -> anyhow::Result<Box<dyn Codec>> {
    let (encode, decode) = (commands.encode, commands.decode);
    let (encoder, decoder) = (Tool::find(&[encode.0])?, Tool::find(&[decode.0])?);
    let plain = |line: &str| line.replace(['{', '}'], "");
    let command = format!(
        "{} {} ; {} {}",
        encode.0,
        plain(encode.1),
        decode.0,
        plain(decode.1)
    );
    let version = encoder.version(commands.version);
    Ok(Box::new(Pair {
        about: about(name, commands.setting, version, command),
        commands,
        encoder,
        decoder,
    }))
}

impl Codec for Pair {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, picture: &RgbImage, q: f64) -> anyhow::Result<Encoded> {
        let [input, file, _] = self.commands.extensions;
        let scratch = Scratch::new()?;
        let input = scratch.write_picture(&format!("in.{input}"), picture)?;
        let name = format!("out.{file}");
        let (q, out) = (q.to_string(), scratch.path(&name));
        let values = [
            ("Q", q.as_ref()),
            ("IN", input.as_ref()),
            ("OUT", out.as_ref()),
        ];
        let seconds = self
            .encoder
            .run(arguments(self.commands.encode.1, &values))?;
        Ok(Encoded {
            bytes: scratch.read(&name)?,
            seconds,
            stages: Stages::new(),
        })
    }

    fn decode(&self, bytes: &[u8], _: (u32, u32)) -> anyhow::Result<Decoded> {
        let [_, file, output] = self.commands.extensions;
        let scratch = Scratch::new()?;
        let input = scratch.write(&format!("in.{file}"), bytes)?;
        let name = format!("out.{output}");
        let out = scratch.path(&name);
        let values = [("IN", input.as_ref()), ("OUT", out.as_ref())];
        let seconds = self
            .decoder
            .run(arguments(self.commands.decode.1, &values))?;
        Ok(Decoded {
            picture: scratch.read_picture(&name)?,
            seconds,
            stages: Stages::new(),
        })
    }
}
