//! Weights, and where they run.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kiln_models::arch::{self, Entry};
use kiln_models::seam::{
    self, Architecture, DeviceChoice, DeviceInfo, ExactChoice, Levels, Macs, Places, TileSize,
};
use kiln_models::{DecoderSet, Portability, Weights, WeightsError};

use crate::Error;

/// Pixels from which `auto` takes a hardware GPU: below, starting it costs more than it saves.
const GPU_WORTH_PIXELS: u64 = 2_000_000;

/// Weights to encode and decode with. Cheap to clone.
///
/// What they are for is known at once; devices are opened, and networks placed on them, when the first picture needs them.
#[derive(Clone, Debug)]
pub struct Model(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    bytes: Cow<'static, [u8]>,
    architecture: &'static Entry,
    decoder_set: DecoderSet,
    levels: Levels,
    device: DeviceChoice,
    tile: TileSize,
    exact: ExactChoice,
    /// On the chosen device; with `auto`, on the CPU.
    first: Mutex<Option<Arc<dyn Architecture>>>,
    /// With `auto`: on a hardware GPU, looked for when a picture is large enough. `None` inside: there is none.
    large: OnceLock<Result<Option<Arc<dyn Architecture>>, String>>,
}

/// Networks on the device that fits a picture.
pub(crate) struct Opened {
    pub(crate) architecture: Arc<dyn Architecture>,
    /// Why a GPU that is there does not do the work.
    pub(crate) warning: Option<String>,
}

impl Model {
    /// The weights that travel inside the library.
    ///
    /// # Errors
    /// None that a caller can cause.
    #[cfg(feature = "bundled")]
    pub fn bundled(device: &DeviceChoice) -> Result<Self, Error> {
        let bytes = Cow::Borrowed(kiln_models::BUNDLED);
        Self::new("bundled weights".into(), bytes, device)
    }

    /// Weights from a safetensors file.
    ///
    /// # Errors
    /// The file cannot be read, is not valid, or is for an architecture that this version does not run.
    pub fn from_file(path: &Path, device: &DeviceChoice) -> Result<Self, Error> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            path: name.clone(),
            source,
        })?;
        Self::new(name, Cow::Owned(bytes), device)
    }

    /// Weights from a safetensors file in memory. `name` stands for them in errors.
    ///
    /// # Errors
    /// The bytes are not valid, or for an architecture that this version does not run.
    pub fn from_bytes(
        name: impl Into<String>,
        bytes: impl Into<Cow<'static, [u8]>>,
        device: &DeviceChoice,
    ) -> Result<Self, Error> {
        Self::new(name.into(), bytes.into(), device)
    }

    fn new(name: String, bytes: Cow<'static, [u8]>, device: &DeviceChoice) -> Result<Self, Error> {
        let failed = |source| Error::Weights {
            name: name.clone(),
            source,
        };
        let weights = Weights::open(&bytes).map_err(failed)?;
        let architecture = arch::of(&weights).map_err(failed)?;
        let levels = (architecture.describe)(&weights).map_err(failed)?.levels;
        let decoder_set = weights.decoder_set();
        Ok(Self(Arc::new(Shared {
            name,
            bytes,
            architecture,
            decoder_set,
            levels,
            device: device.clone(),
            tile: TileSize::default(),
            exact: ExactChoice::default(),
            first: Mutex::new(None),
            large: OnceLock::new(),
        })))
    }

    /// The same weights computing in tiles of another size. Files do not depend on it, and pixels at most by one step.
    #[must_use]
    pub fn with_tile(&self, tile: TileSize) -> Self {
        self.again(tile, self.0.exact)
    }

    /// The same weights with another choice of where the networks run that pick probabilities. Files do not depend on it.
    ///
    /// # Errors
    /// [`ExactChoice::Gpu`] with the CPU as device.
    pub fn with_exact(&self, exact: ExactChoice) -> Result<Self, Error> {
        if exact == ExactChoice::Gpu && self.0.device == DeviceChoice::Cpu {
            return Err(Error::Parameter(
                "the exact networks cannot run on a GPU when the device is the CPU: choose another device too".into(),
            ));
        }
        Ok(self.again(self.0.tile, exact))
    }

    fn again(&self, tile: TileSize, exact: ExactChoice) -> Self {
        let s = &self.0;
        Self(Arc::new(Shared {
            name: s.name.clone(),
            bytes: s.bytes.clone(),
            architecture: s.architecture,
            decoder_set: s.decoder_set,
            levels: s.levels,
            device: s.device.clone(),
            tile,
            exact,
            first: Mutex::new(None),
            large: OnceLock::new(),
        }))
    }

    /// Opens the device and places the networks there now, instead of for the first picture.
    ///
    /// # Errors
    /// There is no such device, or the weights are not what their architecture needs.
    pub fn open(&self) -> Result<(), Error> {
        self.first().map(drop)
    }

    /// The networks to run a picture of so many pixels on.
    pub(crate) fn for_pixels(&self, pixels: u64) -> Result<Opened, Error> {
        let s = &self.0;
        let mut warning = None;
        if s.device == DeviceChoice::Auto && pixels >= GPU_WORTH_PIXELS {
            match s.large.get_or_init(|| self.on_gpu()) {
                Ok(Some(architecture)) => {
                    return Ok(Opened {
                        architecture: architecture.clone(),
                        warning,
                    });
                }
                Ok(None) => {}
                Err(reason) => {
                    warning = Some(format!(
                        "the CPU did the work, since a GPU could not: {reason}"
                    ));
                }
            }
        }
        Ok(Opened {
            architecture: self.first()?,
            warning,
        })
    }

    fn first(&self) -> Result<Arc<dyn Architecture>, Error> {
        let s = &self.0;
        // A panic while weights were placed leaves the slot empty.
        let mut slot = s.first.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(architecture) = slot.as_ref() {
            return Ok(architecture.clone());
        }
        let device = match &s.device {
            DeviceChoice::Auto => DeviceInfo::cpu(),
            choice => seam::choose(choice)?,
        };
        let architecture = self.place(device)?;
        *slot = Some(architecture.clone());
        Ok(architecture)
    }

    fn on_gpu(&self) -> Result<Option<Arc<dyn Architecture>>, String> {
        let device = seam::choose(&DeviceChoice::Auto).map_err(|e| e.to_string())?;
        match device.is_cpu() {
            true => Ok(None),
            false => self.place(device).map(Some).map_err(|e| e.to_string()),
        }
    }

    /// The networks on a device.
    pub(crate) fn place(&self, device: DeviceInfo) -> Result<Arc<dyn Architecture>, Error> {
        let s = &self.0;
        let places = Places {
            device,
            exact: s.exact,
            tile: s.tile,
        };
        let open = || -> Result<_, WeightsError> {
            (s.architecture.open)(Weights::open_known(&s.bytes, s.decoder_set)?, &places)
        };
        open().map(Arc::from).map_err(|source| Error::Weights {
            name: s.name.clone(),
            source,
        })
    }

    /// Where the weights come from: a path, or `bundled weights`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The architecture that the weights are for.
    pub fn architecture(&self) -> &'static Entry {
        self.0.architecture
    }

    /// Names what a decoder needs of these weights.
    pub fn decoder_set(&self) -> DecoderSet {
        self.0.decoder_set
    }

    /// The quality levels of these weights.
    pub fn levels(&self) -> Levels {
        self.0.levels
    }

    /// The device in use, or with `auto` the one that small pictures run on. Opens it.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn device(&self) -> Result<DeviceInfo, Error> {
        Ok(self.first()?.device().clone())
    }

    /// Whether files of these weights decode alike on every machine, as loading them shows.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn portability(&self) -> Result<Portability, Error> {
        Ok(self.first()?.facts().portability.clone())
    }

    /// Multiply-accumulate operations for each pixel of a picture.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn macs(&self) -> Result<Macs, Error> {
        Ok(self.first()?.macs())
    }
}
