//! The network that the arguments ask for.

use anyhow::Context;
use kiln::{DeviceChoice, ExactChoice, Model};

use crate::args::{ExactDevice, ModelArgs};
use crate::usage::UsageError;

/// Sets the number of threads and loads weights onto the device.
pub fn load(args: &ModelArgs, quiet: bool) -> anyhow::Result<Model> {
    let device: DeviceChoice = args
        .device
        .parse()
        .map_err(|error| UsageError(format!("--device {}: {error}", args.device)))?;
    if let Some(threads) = args.threads {
        kiln::set_threads(threads)?;
    }
    let model = match &args.weights {
        Some(path) => Model::from_file(path, &device)
            .with_context(|| format!("cannot use the weights {}", path.display()))?,
        None => Model::bundled(&device)?,
    };
    let model = match args.exact_device {
        ExactDevice::Auto => model,
        ExactDevice::Cpu => model.with_exact(ExactChoice::Cpu)?,
        ExactDevice::Gpu => model
            .with_exact(ExactChoice::Gpu)
            .map_err(|error| UsageError(format!("--exact-device gpu: {error}")))?,
    };
    if let Some(note) = model.device_note().filter(|_| !quiet) {
        eprintln!("note: {note}");
    }
    Ok(model)
}

/// A decoder set as it is written everywhere: 16 hexadecimal digits.
pub fn hex(decoder_set: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(decoder_set))
}

#[cfg(test)]
mod tests {
    #[test]
    fn hex_keeps_leading_zeros_and_order() {
        assert_eq!(super::hex([0, 1, 2, 3, 4, 5, 6, 0xff]), "00010203040506ff");
    }
}
