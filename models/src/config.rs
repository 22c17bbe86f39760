//! The numbers that fix an architecture, stored as JSON in the metadata of a weights file.

use serde::{Deserialize, Serialize};

use crate::WeightsError;
use crate::steps::{QUARTERS, STEPS};

/// Picture pixels per latent cell, along each side.
pub const CELL: usize = 16;
/// Latent cells per hyper-latent cell, along each side.
pub const HYPER_CELL: usize = 4;

/// Sizes of the "base" architecture. Every field travels with the weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Quality levels: 64 in format version 1.
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
        check("levels", c.levels, 64)?;
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

    /// Multiply-accumulate operations per picture pixel of (analysis side, synthesis side), each with the entropy
    /// networks it runs, for a picture of whole cells.
    pub fn macs_per_pixel(&self) -> (f64, f64) {
        let (m, w, f) = (self.latents as f64, self.width as f64, self.features as f64);
        let (z, h, e) = (
            self.hyper as f64,
            self.hyper_mid as f64,
            self.expansion as f64,
        );
        let block = |c: f64, e: f64| 2.0 * c * c + 9.0 * c + 2.0 * e * c * c;
        let low = (m * 768.0 + block(m, 1.0) + 4.0 * w * m) / 256.0;
        let high = |n: usize| (192.0 * w + n as f64 * block(w, e)) / 64.0;
        // The steps together: each computes what it codes.
        let heads = 2.0 * f * m;
        let context = 18.0 * m + (2.0 * m + f) * f + f * f;
        let entropy = (f * f + 9.0 * f + heads + (STEPS - 1) as f64 * context) / 256.0
            + (9.0 * h + h * 4.0 * f) / 1024.0
            + z * 4.0 * h / 4096.0;
        let hyper_analysis =
            (m * f + 9.0 * f) / 256.0 + (4.0 * f * f + 9.0 * f) / 1024.0 + 4.0 * f * z / 4096.0;
        let analysis = low + m * m / 256.0 + high(self.analysis_blocks) + hyper_analysis + entropy;
        (analysis, low + high(self.synthesis_blocks) + entropy)
    }
}
