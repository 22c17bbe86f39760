//! Weights on the device that fits a picture.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use kiln_models::device::{self, DeviceChoice, ExactChoice};
use kiln_models::{BUNDLED, TileSize};

use crate::Error;

/// Pixels from which `auto` takes a hardware GPU: below, starting it costs more than it saves.
const GPU_WORTH_PIXELS: u64 = 2_000_000;

/// A device of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The name under which it can be chosen.
    pub name: String,
    /// `cpu`, `gpu` or `software gpu`.
    pub kind: String,
    /// Whether a graphics adapter is emulated by the CPU.
    pub software: bool,
    /// Whether the exact networks run on the CPU when the float networks run here.
    pub exact_on_cpu: bool,
    /// Why they run where they run.
    pub exact_reason: String,
}

impl From<&device::DeviceInfo> for DeviceInfo {
    fn from(d: &device::DeviceInfo) -> Self {
        let exact = d.exact(ExactChoice::Auto);
        Self {
            name: d.name.clone(),
            kind: d.kind.into(),
            software: d.is_software(),
            exact_on_cpu: d.is_cpu() || !exact.on_device,
            exact_reason: exact.reason,
        }
    }
}

/// Every device of this machine, the CPU first. Opens graphics adapters, which takes some hundred milliseconds.
pub fn devices() -> Vec<DeviceInfo> {
    device::devices().iter().map(DeviceInfo::from).collect()
}

/// Sets how many threads the CPU work of this process uses. To be called once, before anything else.
///
/// # Errors
/// The number is 0, or threads are already running.
pub fn set_threads(threads: usize) -> Result<(), Error> {
    if threads == 0 {
        return Err(Error::Parameter(
            "0 threads cannot do anything, use 1 or more".into(),
        ));
    }
    kiln_models::set_threads(threads).map_err(Error::Parameter)
}

/// Weights, ready to encode and decode with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Model(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    bytes: Cow<'static, [u8]>,
    tile: TileSize,
    exact: ExactChoice,
    /// The model on the chosen device; with `auto`, on the CPU.
    first: Arc<kiln_models::Model>,
    /// With `auto`: the model on a hardware GPU, looked for when a picture is large enough. `None` inside: there is none.
    large: Option<OnceLock<Option<Arc<kiln_models::Model>>>>,
}

impl Model {
    /// The weights that travel inside the library.
    ///
    /// # Errors
    /// The device is absent.
    pub fn bundled(device: &DeviceChoice) -> Result<Self, Error> {
        Self::load("bundled weights".into(), Cow::Borrowed(BUNDLED), device)
    }

    /// Weights from a safetensors file.
    ///
    /// # Errors
    /// The file cannot be read, is not valid, or the device is absent.
    pub fn from_file(path: &Path, device: &DeviceChoice) -> Result<Self, Error> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            path: name.clone(),
            source,
        })?;
        Self::load(name, Cow::Owned(bytes), device)
    }

    /// The bundled weights on a device that was found before.
    pub(crate) fn on(device: &device::DeviceInfo) -> Result<Self, Error> {
        let bytes = Cow::Borrowed(BUNDLED);
        Self::place("bundled weights".into(), bytes, device, false)
    }

    fn load(name: String, bytes: Cow<'static, [u8]>, choice: &DeviceChoice) -> Result<Self, Error> {
        let auto = *choice == DeviceChoice::Auto;
        let info = if auto {
            device::DeviceInfo::cpu()
        } else {
            device::choose(choice)?
        };
        Self::place(name, bytes, &info, auto)
    }

    fn place(
        name: String,
        bytes: Cow<'static, [u8]>,
        info: &device::DeviceInfo,
        auto: bool,
    ) -> Result<Self, Error> {
        let (tile, exact) = (TileSize::default(), ExactChoice::default());
        let first = load(&name, &bytes, info, tile, exact)?;
        Ok(Self(Arc::new(Shared {
            name,
            bytes,
            tile,
            exact,
            first,
            large: auto.then(OnceLock::new),
        })))
    }

    /// The same weights computing in tiles of another size. Files do not depend on it, and pixels at most by one step.
    ///
    /// # Errors
    /// The device failed.
    pub fn with_tile(&self, tile: TileSize) -> Result<Self, Error> {
        self.again(tile, self.0.exact)
    }

    /// The same weights with another choice of where the exact networks run. Files do not depend on it.
    ///
    /// # Errors
    /// [`ExactChoice::Gpu`] with the CPU as device, or the device failed.
    pub fn with_exact(&self, exact: ExactChoice) -> Result<Self, Error> {
        let s = &self.0;
        if exact == ExactChoice::Gpu && s.large.is_none() && s.first.device_info().is_cpu() {
            return Err(Error::Parameter(
                "the exact networks cannot run on a GPU when the device is the CPU: choose another device too".into(),
            ));
        }
        self.again(s.tile, exact)
    }

    fn again(&self, tile: TileSize, exact: ExactChoice) -> Result<Self, Error> {
        let s = &self.0;
        let first = load(&s.name, &s.bytes, s.first.device_info(), tile, exact)?;
        let large = s.large.as_ref().map(|_| OnceLock::new());
        Ok(Self(Arc::new(Shared {
            name: s.name.clone(),
            bytes: s.bytes.clone(),
            tile,
            exact,
            first,
            large,
        })))
    }

    /// The model to run a picture of so many pixels on.
    pub(crate) fn for_pixels(&self, pixels: u64) -> Arc<kiln_models::Model> {
        let s = &self.0;
        let large = s
            .large
            .as_ref()
            .filter(|_| pixels >= GPU_WORTH_PIXELS)
            .and_then(|slot| {
                slot.get_or_init(|| {
                    let info = device::choose(&DeviceChoice::Auto)
                        .ok()
                        .filter(|d| !d.is_cpu())?;
                    load(&s.name, &s.bytes, &info, s.tile, s.exact).ok()
                })
                .clone()
            });
        large.unwrap_or_else(|| s.first.clone())
    }

    /// The device in use, or with `auto` the one that small pictures run on.
    pub fn device_name(&self) -> String {
        self.0.first.device_info().name.clone()
    }

    /// What a user should know about the chosen device, such as that it is emulated by the CPU.
    pub fn device_note(&self) -> Option<String> {
        let d = self.0.first.device_info();
        d.is_software().then(|| {
            format!(
                "{} is emulated by the CPU: `--device cpu` is faster",
                d.name
            )
        })
    }

    /// First bytes of a hash over everything a decoder reads of these weights.
    pub fn decoder_set(&self) -> [u8; 8] {
        self.0.first.decoder_set().0
    }

    /// Number of quality levels.
    pub fn levels(&self) -> u8 {
        self.0.first.config().levels as u8
    }

    /// Multiply-accumulate operations per pixel: (encoder, decoder).
    pub fn macs_per_pixel(&self) -> (f64, f64) {
        self.0.first.config().macs_per_pixel()
    }
}

fn load(
    name: &str,
    bytes: &[u8],
    device: &device::DeviceInfo,
    tile: TileSize,
    exact: ExactChoice,
) -> Result<Arc<kiln_models::Model>, Error> {
    let model =
        kiln_models::Model::load_with(bytes, device, exact).map_err(|source| Error::Weights {
            name: name.into(),
            source,
        })?;
    Ok(Arc::new(model.with_tile(tile)))
}
