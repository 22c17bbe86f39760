//! `kiln bench-one`: half of a round trip in a process of its own, which tells the memory it took.

use std::process::ExitCode;

use anyhow::{Context, ensure};
use image::RgbImage;
use kiln_measure::adapters::adapter;
use kiln_measure::codec::Codec;
use kiln_measure::results::peak_memory;

use super::model;
use crate::args::{BenchOneArgs, Step};
use crate::bench::kiln::{How, Kiln};
use crate::console;
use crate::files::{self, Source};

/// Runs the subcommand.
pub fn run(args: &BenchOneArgs) -> anyhow::Result<ExitCode> {
    let codec: Box<dyn Codec> = match &args.live {
        Some(name) => {
            let adapter = adapter(name).with_context(|| format!("there is no codec `{name}`"))?;
            adapter.open()?
        }
        None => {
            let model = model::load(&args.model, true)?;
            let how = How {
                effort: args.effort.unwrap_or_default(),
                fit: args.model_name.fit(args.effort, args.iterations, args.time),
                on_one_thread: false,
            };
            Box::new(Kiln::new("kiln", model, how, "")?)
        }
    };
    match args.step {
        Step::Encode => {
            let encoded = codec.encode(&picture(args)?, args.q)?;
            files::write_file(&args.file, &encoded.value)
                .with_context(|| format!("cannot write {}", args.file.display()))?;
        }
        Step::Decode => {
            let size = image::image_dimensions(&args.picture)
                .with_context(|| format!("cannot read {}", args.picture.display()))?;
            let bytes = files::read(&Source::File(args.file.clone()))?;
            let decoded = codec.decode(&bytes, size)?;
            ensure!(
                decoded.value.dimensions() == size,
                "the picture came back in another size"
            );
        }
    }
    let bytes = peak_memory().context("this system does not tell how much memory was used")?;
    console::print(&format!("{bytes}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn picture(args: &BenchOneArgs) -> anyhow::Result<RgbImage> {
    let picture = image::open(&args.picture)
        .with_context(|| format!("cannot read {}", args.picture.display()))?;
    Ok(picture.into_rgb8())
}
