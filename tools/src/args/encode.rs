//! `kiln encode`.

use std::time::Duration;

use clap::{ArgGroup, Args};
use kiln::Effort;

use super::values;
use super::{LimitArgs, ModelArgs, ModelName, TransferArgs};

/// Arguments of `kiln encode`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("target"), after_help = EXAMPLES)]
pub struct EncodeArgs {
    /// Files to read and write.
    #[command(flatten)]
    pub files: TransferArgs,
    /// Quality, 0 (smallest file) to 100 (best picture) [default: 60]
    #[arg(short, long, value_name = "N", group = "target", value_parser = values::quality, allow_negative_numbers = true)]
    pub quality: Option<u8>,
    /// Level of the network, from 0 (the bundled weights have 64): what --quality is translated to
    #[arg(long, value_name = "N", group = "target", value_parser = values::level, allow_negative_numbers = true)]
    pub level: Option<u8>,
    /// Best picture of at most this many bits per pixel
    #[arg(long, value_name = "BITS", group = "target", value_parser = values::bpp, allow_negative_numbers = true)]
    pub bpp: Option<f64>,
    /// Best picture of at most this many bytes; k, M, G are thousands, Ki, Mi, Gi 1024s
    #[arg(long, value_name = "BYTES", group = "target", value_parser = values::size, allow_negative_numbers = true)]
    pub size: Option<u64>,
    /// Keep every sample exactly, whatever size that takes
    #[arg(long, group = "target")]
    pub lossless: bool,
    /// Keep the colours beneath fully transparent pixels, which nobody sees, instead of what costs least
    #[arg(long)]
    pub keep_hidden: bool,
    /// Leave the whole picture to the network: no blocks without loss, whatever it makes of text and drawings
    #[arg(long, conflicts_with = "lossless")]
    pub no_graphics: bool,
    /// Take the first frame of an animation, which is refused otherwise
    #[arg(long)]
    pub first_frame: bool,
    /// Decode what was written, from the disk, and compare it with what the encoder has: symbols and latents must be
    /// equal, pixels within one step. A file that fails is not kept
    #[arg(long)]
    pub verify: bool,
    /// How long to think, 0 (one pass) to 9: a better picture for its bytes, the same format and decoder [default: 0].
    /// With --model fitted and auto, iterations of the fit: 300 for 0, 1,000 for 1, 4,000 for 3, 13,000 for 6, 100,000 for 9
    /// [default: 3]
    #[arg(short, long, value_name = "N", value_parser = values::effort, allow_negative_numbers = true)]
    pub effort: Option<Effort>,
    /// What makes the file: base, fitted or auto; see below
    #[arg(
        long = "model",
        value_name = "NAME",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        conflicts_with = "lossless"
    )]
    pub model_name: ModelName,
    /// Time for a picture with --model fitted and auto, such as 30s, 5m or 1h, kept within 5 %
    #[arg(long, value_name = "TIME", value_parser = values::time, conflicts_with_all = ["effort", "iterations"], allow_negative_numbers = true)]
    pub time: Option<Duration>,
    /// Iterations of a fit, instead of an --effort
    #[arg(long, value_name = "N", value_parser = values::iterations, conflicts_with = "effort", allow_negative_numbers = true)]
    pub iterations: Option<u32>,
    /// The limits.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The network.
    #[command(flatten)]
    pub model: ModelArgs,
}

const EXAMPLES: &str = "\
Reads PNG, JPEG, WebP, PNM (PBM, PGM, PPM, PAM), GIF, TIFF, BMP, QOI and TGA. ICC profile, EXIF, XMP, transparency, \
grey and 16 bits are kept.

Of a folder, OUT gets the same tree; of several inputs, each folder keeps its name in OUT. Pictures are known by \
extension or content; other files are counted and left alone, hidden ones passed over, and links followed. a.png \
becomes a.kiln; where an earlier input has taken that name, a.jpg becomes a.jpg.kiln. A file that fails does not stop \
the others.

Models:
  base    The trained networks: a part of a second for a file. For everything that is encoded about as often as it is
          looked at.
  fitted  Networks fitted to this one picture, in the file: minutes to encode, decoded faster than base on one core, to
          the same samples on every machine, and without weights. For pictures that are encoded once and served often.
          --level and --quality trade bits for error as with base, --size and --bpp take several fits. Where base would
          cost less, a warning says so.
  auto    Does both and keeps the one that costs less: for drawings, tiny pictures and short times.

A fit shows bytes and PSNR as they fall. Ctrl-C, or one SIGINT, has it end there: the best so far is written, files of a batch that have not begun are left for --resume, and the program ends as by the signal if there are any. A second one, half a second later or more, ends at once without that file, as SIGTERM and SIGHUP always do. Of several pictures, as many as there are threads are fitted at a time, one on each, which is faster than all threads on one; each may take --max-memory.

Examples:
  kiln encode photo.jpg photo.kiln             quality 60
  kiln encode photo.jpg photo.kiln -q 80       better and larger
  kiln encode photo.jpg photo.kiln --size 50k  at most 50,000 bytes
  kiln encode chart.png chart.kiln --lossless  every sample as it is
  kiln encode photo.jpg photo.kiln --verify    decode the file again and compare
  kiln encode photo.jpg photo.kiln --effort 3  search for a better file; takes about eight times as long
  kiln encode photo.jpg photo.kiln --model fitted --time 5m    the smallest file that five minutes find
  kiln encode *.png out/ --model fitted --effort 6 --resume    a batch that may be stopped and goes on
  kiln encode *.png small/                     each to small/NAME.kiln; the folder must exist
  kiln encode photos/ small/ --resume -p       a tree, without what is done already; times as in photos/
  convert a.svg png:- | kiln encode - a.kiln";
