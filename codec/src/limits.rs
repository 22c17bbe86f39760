//! What networks take for a picture, against the limits of the side that runs them.

use kiln_container::Depth;
use kiln_models::seam::{Architecture, Size};
use kiln_picture::Limits;

use crate::Error;
use crate::pixels::Channels;

/// The checks of [`Limits`] that know of the container and of networks.
pub(crate) trait Costs {
    /// The same bounds for the container.
    fn container(&self) -> kiln_container::Limits;

    /// Checks the pixels of a picture, before anything is opened for it.
    fn check_pixels(&self, pixels: u64) -> Result<(), Error>;

    /// Checks what networks take for a picture, in time and memory: latents grow with its cells, of which a long thin
    /// picture has more than its pixels tell. `bytes`: what the networks and everything around them hold.
    fn check_cost(
        &self,
        architecture: &dyn Architecture,
        size: Size,
        bytes: u64,
    ) -> Result<(), Error>;

    /// Checks bytes of working memory.
    fn check_memory(&self, bytes: u64) -> Result<(), Error>;
}

impl Costs for Limits {
    fn container(&self) -> kiln_container::Limits {
        kiln_container::Limits {
            max_pixels: self.max_pixels,
            max_box_bytes: self.max_metadata,
            ..Default::default()
        }
    }

    fn check_pixels(&self, pixels: u64) -> Result<(), Error> {
        check("the number of pixels", pixels, self.max_pixels)
    }

    fn check_cost(
        &self,
        architecture: &dyn Architecture,
        size: Size,
        bytes: u64,
    ) -> Result<(), Error> {
        let cell = architecture.facts().cell;
        let (h, w) = size.cells(cell);
        let coded = [h as u64, w as u64, cell as u64, cell as u64]
            .into_iter()
            .fold(1, u64::saturating_mul);
        // A picture a pixel wide is coded as one of a cell: what it costs is bounded by its cells.
        let most = self.max_pixels.saturating_mul(2).saturating_add(1 << 16);
        check("the number of pixels in whole cells", coded, most)?;
        self.check_memory(bytes)
    }

    fn check_memory(&self, bytes: u64) -> Result<(), Error> {
        let what = "the memory that is needed, in bytes,";
        check(what, bytes, self.max_memory)
    }
}

/// Bytes of a picture in memory.
pub(crate) fn picture_bytes(pixels: u64, channels: Channels, depth: Depth) -> u64 {
    let sample = match depth {
        Depth::Eight => 1,
        Depth::Sixteen => 2,
    };
    pixels.saturating_mul(channels.count() as u64 * sample)
}

fn check(what: &'static str, value: u64, limit: u64) -> Result<(), Error> {
    if value > limit {
        return Err(Error::Limit { what, value, limit });
    }
    Ok(())
}
