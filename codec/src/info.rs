//! What a file says of itself, without running a network.

use kiln_container::{
    Alpha, ColorKind, Container, Depth, Frame, FrameKind, Header, Sequence, box_name,
};
use kiln_fitted::{Shape, Tensor};
use kiln_models::DecoderSet;

use crate::limits::Costs;
use crate::{Error, Limits, architecture_name, fitted, layer};
use crate::{FITTED, LOSSLESS};

/// Facts of a file, all of them checked against its checksums.
#[derive(Clone, Debug, PartialEq)]
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
    /// Quality level of the first frame.
    pub level: u8,
    /// Whether the picture was coded without loss, by the graphics layer alone.
    pub lossless: bool,
    /// Architecture number.
    pub architecture: u8,
    /// Its name, if this version runs it.
    pub architecture_name: Option<&'static str>,
    /// The weights that decode it.
    pub decoder_set: DecoderSet,
    /// Whether the file claims to decode alike on every machine.
    pub portable: bool,
    /// The device that wrote a file that does not.
    pub device: Option<String>,
    /// Rate and count of frames, if the file is a sequence.
    pub sequence: Option<Sequence>,
    /// Number of frames.
    pub frames: u64,
    /// Frames that stand for themselves.
    pub intra_frames: u64,
    /// Name and length in bytes of each box.
    pub boxes: Vec<(String, u64)>,
    /// Bytes of coded alpha, all frames together.
    pub alpha_bytes: u64,
    /// Bytes of the graphics layer, all frames together.
    pub graphics_bytes: u64,
    /// Blocks of 16x16 pixels in it, all frames together.
    pub graphics_blocks: u64,
    /// What was fitted to the picture, where its networks are in the file.
    pub fitted: Option<FittedInfo>,
    /// Number of streams of coded symbols, all frames together.
    pub streams: u64,
    /// Bytes of coded symbols.
    pub payload: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// What a file says of networks and latents that were fitted to its picture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FittedInfo {
    /// Sizes of networks and grids.
    pub shape: Shape,
    /// Number of the bundled networks that these start from; 0: none.
    pub start: u8,
    /// Values of the networks.
    pub values: u64,
    /// Bytes of the networks.
    pub weight_bytes: u64,
    /// Bytes of the latents, by streams.
    pub grids: Vec<GridBytes>,
}

/// Bytes of a stream of latents, or of all streams of one grid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GridBytes {
    /// The grids, by their places in [`Shape::grids`].
    pub grids: Vec<usize>,
    /// Streams that they take.
    pub streams: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Describes a file within limits.
///
/// # Errors
/// [`Error::File`] when it is not an intact kiln file of this version.
pub fn info(bytes: &[u8], limits: &Limits) -> Result<Info, Error> {
    let c = Container::parse(bytes, &limits.container())?;
    let h = c.header;
    let lossless = h.architecture == LOSSLESS;
    let layout = layer::layout(h.width, h.height, h.color, h.depth);
    let layers = || c.frames.iter().filter_map(|f| f.graphics.as_deref());
    let graphics_blocks = layers()
        .map(|bytes| Ok(kiln_graphics::blocks(bytes, &layout)?.count() as u64))
        .sum::<Result<u64, Error>>()?;
    let fitted = match (h.architecture, c.frames.as_slice()) {
        (FITTED, [frame]) => Some(fitted_info(&h, frame)?),
        _ => None,
    };
    let frames = || c.frames.iter();
    let streams = || frames().flat_map(|f| &f.streams);
    let name = |kind| box_name(kind).map_or_else(|| format!("box {kind:#04x}"), str::to_string);
    Ok(Info {
        width: h.width,
        height: h.height,
        color: h.color,
        alpha: h.alpha,
        depth: h.depth,
        level: frames().next().map_or(0, |f| f.level),
        lossless,
        architecture: h.architecture,
        architecture_name: architecture_name(h.architecture),
        decoder_set: DecoderSet(h.decoder_set),
        portable: h.portable,
        device: c.boxes.device.as_deref().map(str::to_owned),
        sequence: h.sequence,
        frames: c.frames.len() as u64,
        intra_frames: frames().filter(|f| f.kind == FrameKind::Intra).count() as u64,
        boxes: c
            .boxes
            .iter()
            .map(|(kind, b)| (name(kind), b.len() as u64))
            .collect(),
        alpha_bytes: frames()
            .filter_map(|f| f.alpha.as_ref())
            .map(|a| a.len() as u64)
            .sum(),
        graphics_bytes: layers().map(|bytes| bytes.len() as u64).sum(),
        graphics_blocks,
        fitted,
        streams: streams().count() as u64,
        payload: streams().map(|s| s.len() as u64).sum(),
        bytes: bytes.len() as u64,
    })
}

fn fitted_info(header: &Header, frame: &Frame<'_>) -> Result<FittedInfo, Error> {
    let parameters = fitted::parameters(header, frame)?;
    let (shape, band, size) = (parameters.shape, parameters.band, fitted::size(header));
    if frame.streams.len() != kiln_fitted::stream_count(&shape, band, size) {
        return Err(kiln_fitted::Error::Damaged("another number of streams").into());
    }
    // From coarse to fine: those that are not cut share a stream.
    let (mut shared, mut own) = (Vec::new(), Vec::new());
    for (place, grid) in shape
        .grids(size.height, size.width)
        .iter()
        .enumerate()
        .rev()
    {
        match band > 0 && grid.height > band {
            true => own.push((vec![place], grid.height.div_ceil(band))),
            false => shared.push(place),
        }
    }
    let mut lengths = frame.streams.iter().map(|s| s.len() as u64);
    let weight_bytes = lengths.next().unwrap_or_default();
    let groups = std::iter::once((shared, 1)).chain(own);
    let grids = groups.map(|(grids, streams)| GridBytes {
        grids,
        streams: streams as u64,
        bytes: lengths.by_ref().take(streams).sum(),
    });
    Ok(FittedInfo {
        shape,
        start: 0,
        values: shape.tensors().iter().map(Tensor::len).sum::<usize>() as u64,
        weight_bytes,
        grids: grids.collect(),
    })
}
