//! `kiln decode`.

use clap::{Args, ValueEnum};

use super::values;
use super::{LimitArgs, ModelArgs, TransferArgs};

/// Arguments of `kiln decode`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DecodeArgs {
    /// Files to read and write.
    #[command(flatten)]
    pub files: TransferArgs,
    /// Format to write [default: from the extension of OUT; png for folders and pipes]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatName>,
    /// Quality of JPEG output, 1 to 100 [default: 90]
    #[arg(long, value_name = "N", value_parser = values::jpeg_quality, allow_negative_numbers = true)]
    pub jpeg_quality: Option<u8>,
    /// Try files that are not portable: they decode right on the device that wrote them, and may come out wrong here
    #[arg(long)]
    pub allow_not_portable: bool,
    /// The limits.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// A picture format that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// Lossless; carries everything
    Png,
    /// Lossy, 8 bits, no transparency
    Jpeg,
    /// Lossless, 8 bits
    Webp,
    /// Uncompressed, no metadata
    Pnm,
}

impl FormatName {
    /// The extension of files written into a folder.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Pnm => "pnm",
        }
    }
}

const EXAMPLES: &str = "\
What a format cannot carry (metadata, transparency, 16 bits) is dropped with a warning.

Folders are read and written as by `kiln encode`: each .kiln file of the tree becomes a picture in the same place of OUT.

Examples:
  kiln decode photo.kiln photo.png
  kiln decode photo.kiln photo.jpg --jpeg-quality 90
  kiln decode *.kiln pictures/ --format webp     each to pictures/NAME.webp; the folder must exist
  kiln decode small/ pictures/ --resume          a tree, without what is done already
  kiln decode photo.kiln - --format pnm | display";
