//! What decoding a file may cost.

use kiln_container::Header;
use kiln_models::Config;

use crate::Error;

/// Bounds on untrusted files, checked before anything is allocated for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most pixels, width times height; long thin pictures may take twice as many once their cells of 16x16 are filled.
    pub max_pixels: u64,
    /// Most bytes of working memory, the decoded picture included. An estimate that errs on the high side is compared.
    pub max_memory: u64,
    /// Most bytes of colour profile, camera data and alpha.
    pub max_box_bytes: u64,
}

impl Default for Limits {
    /// 128 megapixels, 6 GiB (1 GiB where a program cannot address more than 4), 128 MB.
    fn default() -> Self {
        let container = kiln_container::Limits::default();
        Self {
            max_pixels: container.max_pixels,
            max_memory: if usize::BITS < 64 { 1 << 30 } else { 6 << 30 },
            max_box_bytes: container.max_box_bytes,
        }
    }
}

impl Limits {
    /// The same with another bound on pixels.
    #[must_use]
    pub fn with_max_pixels(mut self, max_pixels: u64) -> Self {
        self.max_pixels = max_pixels;
        self
    }

    /// The same with another bound on working memory.
    #[must_use]
    pub fn with_max_memory(mut self, max_memory: u64) -> Self {
        self.max_memory = max_memory;
        self
    }

    pub(crate) fn container(&self) -> kiln_container::Limits {
        kiln_container::Limits {
            max_pixels: self.max_pixels,
            max_box_bytes: self.max_box_bytes,
            ..Default::default()
        }
    }

    /// Checks what decoding a picture of this size takes, in time and memory: latents grow with its cells, which a long thin picture has more of
    /// than its pixels tell.
    pub(crate) fn check_cost(&self, header: &Header, config: &Config) -> Result<(), Error> {
        /// Room for the tiles in flight and for the weights.
        const FIXED: u64 = 400 << 20;
        let cells = u64::from(header.width).div_ceil(16) * u64::from(header.height).div_ceil(16);
        // y_hat i32 and residuals i16 of every channel, features f32.
        // A picture a pixel wide is coded as one of 16: what it costs is bounded by its cells.
        let coded = cells.saturating_mul(256);
        let most = self.max_pixels.saturating_mul(2).saturating_add(1 << 16);
        if coded > most {
            return Err(Error::Limit {
                what: "the number of pixels in whole cells of 16x16",
                value: coded,
                limit: most,
            });
        }
        let per_cell = 6 * config.latents as u64 + 4 * config.features as u64;
        let value = FIXED + cells * per_cell + header.pixels() * 8;
        if value > self.max_memory {
            return Err(Error::Limit {
                what: "the memory to decode this size, in bytes,",
                value,
                limit: self.max_memory,
            });
        }
        Ok(())
    }
}
