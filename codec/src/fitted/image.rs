//! Pictures as the fit reads them and as its decoder writes them.

use kiln_container::Depth;
use kiln_fit::Image;
use kiln_fitted::{Latents, Parameters, Size, Watch};
use kiln_graphics::{Blocks, Source};

use super::decode::go_on;
use crate::Error;
use crate::layer::{BLOCK, ColorSamples, Kind, hidden_row, write_run};
use crate::pixels::{Pixels, PixelsError, PixelsMut};

/// A picture as planes of numbers, and how much the error of each of its pixels counts.
pub(crate) struct Planes {
    height: usize,
    width: usize,
    channels: usize,
    samples: Vec<f32>,
    weights: Option<Vec<u8>>,
}

impl Planes {
    /// The colours of `shown`. Errors do not count where `blocks` bring the pixels, nor where nobody sees those of
    /// `picture`, if that `hides` some.
    pub(crate) fn new(
        shown: Pixels<'_>,
        picture: Pixels<'_>,
        hides: bool,
        blocks: Option<&Blocks>,
    ) -> Result<Self, Error> {
        let (height, width) = (shown.height() as usize, shown.width() as usize);
        let source = ColorSamples(shown);
        let channels = source.layout().channels.count();
        let largest = f32::from(source.layout().depth.largest());
        let pixels = height * width;
        let mut samples = reserved(pixels * channels)?;
        samples.resize(pixels * channels, 0.0);
        let mut row = vec![0; width * channels];
        for y in 0..height {
            source.row(y as u32, &mut row);
            for (x, color) in row.chunks_exact(channels).enumerate() {
                for (c, sample) in color.iter().enumerate() {
                    samples[c * pixels + y * width + x] = f32::from(*sample) / largest;
                }
            }
        }
        let weights = match hides || blocks.is_some() {
            true => Some(weights(picture, hides, blocks)?),
            false => None,
        };
        Ok(Self {
            height,
            width,
            channels,
            samples,
            weights,
        })
    }

    /// Bytes that they take.
    pub(crate) fn bytes(pixels: Pixels<'_>) -> u64 {
        let layout = ColorSamples(pixels).layout();
        let count = u64::from(pixels.width()) * u64::from(pixels.height());
        count * (4 * layout.channels.count() as u64 + 1)
    }

    pub(crate) fn image(&self) -> Image<'_> {
        Image {
            height: self.height,
            width: self.width,
            channels: self.channels,
            samples: &self.samples,
            weights: self.weights.as_deref(),
        }
    }
}

/// 255 for pixels that count and 0 for the others.
fn weights(
    picture: Pixels<'_>,
    hides: bool,
    blocks: Option<&Blocks>,
) -> Result<Vec<u8>, PixelsError> {
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    let mut weights = reserved(height * width)?;
    let (mut alpha, mut hidden) = (Vec::new(), vec![false; width]);
    for y in 0..height {
        if hides {
            hidden_row(picture, y as u32, &mut alpha, &mut hidden);
        }
        let drawn = |x: usize| blocks.is_some_and(|b| b.get(x / BLOCK, y / BLOCK));
        weights.extend((0..width).map(|x| match hidden[x] || drawn(x) {
            true => 0,
            false => 255,
        }));
    }
    Ok(weights)
}

fn reserved<T>(count: usize) -> Result<Vec<T>, PixelsError> {
    let mut values = Vec::new();
    values
        .try_reserve_exact(count)
        .map_err(PixelsError::OutOfMemory)?;
    Ok(values)
}

/// Writes what networks make of latents, samples of `depth`, into pixels of the picture's size. Alpha stays as it is.
pub(crate) fn write(
    parameters: &Parameters,
    latents: &Latents,
    depth: Depth,
    pixels: &mut PixelsMut<'_>,
    watch: Watch<'_>,
) -> Result<(), Error> {
    let size = Size {
        height: pixels.height() as usize,
        width: pixels.width() as usize,
    };
    let kind = Kind {
        color: match parameters.shape.channels {
            1 => kiln_container::ColorKind::Grey,
            _ => kiln_container::ColorKind::Rgb,
        },
        depth,
    };
    pixels.check_color(kind.color)?;
    let depth = match depth {
        Depth::Eight => kiln_fitted::Depth::Eight,
        Depth::Sixteen => kiln_fitted::Depth::Sixteen,
    };
    let mut result = Ok(());
    let mut sink = |y: usize, row: &[u16]| {
        if result.is_ok() {
            write_run(pixels, kind, (0, y as u32), row);
            result = go_on(watch(y as u64 + 1, size.height as u64));
        }
    };
    kiln_fitted::synthesise(parameters, latents, size, depth, &mut sink)?;
    result
}
