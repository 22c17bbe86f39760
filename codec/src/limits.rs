//! What a picture may cost, on either side.

use kiln_container::{Depth, Header};
use kiln_models::seam::{Architecture, Size};

use crate::Error;
use crate::pixels::Channels;

/// Bounds on what a file or a picture may take, for decoding, encoding and [loading](crate::picture::load) alike. They are
/// checked as soon as a size is known, before anything is allocated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most pixels, width times height; long thin pictures may take twice as many once their cells are filled.
    pub max_pixels: u64,
    /// Most bytes of working memory that are allocated at once: the networks, what they compute, and the picture where
    /// it is kiln's to hold. An estimate that errs on the high side by up to 40 % is compared. Code and bundled weights
    /// come on top of it.
    pub max_memory: u64,
    /// Most bytes of metadata: colour profile, camera data and the like.
    pub max_metadata: u64,
}

impl Default for Limits {
    /// 128 megapixels, 6 GiB (1 GiB where a program cannot address more than 4), 64 MiB.
    fn default() -> Self {
        Self {
            max_pixels: kiln_container::Limits::default().max_pixels,
            max_memory: if usize::BITS < 64 { 1 << 30 } else { 6 << 30 },
            max_metadata: 64 << 20,
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

    /// The same with another bound on working memory, in bytes.
    #[must_use]
    pub fn with_max_memory(mut self, max_memory: u64) -> Self {
        self.max_memory = max_memory;
        self
    }

    /// The same with another bound on metadata, in bytes.
    #[must_use]
    pub fn with_max_metadata(mut self, max_metadata: u64) -> Self {
        self.max_metadata = max_metadata;
        self
    }

    /// Checks the size of a picture that was [peeked](crate::peek) at, before a caller allocates for it.
    ///
    /// # Errors
    /// [`Error::Limit`] for too many pixels, or more than memory holds in four bytes each.
    pub fn check(&self, header: &Header) -> Result<(), Error> {
        self.check_pixels(header.pixels())?;
        self.check_memory(header.pixels().saturating_mul(4))
    }

    pub(crate) fn container(&self) -> kiln_container::Limits {
        kiln_container::Limits {
            max_pixels: self.max_pixels,
            max_box_bytes: self.max_metadata,
            ..Default::default()
        }
    }

    /// Checks the pixels of a picture, before anything is opened for it.
    pub(crate) fn check_pixels(&self, pixels: u64) -> Result<(), Error> {
        check("the number of pixels", pixels, self.max_pixels)
    }

    /// Checks what networks take for a picture, in time and memory: latents grow with its cells, of which a long thin
    /// picture has more than its pixels tell. `bytes`: what the networks and everything around them hold.
    pub(crate) fn check_cost(
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

    pub(crate) fn check_memory(&self, bytes: u64) -> Result<(), Error> {
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
