//! `kiln bench-one`: half of a round trip in a process of its own, which tells the memory it took.

use std::process::ExitCode;

use anyhow::{Context, ensure};
use image::RgbImage;

use super::{batch, model};
use crate::args::{BenchOneArgs, Step};
use crate::bench::codec::Codec;
use crate::bench::kiln::Kiln;
use crate::bench::live::adapter;
use crate::bench::machine::peak_memory;
use crate::bench::results::Cost;
use crate::files::{self, Source};

/// Runs the subcommand.
pub fn run(args: &BenchOneArgs) -> anyhow::Result<ExitCode> {
    let codec: Box<dyn Codec> = match &args.live {
        Some(name) => {
            let adapter = adapter(name).with_context(|| format!("there is no codec `{name}`"))?;
            (adapter.open)(adapter.name)?
        }
        None => {
            let none = Cost {
                encode_kmac_per_pixel: 0.0,
                decode_kmac_per_pixel: 0.0,
            };
            let model = model::load(&args.model, true)?;
            Box::new(Kiln::new("kiln", model, args.effort, none, "", &[]))
        }
    };
    match args.step {
        Step::Encode => {
            let encoded = codec.encode(&picture(args)?, args.q)?;
            files::write_file(&args.file, &encoded.bytes)
                .with_context(|| format!("cannot write {}", args.file.display()))?;
        }
        Step::Decode => {
            let size = image::image_dimensions(&args.picture)
                .with_context(|| format!("cannot read {}", args.picture.display()))?;
            let bytes = files::read(&Source::File(args.file.clone()))?;
            let decoded = codec.decode(&bytes, size)?;
            ensure!(
                decoded.picture.dimensions() == size,
                "the picture came back in another size"
            );
        }
    }
    let bytes = peak_memory().context("this system does not tell how much memory was used")?;
    batch::print(&format!("{bytes}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn picture(args: &BenchOneArgs) -> anyhow::Result<RgbImage> {
    let picture = image::open(&args.picture)
        .with_context(|| format!("cannot read {}", args.picture.display()))?;
    Ok(picture.into_rgb8())
}
