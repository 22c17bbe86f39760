//! Choosing where networks run.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, DeviceType};

use crate::ModelError;

/// What a caller asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A hardware GPU when the picture is large enough to pay for starting it, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The best adapter of the graphics API, be it hardware or software.
    Gpu,
    /// The adapter whose name contains this text, in any case.
    Named(String),
}

impl FromStr for DeviceChoice {
    type Err = std::convert::Infallible;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(match s {
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            "gpu" => Self::Gpu,
            name => Self::Named(name.into()),
        })
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Named(name) => name,
        })
    }
}

/// A device of this machine.
#[derive(Clone, Debug)]
pub struct DeviceInfo {
    /// The name under which it can be chosen.
    pub name: String,
    /// `cpu`, `gpu` or `software gpu` (an adapter emulated by the CPU).
    pub kind: &'static str,
    device: Device,
}

impl DeviceInfo {
    /// The CPU.
    pub fn cpu() -> Self {
        Self {
            name: "cpu".into(),
            kind: "cpu",
            device: Device::flex(),
        }
    }

    /// Whether a graphics adapter is emulated by the CPU.
    pub fn is_software(&self) -> bool {
        self.kind == "software gpu"
    }

    /// Whether this is the CPU itself.
    pub fn is_cpu(&self) -> bool {
        self.kind == "cpu"
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }
}

/// Every graphics adapter of this machine. Opens each of them once, which takes some hundred milliseconds.
fn adapters() -> Vec<DeviceInfo> {
    Device::enumerate(DeviceType::Wgpu)
        .iter()
        .filter_map(|device| {
            let identity = device.identity()?;
            let kind = if identity.physical.is_some() {
                "gpu"
            } else {
                "software gpu"
            };
            Some(DeviceInfo {
                name: identity.name,
                kind,
                device: device.clone(),
            })
        })
        .collect()
}

/// Every device of this machine, the CPU first.
pub fn devices() -> Vec<DeviceInfo> {
    std::iter::once(DeviceInfo::cpu())
        .chain(adapters())
        .collect()
}

/// The device that a choice stands for. [`DeviceChoice::Auto`] is a hardware GPU if there is one, else the CPU: whether
/// a picture is large enough for it is the caller's to say.
///
/// # Errors
/// [`ModelError::Device`] where there is no such device; the message lists those that there are.
pub fn choose(choice: &DeviceChoice) -> Result<DeviceInfo, ModelError> {
    let found = match choice {
        DeviceChoice::Cpu => return Ok(DeviceInfo::cpu()),
        DeviceChoice::Auto => {
            return Ok(adapters()
                .into_iter()
                .find(|d| !d.is_software())
                .unwrap_or_else(DeviceInfo::cpu));
        }
        DeviceChoice::Gpu => {
            let mut all = adapters();
            all.sort_by_key(DeviceInfo::is_software);
            all.into_iter().next()
        }
        DeviceChoice::Named(name) => {
            let wanted = name.to_lowercase();
            devices()
                .into_iter()
                .find(|d| d.name.to_lowercase().contains(&wanted))
        }
    };
    found.ok_or_else(|| {
        let known = devices()
            .into_iter()
            .map(|d| format!("{} ({})", d.name, d.kind))
            .collect::<Vec<_>>()
            .join(", ");
        ModelError::Device(format!(
            "no device `{choice}` on this machine; it has: {known}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_and_written_alike() {
        for text in ["auto", "cpu", "gpu", "llvmpipe"] {
            assert_eq!(
                text.parse::<DeviceChoice>().map(|c| c.to_string()),
                Ok(text.to_string())
            );
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known() {
        let e = choose(&DeviceChoice::Named("no such adapter".into()))
            .unwrap_err()
            .to_string();
        assert!(
            e.contains("no such adapter") && e.contains("cpu (cpu)"),
            "{e}"
        );
    }
}
