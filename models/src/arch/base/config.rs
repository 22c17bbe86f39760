//! The numbers that fix the networks of `base`, stored as JSON in the metadata of a weights file.

use serde::{Deserialize, Serialize};

use crate::WeightsError;
use crate::latents::steps::QUARTERS;
use crate::seam::Levels;

/// Picture pixels per latent cell, along each side.
pub const CELL: usize = 16;
/// Latent cells per hyper-latent cell, along each side.
pub const HYPER_CELL: usize = 4;

/// Sizes of the networks. Every field travels with the weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Quality levels, at most [`Levels::MAX`].
    pub levels: usize,
    /// Channels M of the latent y, at 1/16.
    pub latents: usize,
    /// Channels of the transforms at 1/8.
    pub width: usize,
    /// Channels of the hyper latent z, at 1/64.
    pub hyper: usize,
    /// Channels of the features that h_s hands to the context model, at 1/16.
    pub features: usize,
    /// Channels of h_s at 1/32.
    pub hyper_mid: usize,
    /// Blocks of g_a at 1/8.
    pub analysis_blocks: usize,
    /// Blocks of g_s at 1/8.
    pub synthesis_blocks: usize,
    /// Widening of the hidden layers at 1/8.
    pub expansion: usize,
}

impl Config {
    /// Reads a configuration and checks that each size is one that this version can run.
    ///
    /// # Errors
    /// [`WeightsError::Config`] names the field that is missing, unknown or out of range.
    pub fn from_json(json: &str) -> Result<Self, WeightsError> {
        let c: Self =
            serde_json::from_str(json).map_err(|e| WeightsError::Config(e.to_string()))?;
        let check = |name: &str, value: usize, max: usize| {
            if (1..=max).contains(&value) {
                Ok(())
            } else {
                Err(WeightsError::Config(format!(
                    "{name} is {value}, outside 1..={max}"
                )))
            }
        };
        check("levels", c.levels, Levels::MAX)?;
        check("latents", c.latents, 1024)?;
        check("width", c.width, 1024)?;
        check("hyper", c.hyper, 256)?;
        check("features", c.features, 1024)?;
        check("hyper_mid", c.hyper_mid, 1024)?;
        check("analysis_blocks", c.analysis_blocks, 64)?;
        check("synthesis_blocks", c.synthesis_blocks, 64)?;
        check("expansion", c.expansion, 8)?;
        if !c.latents.is_multiple_of(QUARTERS) {
            return Err(WeightsError::Config(format!(
                "latents is {}, it must be a multiple of {QUARTERS}",
                c.latents
            )));
        }
        Ok(c)
    }

    /// The quality levels.
    ///
    /// # Errors
    /// [`WeightsError::Config`] for a count that [`Config::from_json`] would have refused.
    pub(crate) fn quality_levels(&self) -> Result<Levels, WeightsError> {
        Levels::new(self.levels).ok_or_else(|| {
            WeightsError::Config(format!(
                "levels is {}, outside 1..={}",
                self.levels,
                Levels::MAX
            ))
        })
    }
}
