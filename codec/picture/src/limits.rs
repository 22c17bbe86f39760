//! What a picture may cost, on either side.

use kiln_container::Header;

use crate::PictureError;

/// Bounds on what a file or a picture may take, for decoding, encoding and [loading](crate::load) alike. They are
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

    /// Checks the size of a picture that was peeked at (`kiln_container::peek`), before a caller allocates for it.
    ///
    /// # Errors
    /// [`PictureError::Limit`] for too many pixels, or more than memory holds in four bytes each.
    pub fn check(&self, header: &Header) -> Result<(), PictureError> {
        check("the number of pixels", header.pixels(), self.max_pixels)?;
        let bytes = header.pixels().saturating_mul(4);
        check(
            "the memory that is needed, in bytes,",
            bytes,
            self.max_memory,
        )
    }

    /// Checks a picture of `width` by `height` pixels that takes `bytes_per_pixel` while it is decoded.
    pub(crate) fn check_size(
        &self,
        width: u32,
        height: u32,
        bytes_per_pixel: u64,
    ) -> Result<(), PictureError> {
        let pixels = u64::from(width) * u64::from(height);
        check("the number of pixels", pixels, self.max_pixels)?;
        self.check_memory(pixels.saturating_mul(bytes_per_pixel))
    }

    /// Checks what decoding takes, in bytes.
    pub(crate) fn check_memory(&self, bytes: u64) -> Result<(), PictureError> {
        check("the memory for decoding, in bytes,", bytes, self.max_memory)
    }

    /// Checks how many pixels are passed over in all, where a file can ask for many passes with few bytes.
    pub(crate) fn check_passes(&self, pixels: u64, passes: u64) -> Result<(), PictureError> {
        let most = self.max_pixels.saturating_mul(passes);
        check("the number of pixels of all scans", pixels, most)
    }
}

fn check(what: &'static str, value: u64, limit: u64) -> Result<(), PictureError> {
    if value > limit {
        return Err(PictureError::Limit { what, value, limit });
    }
    Ok(())
}
