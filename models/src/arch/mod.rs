//! What papers describe: an architecture is a file in this folder and a line in [`ARCHITECTURES`].

pub mod base;
pub mod hyperprior;

use std::fmt;

use crate::WeightsError;
use crate::seam::{Architecture, Levels, Places};
use crate::weights::Weights;

/// Places weights on devices.
pub type Open = fn(Weights<'_>, &Places) -> Result<Box<dyn Architecture>, WeightsError>;

/// An architecture that this version runs.
pub struct Entry {
    /// Its number in the head of a file.
    pub id: u8,
    /// Its name in the metadata of a weights file.
    pub name: &'static str,
    /// Who described it.
    pub paper: &'static str,
    /// What a weights file says of itself before any device is opened.
    pub describe: fn(&Weights<'_>) -> Result<Description, WeightsError>,
    /// Places a weights file on devices.
    pub open: Open,
    /// Whether the encoder can search for better latents, and so knows efforts above 0.
    pub searches: bool,
    /// Whether `kiln train` can fine-tune it.
    pub trains: bool,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Every architecture that this version runs.
pub static ARCHITECTURES: &[Entry] = &[base::ENTRY, hyperprior::ENTRY];

/// The architecture of a number in the head of a file.
pub fn by_id(id: u8) -> Option<&'static Entry> {
    ARCHITECTURES.iter().find(|e| e.id == id)
}

/// The architecture of a name in the metadata of a weights file.
pub fn by_name(name: &str) -> Option<&'static Entry> {
    ARCHITECTURES.iter().find(|e| e.name == name)
}

/// What a weights file says of itself, cheap to find out: no tensor is placed on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Quality levels.
    pub levels: Levels,
}

/// The architecture that a weights file is for.
///
/// # Errors
/// [`WeightsError::Architecture`] if this version does not run it.
pub fn of(weights: &Weights<'_>) -> Result<&'static Entry, WeightsError> {
    let name = weights.architecture();
    by_name(name).ok_or_else(|| WeightsError::Architecture(name.to_owned()))
}

/// Places weights of any architecture on devices.
///
/// # Errors
/// This version does not run their architecture, or they are not what it needs.
pub fn open(weights: Weights<'_>, places: &Places) -> Result<Box<dyn Architecture>, WeightsError> {
    (of(&weights)?.open)(weights, places)
}
