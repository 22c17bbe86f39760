//! Colours for pixels that the model need not care about: nobody sees them, or the layer brings them.

use image::DynamicImage;
use kiln_graphics::{Blocks, Source};

use super::BLOCK;
use super::apply::{Kind, write_run};
use super::samples::{ColorSamples, hidden_row};
use crate::Error;
use crate::pixels::{Channels, Pixels, PixelsError, PixelsMut, new_image};

/// Which pixels are free to take any colour.
#[derive(Clone, Copy)]
pub(crate) struct Free<'a> {
    /// Those with an alpha of 0.
    pub(crate) hidden: bool,
    /// Those of these blocks.
    pub(crate) blocks: Option<&'a Blocks>,
}

impl Free<'_> {
    fn row(&self, pixels: Pixels<'_>, y: u32, scratch: &mut Vec<u16>, out: &mut [bool]) {
        match self.hidden {
            true => hidden_row(pixels, y, scratch, out),
            false => out.fill(false),
        }
        if let Some(blocks) = self.blocks {
            for (column, out) in out.chunks_mut(BLOCK).enumerate() {
                if blocks.get(column, y as usize / BLOCK) {
                    out.fill(true);
                }
            }
        }
    }
}

/// The picture without alpha, its free pixels filled so smoothly that a transform has nothing to say about them: each takes
/// what its nearest others have on the average, by a pyramid of halved pictures (pull-push, Gortler and others, "The
/// Lumigraph", 1996).
pub(crate) fn fill(pixels: Pixels<'_>, free: Free<'_>) -> Result<DynamicImage, Error> {
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let source = ColorSamples(pixels);
    let channels = source.layout().channels.count();
    let mut pyramid = vec![Grid::of_pixels(&source, pixels, free, channels)?];
    while let Some(last) = pyramid.last().filter(|g| g.width * g.height > 1) {
        let next = last.halved()?;
        pyramid.push(next);
    }
    // From the coarsest down: what is not known well takes the colour of the coarser grid.
    for i in (1..pyramid.len()).rev() {
        let (finer, coarser) = pyramid.split_at_mut(i);
        if let (Some(fine), Some(coarse)) = (finer.last_mut(), coarser.first()) {
            fine.blend(coarse);
        }
    }
    let mut image = without_alpha(pixels)?;
    let mut out = PixelsMut::try_from(&mut image)?;
    let (mut scratch, mut is_free) = (Vec::new(), vec![false; width]);
    let mut row = vec![0; width * channels];
    for y in 0..height {
        source.row(y as u32, &mut row);
        free.row(pixels, y as u32, &mut scratch, &mut is_free);
        for x in (0..width).filter(|x| is_free[*x]) {
            let color = pyramid[0].between(x, y);
            for (out, value) in row[x * channels..][..channels].iter_mut().zip(color) {
                *out = (value + 0.5) as u16;
            }
        }
        write_run(&mut out, Kind::of(pixels), (0, y as u32), &row);
    }
    Ok(image)
}

/// The picture with its hidden pixels in colours that the graphics coder codes for almost nothing: each is a copy of the
/// pixel to the left, or above at the left edge, and black in the corner. Alpha stays out.
pub(crate) fn flatten_hidden(pixels: Pixels<'_>) -> Result<DynamicImage, Error> {
    let width = pixels.width() as usize;
    let source = ColorSamples(pixels);
    let channels = source.layout().channels.count();
    let mut image = without_alpha(pixels)?;
    let mut out = PixelsMut::try_from(&mut image)?;
    let (mut scratch, mut hidden) = (Vec::new(), vec![false; width]);
    let (mut row, mut first) = (vec![0; width * channels], vec![0; channels]);
    for y in 0..pixels.height() {
        source.row(y, &mut row);
        hidden_row(pixels, y, &mut scratch, &mut hidden);
        for x in (0..width).filter(|x| hidden[*x]) {
            let at = x * channels;
            match x {
                0 => row[..channels].copy_from_slice(&first),
                _ => row.copy_within(at - channels..at, at),
            }
        }
        first.copy_from_slice(&row[..channels]);
        write_run(&mut out, Kind::of(pixels), (0, y), &row);
    }
    Ok(image)
}

/// Whether there is a pixel that nobody sees.
pub(crate) fn has_hidden(pixels: Pixels<'_>) -> bool {
    let (mut scratch, mut hidden) = (Vec::new(), vec![false; pixels.width() as usize]);
    pixels.channels().has_alpha()
        && (0..pixels.height()).any(|y| {
            hidden_row(pixels, y, &mut scratch, &mut hidden);
            hidden.contains(&true)
        })
}

/// A picture of the same size, colour and depth.
fn without_alpha(pixels: Pixels<'_>) -> Result<DynamicImage, PixelsError> {
    let channels = Channels::of(pixels.channels().color(), false);
    new_image(pixels.width(), pixels.height(), channels, pixels.depth())
}

/// A picture at a fraction of its size: colours, and how much of each cell is known, 0 to 1.
struct Grid {
    width: usize,
    height: usize,
    channels: usize,
    /// `channels` colours and the weight of each cell, row by row.
    cells: Vec<f32>,
}

impl Grid {
    fn new(width: usize, height: usize, channels: usize) -> Result<Self, PixelsError> {
        let mut cells = Vec::new();
        let count = width * height * (channels + 1);
        cells
            .try_reserve_exact(count)
            .map_err(PixelsError::OutOfMemory)?;
        cells.resize(count, 0.0);
        Ok(Self {
            width,
            height,
            channels,
            cells,
        })
    }

    /// The picture at half its size.
    fn of_pixels(
        source: &ColorSamples<'_>,
        pixels: Pixels<'_>,
        free: Free<'_>,
        channels: usize,
    ) -> Result<Self, PixelsError> {
        let (width, height) = (pixels.width() as usize, pixels.height() as usize);
        let mut grid = Self::new(width.div_ceil(2), height.div_ceil(2), channels)?;
        let (mut scratch, mut is_free) = (Vec::new(), vec![false; width]);
        let mut row = vec![0; width * channels];
        for y in 0..height {
            source.row(y as u32, &mut row);
            free.row(pixels, y as u32, &mut scratch, &mut is_free);
            for (x, color) in row.chunks_exact(channels).enumerate() {
                if !is_free[x] {
                    grid.add(x / 2, y / 2, 1.0, color.iter().map(|c| f32::from(*c)));
                }
            }
        }
        grid.settle();
        Ok(grid)
    }

    fn halved(&self) -> Result<Self, PixelsError> {
        let size = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut half = Self::new(size.0, size.1, self.channels)?;
        for y in 0..self.height {
            for x in 0..self.width {
                let (color, weight) = self.cell(x, y);
                half.add(x / 2, y / 2, weight, color.iter().copied());
            }
        }
        half.settle();
        Ok(half)
    }

    fn cell(&self, x: usize, y: usize) -> (&[f32], f32) {
        let cell = &self.cells[(y * self.width + x) * (self.channels + 1)..][..=self.channels];
        (&cell[..self.channels], cell[self.channels])
    }

    /// Adds a colour of some weight to the sums of a cell.
    fn add(&mut self, x: usize, y: usize, weight: f32, color: impl Iterator<Item = f32>) {
        let channels = self.channels;
        let cell = &mut self.cells[(y * self.width + x) * (channels + 1)..][..=channels];
        for (sum, color) in cell.iter_mut().zip(color) {
            *sum += weight * color;
        }
        cell[channels] += weight;
    }

    /// From sums to means. A cell with one known pixel is known.
    fn settle(&mut self) {
        for cell in self.cells.chunks_exact_mut(self.channels + 1) {
            let weight = cell[self.channels];
            if weight > 0.0 {
                cell[..self.channels].iter_mut().for_each(|c| *c /= weight);
            }
            cell[self.channels] = weight.min(1.0);
        }
    }

    /// Cells that are not wholly known take the rest of their colour from a grid of half the size.
    fn blend(&mut self, coarse: &Self) {
        for y in 0..self.height {
            for x in 0..self.width {
                let channels = self.channels;
                let at = (y * self.width + x) * (channels + 1);
                let weight = self.cells[at + channels];
                if weight < 1.0 {
                    let other = coarse.between(x, y);
                    for (c, other) in self.cells[at..at + channels].iter_mut().zip(other) {
                        *c = weight * *c + (1.0 - weight) * other;
                    }
                }
            }
        }
    }

    /// The colour at a pixel of the picture of twice the size, between the four nearest cells.
    fn between(&self, x: usize, y: usize) -> impl Iterator<Item = f32> + '_ {
        let (x0, x1) = neighbours(x, self.width);
        let (y0, y1) = neighbours(y, self.height);
        let corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|(x, y)| self.cell(x, y).0);
        (0..self.channels).map(move |c| {
            let [a, b, d, e] = corners.map(|cell| cell[c]);
            (9.0 * a + 3.0 * (b + d) + e) / 16.0
        })
    }
}

/// The cell that a pixel lies in, and the next one on its side, within the grid.
fn neighbours(at: usize, length: usize) -> (usize, usize) {
    let own = at / 2;
    let next = match at % 2 {
        0 => own.saturating_sub(1),
        _ => (own + 1).min(length - 1),
    };
    (own, next)
}
