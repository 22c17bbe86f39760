//! Choosing where networks run.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use burn::tensor::Device;
#[cfg(any(feature = "gpu", feature = "cuda"))]
use burn::tensor::DeviceType;

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

/// Where the exact networks run: those between decoded symbols and the rows of probability tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExactChoice {
    /// The CPU, unless the device is known to be right and faster.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The device that the float networks run on, whatever is known of it. Encoding and decoding with portable weights are
    /// then checked against the CPU: see [`Architecture::encode`](crate::seam::Architecture::encode). Files of others are
    /// for this device alone.
    Gpu,
}

/// Where the exact networks of a device run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// On the device itself rather than on the CPU beside it.
    pub on_device: bool,
    /// The reason, as a part of a sentence.
    pub reason: String,
}

/// A graphics device on which the exact path was measured.
struct Seen {
    /// A part of its name, in lower case.
    name: &'static str,
    /// Whether rows, symbols and latents of the conformance set came out right in every integer.
    right: bool,
    /// Whether it takes less time there than on the CPU of the same machine.
    faster: bool,
}

/// What `kiln selftest` has shown, device by device; the measurements stand in `codec/CONFORMANCE.md`.
const SEEN: &[Seen] = &[Seen {
    name: "llvmpipe",
    right: true,
    faster: false,
}];

/// Decides where the exact networks of a device run.
fn place(name: &str, is_cpu: bool, choice: ExactChoice, seen: &[Seen]) -> Placement {
    let (on_device, reason) = if is_cpu {
        (true, "the CPU is always exact")
    } else {
        let name = name.to_lowercase();
        let known = seen.iter().find(|s| name.contains(s.name));
        match (choice, known) {
            (ExactChoice::Cpu, _) => (false, "asked for"),
            (ExactChoice::Gpu, _) => (true, "asked for, and checked against the CPU"),
            (ExactChoice::Auto, None) => (false, "this device has not been shown to be exact"),
            (ExactChoice::Auto, Some(s)) if !s.right => {
                (false, "this device has been shown not to be exact")
            }
            (ExactChoice::Auto, Some(s)) if !s.faster => {
                (false, "this device is exact, but slower than the CPU")
            }
            (ExactChoice::Auto, Some(_)) => (
                true,
                "this device has been shown to be exact and faster than the CPU",
            ),
        }
    };
    Placement {
        on_device,
        reason: reason.into(),
    }
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceKind {
    /// The CPU.
    Cpu,
    /// Burn's `ndarray` backend, on the CPU: see the feature of that name.
    Ndarray,
    /// A graphics card.
    Gpu,
    /// A graphics adapter that the CPU emulates.
    SoftwareGpu,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Ndarray => "ndarray",
            Self::Gpu => "gpu",
            Self::SoftwareGpu => "software gpu",
        })
    }
}

/// A device of this machine.
#[derive(Clone, Debug)]
pub struct DeviceInfo {
    /// The name under which it can be chosen.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    device: Device,
}

impl DeviceInfo {
    /// The CPU.
    pub fn cpu() -> Self {
        Self {
            name: "cpu".into(),
            kind: DeviceKind::Cpu,
            device: Device::flex(),
        }
    }

    /// Burn's `ndarray` backend, an implementation of its own on the CPU: a second witness for tests of exactness.
    #[cfg(feature = "ndarray")]
    #[allow(deprecated, reason = "it is a second witness as long as Burn has it")]
    pub fn ndarray() -> Self {
        Self {
            name: "ndarray".into(),
            kind: DeviceKind::Ndarray,
            device: Device::ndarray(),
        }
    }

    /// Whether a graphics adapter is emulated by the CPU.
    pub fn is_software(&self) -> bool {
        self.kind == DeviceKind::SoftwareGpu
    }

    /// Whether this is the CPU itself.
    pub fn is_cpu(&self) -> bool {
        self.kind == DeviceKind::Cpu
    }

    /// Where the exact networks run when the float networks run here.
    pub fn exact(&self, choice: ExactChoice) -> Placement {
        place(&self.name, self.is_cpu(), choice, SEEN)
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }
}

/// Side of the square that a network computes at once, in picture pixels. Results do not depend on it: integer networks
/// agree bit for bit, float networks within one step of 8 bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileSize(usize);

impl TileSize {
    /// A side of `pixels`, a multiple of 64.
    ///
    /// Returns `None` for zero and for sides that are not whole cells of the hyper latent.
    pub fn new(pixels: usize) -> Option<Self> {
        (pixels > 0 && pixels.is_multiple_of(64)).then_some(Self(pixels))
    }

    /// Side in cells of `cell` pixels.
    pub(crate) fn cells(self, cell: usize) -> usize {
        (self.0 / cell).max(1)
    }
}

impl Default for TileSize {
    fn default() -> Self {
        Self(768)
    }
}

/// Where the networks of a model are to run, as its user asks for.
#[derive(Clone, Debug)]
pub struct Places {
    /// Where the float networks run.
    pub device: DeviceInfo,
    /// Where the networks run that pick probabilities.
    pub exact: ExactChoice,
    /// The square of pixels that is computed at once.
    pub tile: TileSize,
}

impl Places {
    /// All on the CPU, in tiles of the default size.
    pub fn cpu() -> Self {
        Self::on(DeviceInfo::cpu())
    }

    /// On a device, with the defaults for all else.
    pub fn on(device: DeviceInfo) -> Self {
        Self {
            device,
            exact: ExactChoice::default(),
            tile: TileSize::default(),
        }
    }
}

/// Where the networks of a model run.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where the float networks run.
    pub device: Device,
    /// Where the networks run that pick probabilities.
    pub exact: Device,
    /// The square of pixels that is computed at once.
    pub tile: TileSize,
}

/// Every device of one of Burn's GPU backends, with `suffix` behind its name. Opens each of them once, which takes some
/// hundred milliseconds.
#[cfg(any(feature = "gpu", feature = "cuda"))]
fn enumerate(backend: DeviceType, suffix: &str) -> Vec<DeviceInfo> {
    Device::enumerate(backend)
        .iter()
        .filter_map(|device| {
            let identity = device.identity()?;
            let kind = match identity.physical {
                Some(_) => DeviceKind::Gpu,
                None => DeviceKind::SoftwareGpu,
            };
            Some(DeviceInfo {
                name: identity.name + suffix,
                kind,
                device: device.clone(),
            })
        })
        .collect()
}

/// Every GPU of this machine that the features of this build can reach. A card that is reached through CUDA and through the
/// graphics API is in the list twice, CUDA first: a build with that feature was made to use it.
fn adapters() -> Vec<DeviceInfo> {
    #[allow(
        unused_mut,
        reason = "the list stays empty in a build for the CPU alone"
    )]
    let mut all = Vec::new();
    #[cfg(feature = "cuda")]
    all.extend(enumerate(DeviceType::Cuda, " (CUDA)"));
    #[cfg(feature = "gpu")]
    all.extend(enumerate(DeviceType::Wgpu, ""));
    all
}

/// What an error says where there is no adapter because the build cannot reach any.
fn build_note() -> &'static str {
    match cfg!(any(feature = "gpu", feature = "cuda")) {
        true => "",
        false => {
            "; this build is for the CPU alone (the cargo feature `gpu` adds graphics adapters)"
        }
    }
}

/// Whether this machine can have a hardware GPU: on Linux its driver leaves a file in `/dev`. Looking for adapters takes
/// some hundred milliseconds and starts graphics libraries, which complain to standard error where there is no desktop.
fn may_have_hardware() -> bool {
    const DRIVERS: [&str; 6] = ["dri", "nvidiactl", "nvgpu", "dxg", "mali0", "kgsl-3d0"];
    !cfg!(any(target_os = "linux", target_os = "android"))
        || DRIVERS.iter().any(|d| Path::new("/dev").join(d).exists())
}

/// Every device of this machine, the CPU first.
pub fn devices() -> Vec<DeviceInfo> {
    let mut all = vec![DeviceInfo::cpu()];
    #[cfg(feature = "ndarray")]
    all.push(DeviceInfo::ndarray());
    all.extend(adapters());
    all
}

/// The device that a choice stands for. [`DeviceChoice::Auto`] is a hardware GPU if there is one, else the CPU: whether
/// a picture is large enough for it is the caller's to say.
///
/// # Errors
/// [`ModelError::Device`] where there is no such device; the message lists those that there are.
pub fn choose(choice: &DeviceChoice) -> Result<DeviceInfo, ModelError> {
    let found = match choice {
        DeviceChoice::Cpu => return Ok(DeviceInfo::cpu()),
        DeviceChoice::Auto if !may_have_hardware() => return Ok(DeviceInfo::cpu()),
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
            "no device `{choice}` on this machine, which has: {known}{}",
            build_note()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_hyper_cells() {
        assert!(TileSize::new(0).is_none());
        assert!(TileSize::new(100).is_none());
        assert_eq!(TileSize::new(128).map(|t| t.cells(64)), Some(2));
        assert_eq!(TileSize::default().cells(16), 48);
    }

    #[test]
    fn choices_are_read_and_written_alike() {
        for text in ["auto", "cpu", "gpu", "llvmpipe"] {
            assert_eq!(
                text.parse::<DeviceChoice>().map(|c| c.to_string()),
                Ok(text.to_string())
            );
        }
    }

    /// Runs the policy on a list of its own, so that the test does not depend on what has been seen so far.
    #[test]
    fn the_exact_path_leaves_the_cpu_only_when_shown_right_and_faster_or_when_forced() {
        let seen = |name, right, faster| Seen {
            name,
            right,
            faster,
        };
        let list = [
            seen("good", true, true),
            seen("slow", true, false),
            seen("bad", false, true),
        ];
        let on_device = |name, choice| place(name, false, choice, &list).on_device;
        assert!(on_device("A GOOD card", ExactChoice::Auto));
        for name in ["slow", "bad", "never seen"] {
            assert!(!on_device(name, ExactChoice::Auto), "{name}");
            assert!(on_device(name, ExactChoice::Gpu), "{name}");
        }
        assert!(!on_device("good", ExactChoice::Cpu));
        assert!(place("cpu", true, ExactChoice::Cpu, &list).on_device);
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
