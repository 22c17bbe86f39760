//! `kiln compare`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::values;

/// Arguments of `kiln compare`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CompareArgs {
    /// The original; a picture or a .kiln file
    #[arg(value_name = "A", value_hint = ValueHint::FilePath)]
    pub original: PathBuf,
    /// What it is compared with, of the same size
    #[arg(value_name = "B", value_hint = ValueHint::FilePath)]
    pub other: PathBuf,
    /// Write a picture of the difference: grey is equal, brighter is more in B
    #[arg(long, value_name = "PNG", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Factor of the difference in that picture
    #[arg(long, value_name = "N", default_value = "8", value_parser = values::gain)]
    pub gain: u8,
    /// Take the first frame of an animation, which is refused otherwise
    #[arg(long)]
    pub first_frame: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// The limits.
    #[command(flatten)]
    pub limits: super::LimitArgs,
    /// The network, for .kiln files.
    #[command(flatten)]
    pub model: super::ModelArgs,
}

const EXAMPLES: &str = "\
Both are compared as 8-bit RGB. Where a picture has alpha, its colours are blended onto mid-grey (128) first, so that \
those beneath transparent pixels do not count; alpha is compared by itself, at its full depth, and a picture without it \
counts as opaque.

`bpp` is that of file B. PSNR-YUV is (6 Y + Cb + Cr) / 8 of BT.709 YCbCr, full range, 4:4:4. MS-SSIM needs sides above 160 pixels, SSIMULACRA2 and Butteraugli (sRGB, 80 nits) at least 8.

Examples:
  kiln compare photo.png photo.kiln
  kiln compare photo.png photo.webp --out difference.png --gain 16
  kiln compare a.png b.png --json";
