//! The layer onto a picture.

use kiln_container::{ColorKind, Depth};
use kiln_entropy::Checksum;
use kiln_graphics::{Blocks, Source};

use super::BLOCK;
use super::samples::{ColorSamples, layout};
use crate::Error;
use crate::pixels::{Pixels, PixelsMut, Sample, nearest};
use crate::progress::{Progress, Stage};

/// What the samples of a layer are.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) color: ColorKind,
    pub(crate) depth: Depth,
}

impl Kind {
    /// That of a picture's colours.
    pub(super) fn of(pixels: Pixels<'_>) -> Self {
        Self {
            color: pixels.channels().color(),
            depth: pixels.depth(),
        }
    }

    /// Samples of a pixel.
    fn planes(self) -> usize {
        match self.color {
            ColorKind::Grey => 1,
            ColorKind::Rgb => 3,
        }
    }
}

/// Decodes a layer into pixels of the picture's size, which may be of another depth, and in colour where the layer is grey.
/// Alpha, and what lies outside of the blocks, stays as it is. Returns the blocks, and the checksum of the samples in the
/// order in which they are coded.
pub(crate) fn apply(
    bytes: &[u8],
    kind: Kind,
    pixels: &mut PixelsMut<'_>,
    progress: &dyn Progress,
) -> Result<(Blocks, u32), Error> {
    let layout = layout(pixels.width(), pixels.height(), kind.color, kind.depth);
    let mut checksum = Samples::default();
    let watch = |done, total| progress.update(Stage::Graphics, done, total);
    let mut sink = |y: u32, x: u32, samples: &[u16]| {
        checksum.add(samples);
        write_run(pixels, kind, (x, y), samples);
    };
    let blocks = kiln_graphics::decode(bytes, &layout, &mut sink, &watch)?;
    Ok((blocks, checksum.finish()))
}

/// The checksum of a picture's colours, as [`apply`] finds it where all blocks are in the layer.
pub(crate) fn checksum(pixels: Pixels<'_>) -> u32 {
    let source = ColorSamples(pixels);
    let mut row = vec![0; pixels.width() as usize * source.layout().channels.count()];
    let mut checksum = Samples::default();
    for y in 0..pixels.height() {
        source.row(y, &mut row);
        checksum.add(&row);
    }
    checksum.finish()
}

/// Samples as the symbols of the only stream of a picture: see `entropy/CODING.md`.
#[derive(Default)]
struct Samples {
    sum: Checksum,
    symbols: Vec<i16>,
}

impl Samples {
    fn add(&mut self, samples: &[u16]) {
        self.symbols.clear();
        // The same two bytes.
        self.symbols.extend(samples.iter().map(|s| *s as i16));
        self.sum.update_i16(&self.symbols);
    }

    fn finish(self) -> u32 {
        Checksum::combine([self.sum.finish()])
    }
}

/// Copies the colours of these blocks from a picture of the same size, colour and depth: what decoding the layer does.
pub(crate) fn overlay(pixels: &mut PixelsMut<'_>, exact: Pixels<'_>, blocks: &Blocks) {
    let kind = Kind::of(exact);
    let source = ColorSamples(exact);
    let mut row = vec![0; exact.width() as usize * kind.planes()];
    for y in 0..exact.height() {
        source.row(y, &mut row);
        for (column, samples) in row.chunks(BLOCK * kind.planes()).enumerate() {
            if blocks.get(column, y as usize / BLOCK) {
                write_run(pixels, kind, ((column * BLOCK) as u32, y), samples);
            }
        }
    }
}

/// Writes colours from a pixel on to the right.
pub(crate) fn write_run(pixels: &mut PixelsMut<'_>, kind: Kind, at: (u32, u32), samples: &[u16]) {
    match pixels.depth() {
        Depth::Eight => write_samples::<u8>(pixels, kind, at, samples),
        Depth::Sixteen => write_samples::<u16>(pixels, kind, at, samples),
    }
}

fn write_samples<S: Sample>(
    pixels: &mut PixelsMut<'_>,
    kind: Kind,
    (x, y): (u32, u32),
    samples: &[u16],
) {
    let (channels, planes) = (pixels.channels(), kind.planes());
    let colors = channels.count() - usize::from(channels.has_alpha());
    let row = pixels.row_mut::<S>(y).unwrap_or_default();
    let row = row.chunks_exact_mut(channels.count()).skip(x as usize);
    for (pixel, color) in row.zip(samples.chunks_exact(planes)) {
        for (i, out) in pixel[..colors].iter_mut().enumerate() {
            *out = nearest::<S>(color[i.min(planes - 1)], kind.depth);
        }
    }
}
