//! What a file says of itself, without running a network.

use kiln_container::{Alpha, ColorKind, Container, Depth, box_name};

use crate::{Error, Limits};

/// Facts of a file, all of them checked against its checksums.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Grey or RGB.
    pub color: ColorKind,
    /// Whether there is alpha, and whether it takes bytes.
    pub alpha: Alpha,
    /// Bits per sample.
    pub depth: Depth,
    /// Quality level, 0..=63.
    pub level: u8,
    /// Architecture number.
    pub architecture: u8,
    /// The weights that decode it.
    pub decoder_set: [u8; 8],
    /// Name and length in bytes of each box.
    pub boxes: Vec<(String, u64)>,
    /// Number of chunks of coded symbols.
    pub chunks: u32,
    /// Bytes of coded symbols.
    pub payload: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// Describes a file. Sizes up to the default [`Limits`] are accepted.
///
/// # Errors
/// [`Error::File`] when it is not an intact kiln file of this version.
pub fn info(bytes: &[u8]) -> Result<Info, Error> {
    let c = Container::parse(bytes, &Limits::default().container())?;
    let h = c.header;
    let chunks = || c.frames.iter().flat_map(|f| &f.chunks);
    Ok(Info {
        width: h.width,
        height: h.height,
        color: h.color,
        alpha: h.alpha,
        depth: h.depth,
        level: c.frames.first().map_or(0, |f| f.level),
        architecture: h.architecture,
        decoder_set: h.decoder_set,
        boxes: c
            .boxes
            .iter()
            .map(|(kind, b)| {
                (
                    box_name(kind).map_or_else(|| format!("box {kind:#04x}"), str::to_string),
                    b.len() as u64,
                )
            })
            .collect(),
        chunks: chunks().count() as u32,
        payload: chunks().map(|c| c.len() as u64).sum(),
        bytes: bytes.len() as u64,
    })
}
