//! The networks that the arguments ask for.

use std::cell::OnceCell;
use std::path::Path;

use anyhow::Context;
use kiln::picture::PictureError;
use kiln::{Decoder, DeviceChoice, ErrorKind, ExactChoice, Model, WEIGHTLESS};

use crate::args::{ExactDevice, ModelArgs};
use crate::console;
use crate::usage::UsageError;

/// The weights to encode with, on their device: those that are named, else the bundled ones.
pub fn load(args: &ModelArgs, quiet: bool) -> anyhow::Result<Model> {
    threads(args.threads)?;
    let device = device(args)?;
    let model = match &args.weights {
        Some(path) => named(path, &device)?,
        None => Model::bundled(&device)?,
    };
    let model = place(model, args)?;
    let device = model.device()?;
    if device.is_software() && !quiet {
        console::remark(&format!(
            "note: {} is emulated by the CPU: --device cpu is faster",
            device.name
        ));
    }
    Ok(model)
}

/// A decoder with the bundled weights and those that are named: a file says which of them it needs.
pub fn decoder(args: &ModelArgs) -> anyhow::Result<Decoder> {
    threads(args.threads)?;
    let device = device(args)?;
    let decoder = Decoder::new(place(Model::bundled(&device)?, args)?);
    Ok(match &args.weights {
        Some(path) => decoder.with_model(place(named(path, &device)?, args)?),
        None => decoder,
    })
}

/// Decoders for files as they come: reading the bundled weights takes as long as decoding a small picture, and not every
/// file needs them.
pub struct Decoders {
    args: ModelArgs,
    prepare: Box<dyn Fn(Decoder) -> Decoder>,
    without: Decoder,
    with: OnceCell<Decoder>,
}

impl Decoders {
    /// `prepare`: gives each decoder its limits and the like. What is wrong with the arguments is found at once.
    pub fn new(
        args: &ModelArgs,
        prepare: impl Fn(Decoder) -> Decoder + 'static,
    ) -> anyhow::Result<Self> {
        let args = args.clone();
        let with = OnceCell::new();
        // The bundled weights are right, and everything else may be asked of these arguments.
        if args.weights.is_some() || args.exact_device != ExactDevice::Auto {
            let decoder = decoder(&args)?;
            with.get_or_init(|| prepare(decoder));
        } else {
            threads(args.threads)?;
            device(&args)?;
        }
        Ok(Self {
            without: prepare(Decoder::without_weights()),
            prepare: Box::new(prepare),
            args,
            with,
        })
    }

    /// A decoder for this file.
    pub fn of(&self, bytes: &[u8]) -> anyhow::Result<&Decoder> {
        let needs_none = kiln::peek(bytes)
            .is_ok_and(|header| WEIGHTLESS.iter().any(|w| w.id == header.architecture));
        if needs_none {
            return Ok(&self.without);
        }
        if let Some(known) = self.with.get() {
            return Ok(known);
        }
        let args = ModelArgs {
            // Set already, which can be done once.
            threads: None,
            ..self.args.clone()
        };
        let decoder = decoder(&args)?;
        Ok(self.with.get_or_init(|| (self.prepare)(decoder)))
    }
}

/// Has the work of this process done by so many threads. Once, and before anything runs in parallel.
pub fn threads(count: Option<usize>) -> anyhow::Result<()> {
    match count {
        Some(count) => rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .build_global()
            .with_context(|| format!("--threads {count}")),
        None => Ok(()),
    }
}

fn device(args: &ModelArgs) -> Result<DeviceChoice, UsageError> {
    args.device
        .parse()
        .map_err(|error| UsageError(format!("--device {}: {error}", args.device)))
}

fn named(path: &Path, device: &DeviceChoice) -> anyhow::Result<Model> {
    Model::from_file(path, device)
        .with_context(|| format!("cannot use the weights {}", path.display()))
}

/// The model with its exact networks where the arguments ask for them.
fn place(model: Model, args: &ModelArgs) -> anyhow::Result<Model> {
    Ok(match args.exact_device {
        ExactDevice::Auto => model,
        ExactDevice::Cpu => model.with_exact(ExactChoice::Cpu)?,
        ExactDevice::Gpu => model
            .with_exact(ExactChoice::Gpu)
            .map_err(|error| UsageError(format!("--exact-device gpu: {error}")))?,
    })
}

/// An error of the library with the argument that would help.
pub fn hint(error: impl Into<kiln::Error>) -> anyhow::Error {
    let error = error.into();
    let hint = match &error {
        kiln::Error::NoWeights { .. } => "name the right weights with --weights FILE",
        kiln::Error::NotPortable { .. } => "--allow-not-portable tries it",
        kiln::Error::Picture(PictureError::Unsupported(what)) if what.starts_with("animated") => {
            "--first-frame takes the first"
        }
        _ => match limit(&error) {
            Some(hint) => hint,
            None => return error.into(),
        },
    };
    anyhow::anyhow!("{error}; {hint}")
}

/// The argument that raises the limit that was met.
fn limit(error: &kiln::Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::Limit {
        return None;
    }
    let text = error.to_string();
    if text.contains("pixels") {
        Some("--max-pixels raises it")
    } else if text.contains("memory") {
        Some("--max-memory raises it")
    } else {
        None
    }
}
