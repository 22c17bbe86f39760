//! The seam between networks and everything around them.
//!
//! What a paper describes is a [`Network`]: a file in [`arch`](crate::arch). It writes its stages once, for any
//! [`Coder`]; encoder, decoder, search, traces and the check of GPUs come from `run` for all of them.
//! Who uses a network sees an [`Architecture`] and asks its [`Facts`]: nothing outside knows cells, stripes, tables, or how
//! many streams there are.

mod analysed;
mod device;
mod level;
mod pixels;
mod search;
mod trace;
mod watch;

pub use analysed::Analysed;
pub use device::{
    DeviceChoice, DeviceInfo, DeviceKind, ExactChoice, Place, Placement, Places, TileSize, choose,
    devices,
};
pub use level::{Level, Levels};
pub use pixels::{PixelSink, PixelSource};
pub use search::{Cost, Refined, Search};
pub(crate) use search::{NOISY, QUIET};
pub use trace::Trace;
pub(crate) use watch::Meter;
pub use watch::{Unwatched, Watch};

use std::fmt;

use kiln_entropy::Coder;
use ndarray::Array3;

use crate::weights::{DecoderSet, Portability, Weights};
use crate::{ModelError, WeightsError};

/// How far a sample of the picture reaches into the latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// So many cells of the latents: networks run in tiles, and memory is bounded by them.
    Cells(usize),
    /// All of them: the networks run over the whole picture at once.
    WholePicture,
}

/// What is to be known of a network from outside.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Number in the head of a file.
    pub id: u8,
    /// Name of the architecture.
    pub name: &'static str,
    /// Names what a decoder needs of the weights.
    pub decoder_set: DecoderSet,
    /// Quality levels.
    pub levels: Levels,
    /// As the loader of the weights found it, never as a file claims.
    pub portability: Portability,
    /// Side of the squares of pixels that pictures are filled up to.
    pub cell: usize,
    /// How far a sample of the picture reaches into the latents.
    pub reach: Reach,
    /// Whether the encoder can search for better latents.
    pub searches: bool,
}

/// Multiply-accumulate operations for each picture pixel, each side with the entropy networks that it runs. Counted by
/// running the networks on shapes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Macs {
    /// Of the encoder without a search.
    pub encode: f64,
    /// Of the decoder.
    pub decode: f64,
}

impl Macs {
    /// From sums over so many pixels: of the encoder's transforms, of the decoder's, and of the entropy networks that both
    /// run.
    pub(crate) fn of(analysis: u64, synthesis: u64, entropy: u64, pixels: usize) -> Self {
        let each = |sum: u64| sum as f64 / pixels as f64;
        Self {
            encode: each(analysis + entropy),
            decode: each(synthesis + entropy),
        }
    }
}

/// Height and width of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Size {
    /// Rows and columns of a grid with a cell for each square of `cell` pixels.
    pub fn cells(self, cell: usize) -> (usize, usize) {
        (self.height.div_ceil(cell), self.width.div_ceil(cell))
    }
}

/// What both sides know before a symbol is coded.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The quality level.
    pub level: Level,
    /// The size of the picture.
    pub size: Size,
    /// Told how far a stage has come, and may stop it.
    pub watch: &'a dyn Watch,
}

/// Decoded latents, as synthesis reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latents {
    /// Numbers in fixed point: the same on every machine for a portable network.
    Fixed {
        /// Fractional bits.
        bits: u32,
        /// One array for each grid, coarse ones last: [row, channel, column].
        planes: Vec<Array3<i32>>,
    },
}

impl Latents {
    /// One grid [row, channel, column] of numbers with so many fractional bits.
    pub fn fixed(bits: u32, plane: Array3<i32>) -> Self {
        Self::Fixed {
            bits,
            planes: vec![plane],
        }
    }

    /// The grids: [row, channel, column] each.
    pub fn planes(&self) -> &[Array3<i32>] {
        match self {
            Self::Fixed { planes, .. } => planes,
        }
    }

    /// The finest grid, if it is that of the caller: [h, C, w] with so many fractional bits.
    pub(crate) fn plane(&self, needed: (usize, usize, usize)) -> Result<&Array3<i32>, ModelError> {
        self.planes()
            .first()
            .filter(|p| p.dim() == needed)
            .ok_or_else(|| ModelError::Latents {
                found: self.planes().iter().map(|p| p.dim()).collect(),
                needed,
            })
    }
}

/// A result, and what its user should know about the way it came about.
#[derive(Clone, Debug)]
pub struct Checked<T> {
    /// The result. It is right, whatever the warning says.
    pub value: T,
    /// That the GPU was wrong and the CPU did its work.
    pub warning: Option<String>,
}

impl<T> From<T> for Checked<T> {
    fn from(value: T) -> Self {
        Self {
            value,
            warning: None,
        }
    }
}

/// What the encoder makes of a picture at a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Streams of coded symbols.
    pub streams: Vec<Vec<u8>>,
    /// Checksum of the symbols: see `entropy/CODING.md`.
    pub checksum: u32,
    /// What a decoder must come to.
    pub latents: Latents,
}

/// A part of a picture that shows whether two devices compute alike, at less cost than all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Symbols to decode of the first streams. The rest is left alone.
    pub budgets: Vec<usize>,
    /// Rows of the finest latent that then are complete.
    pub rows: usize,
}

/// The stages of an architecture, as its file writes them: see [`ARCHITECTURES`](crate::arch::ARCHITECTURES).
pub trait Network: fmt::Debug + Send + Sync + Sized + 'static {
    /// Takes its tensors from weights and puts them where `place` says.
    ///
    /// # Errors
    /// A tensor is missing, misshapen or breaks a bound.
    fn load(weights: &mut Weights<'_>, place: &Place) -> Result<Self, WeightsError>;

    /// What is to be known from outside.
    fn facts(&self) -> &Facts;

    /// Multiply-accumulates per pixel.
    fn macs(&self) -> Macs;

    /// Bits that a unit of squared error is worth at a level: summed over three channels, samples in a range of 1. `None`
    /// where the weights do not say for which rate they were trained.
    fn weight(&self, _level: Level) -> Option<f64> {
        None
    }

    /// Streams of coded symbols that a picture has.
    fn streams(&self, size: Size) -> usize;

    /// Bytes that decoding holds at once at most, the picture not included. Errs on the high side.
    fn decode_bytes(&self, size: Size) -> u64;

    /// Bytes that encoding holds at once at most, without a search and the picture not included. Errs on the high side.
    fn encode_bytes(&self, size: Size) -> u64;

    /// Bytes that a search holds beside those of encoding. Errs on the high side.
    fn search_bytes(&self, _size: Size, _search: Search) -> u64 {
        0
    }

    /// Transforms a picture into latents that serve all levels.
    ///
    /// # Errors
    /// The source stops, or the device fails.
    fn analyse(&self, picture: &dyn PixelSource) -> Result<Analysed, ModelError>;

    /// Codes the symbols of a picture, in either direction: with `y` they are made from it, else they come out of the
    /// coders. With fewer coders than the picture has streams, the parts of the others stay zero.
    ///
    /// # Errors
    /// A coder fails, `given.watch` stops, or the device fails.
    fn code<C: Coder>(
        &self,
        streams: &mut [C],
        y: Option<&Analysed>,
        given: &Given<'_>,
    ) -> Result<Latents, ModelError>;

    /// Transforms latents back into a picture.
    ///
    /// # Errors
    /// The sink stops, or the device fails.
    fn synthesise(
        &self,
        latents: &Latents,
        given: &Given<'_>,
        out: &mut dyn PixelSink,
    ) -> Result<(), ModelError>;

    /// Searches for latents of one picture that cost less. Only where [`Facts::searches`] says so.
    ///
    /// # Errors
    /// There is no search, `given.watch` or the picture stops, or the device fails.
    fn refine(
        &self,
        _y: &Analysed,
        _picture: &dyn PixelSource,
        _given: &Given<'_>,
        _search: Search,
    ) -> Result<Refined, ModelError> {
        Err(ModelError::NoSearch {
            architecture: self.facts().name,
        })
    }

    /// What suffices to check a device against another. `None`: the whole picture.
    fn sample(&self, _size: Size) -> Option<Sample> {
        None
    }
}

/// A network as its user sees it, whatever it is.
pub trait Architecture: fmt::Debug + Send + Sync {
    /// What is to be known of it.
    fn facts(&self) -> &Facts;

    /// Where the float networks run.
    fn device(&self) -> &DeviceInfo;

    /// Where the networks run that pick probabilities, and why.
    fn exact_placement(&self) -> &Placement;

    /// Multiply-accumulates per pixel.
    fn macs(&self) -> Macs;

    /// Bits that a unit of squared error is worth at a level: see [`Network::weight`].
    fn weight(&self, level: Level) -> Option<f64>;

    /// Streams of coded symbols that a picture has.
    fn streams(&self, size: Size) -> usize;

    /// Bytes that decoding holds at once at most, the picture not included.
    fn decode_bytes(&self, size: Size) -> u64;

    /// Bytes that encoding holds at once at most, without a search and the picture not included.
    fn encode_bytes(&self, size: Size) -> u64;

    /// Bytes that a search holds beside those of encoding.
    fn search_bytes(&self, size: Size, search: Search) -> u64;

    /// Transforms a picture into latents that serve all levels.
    ///
    /// # Errors
    /// The source stops, or the device fails.
    fn analyse(&self, picture: &dyn PixelSource) -> Result<Analysed, ModelError>;

    /// Quantises and codes an analysed picture.
    ///
    /// Where the exact networks run on a GPU, the CPU decodes a part of what was written. Unless it comes to the same
    /// latents, the picture is coded again on the CPU, the GPU is not used for these networks any more, and the result
    /// carries a warning.
    ///
    /// # Errors
    /// `given.watch` stops, or the device fails.
    fn encode(&self, y: &Analysed, given: &Given<'_>) -> Result<Checked<Coded>, ModelError>;

    /// Encodes like [`encode`](Self::encode), then searches for symbols that cost less.
    ///
    /// # Errors
    /// There is no search, `given.watch` or the picture stops, or the device fails.
    fn refine(
        &self,
        y: &Analysed,
        picture: &dyn PixelSource,
        given: &Given<'_>,
        search: Search,
    ) -> Result<Refined, ModelError>;

    /// Decodes the streams of a picture and holds them against their checksum.
    ///
    /// Where the exact networks run on a GPU, the CPU decodes a part of them too, and the CPU decides when the GPU finds
    /// the symbols damaged. If the two differ, the result is that of the CPU and carries a warning, and the GPU is not
    /// used for these networks any more. A part is compared because the checksum covers symbols and not what is added to
    /// them.
    ///
    /// # Errors
    /// The streams do not fit the size of the picture, hold symbols that no encoder writes, or do not match the checksum;
    /// `given.watch` stops, or the device fails.
    fn decode(
        &self,
        streams: &[&[u8]],
        checksum: u32,
        given: &Given<'_>,
    ) -> Result<Checked<Latents>, ModelError>;

    /// Transforms latents back into a picture.
    ///
    /// # Errors
    /// The sink stops, or the device fails.
    fn synthesise(
        &self,
        latents: &Latents,
        given: &Given<'_>,
        out: &mut dyn PixelSink,
    ) -> Result<(), ModelError>;

    /// Decodes, and keeps the place and the value of every symbol. The checksum is left to the caller, and nothing is
    /// checked against another device.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), but for the checksum.
    fn trace(&self, streams: &[&[u8]], given: &Given<'_>) -> Result<Trace, ModelError>;

    /// Runs the networks over the symbols of a trace instead of streams: the places and latents that this device comes to
    /// when all symbols before are right. Unlike a decoder it goes on after a wrong place, so that all can be counted.
    ///
    /// # Errors
    /// The trace is not that of a picture of this network, or the device fails.
    fn retrace(&self, known: &Trace, given: &Given<'_>) -> Result<Trace, ModelError>;

    /// The streams that this device writes for the symbols of a trace.
    ///
    /// # Errors
    /// As [`retrace`](Self::retrace).
    fn rewrite(&self, known: &Trace, given: &Given<'_>) -> Result<Vec<Vec<u8>>, ModelError>;
}
