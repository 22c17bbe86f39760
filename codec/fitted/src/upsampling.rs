//! From grids to planes of one resolution.

use rayon::prelude::*;
use std::ops::Range;

use crate::kernels;
use crate::latents::Latents;
use crate::networks::{Filters, Networks};
use crate::shape::Shape;

/// Rows that one thread works on at a time.
const ROWS: usize = 32;

/// A plane of numbers with as many fractional bits as the file says.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    pub(crate) height: usize,
    pub(crate) width: usize,
    values: Vec<i16>,
}

impl Plane {
    fn row(&self, row: usize) -> &[i16] {
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

/// What the rows of the finest level are made from.
pub(crate) struct Pyramid<'a> {
    latents: &'a Latents,
    /// Place of the grid of each level.
    places: Vec<usize>,
    filters: &'a [Filters],
    bits: u32,
    /// Planes of the level above the finest, in their order from fine to coarse. None if there is but one level.
    planes: Vec<Plane>,
}

impl<'a> Pyramid<'a> {
    pub(crate) fn new(
        networks: &'a Networks,
        shape: &Shape,
        latents: &'a Latents,
        bits: u32,
    ) -> Self {
        let grids = latents.grids().iter().enumerate();
        let places: Vec<usize> = grids.filter(|(_, g)| !g.hyper).map(|(i, _)| i).collect();
        let mut pyramid = Self {
            latents,
            places,
            filters: &networks.filters,
            bits,
            planes: Vec::new(),
        };
        let coarsest = shape.levels - 1;
        if coarsest > 0 {
            let (height, width) = pyramid.size(coarsest);
            let values = pyramid.grid_rows(coarsest, 0..height);
            pyramid.planes.push(Plane {
                height,
                width,
                values,
            });
        }
        for level in (1..coarsest).rev() {
            let (height, width) = pyramid.size(level);
            let planes = (0..=pyramid.planes.len())
                .map(|channel| {
                    let mut values = vec![0; height * width];
                    let chunks = values.par_chunks_mut(ROWS * width).enumerate();
                    chunks.for_each(|(chunk, values)| {
                        let first = chunk * ROWS;
                        let rows = first..first + values.len() / width;
                        pyramid.channel_rows(level, channel, rows, values);
                    });
                    Plane {
                        height,
                        width,
                        values,
                    }
                })
                .collect();
            pyramid.planes = planes;
        }
        pyramid
    }

    /// Channels of the finest level.
    pub(crate) fn channels(&self) -> usize {
        self.places.len()
    }

    /// Rows of a channel of the finest level, one after the other.
    pub(crate) fn rows(&self, channel: usize, rows: Range<usize>, out: &mut [i16]) {
        match self.filters {
            [] => out.copy_from_slice(&self.grid_rows(0, rows)),
            _ => self.channel_rows(0, channel, rows, out),
        }
    }

    /// Height and width of a level.
    fn size(&self, level: usize) -> (usize, usize) {
        let grid = self.latents.grids()[self.places[level]];
        (grid.height, grid.width)
    }

    /// Rows of the grid of a level, with fractional bits.
    fn grid_rows(&self, level: usize, rows: Range<usize>) -> Vec<i16> {
        let width = self.size(level).1;
        let latents = &self.latents.grid(self.places[level])[rows.start * width..rows.end * width];
        latents.iter().map(|&y| i16::from(y) << self.bits).collect()
    }

    /// Rows of a channel of a level: of its own grid, or of a plane of the coarser level.
    fn channel_rows(&self, level: usize, channel: usize, rows: Range<usize>, out: &mut [i16]) {
        match channel.checked_sub(1) {
            None => self.filtered_rows(level, rows, out),
            Some(plane) => self.doubled_rows(level, &self.planes[plane], rows, out),
        }
    }

    /// The grid of a level through its filter, added to the grid itself; beyond its borders all is 0.
    fn filtered_rows(&self, level: usize, rows: Range<usize>, out: &mut [i16]) {
        let (height, width) = self.size(level);
        let layer = &self.filters[level].filter;
        let (first, end) = (rows.start.saturating_sub(3), (rows.end + 3).min(height));
        let grid = self.grid_rows(level, first..end);
        // Three rows of zeros on either side where the grid ends.
        let mut across = vec![0; (rows.len() + 6) * width];
        let mut padded = vec![0; width + 6];
        for (index, row) in grid.chunks_exact(width).enumerate() {
            padded[3..3 + width].copy_from_slice(row);
            let inputs: [&[i16]; 7] = std::array::from_fn(|tap| &padded[tap..tap + width]);
            let start = (first + index + 3 - rows.start) * width;
            kernels::dense(layer, &inputs, &mut [&mut across[start..start + width]]);
        }
        for (index, out) in out.chunks_exact_mut(width).enumerate() {
            let inputs: [&[i16]; 7] = std::array::from_fn(|tap| {
                &across[(index + tap) * width..(index + tap + 1) * width]
            });
            kernels::dense(layer, &inputs, &mut [out]);
            let start = (rows.start + index - first) * width;
            for (out, &value) in out.iter_mut().zip(&grid[start..]) {
                *out = out.saturating_add(value);
            }
        }
    }

    /// Rows of a plane of the next coarser level at twice its resolution.
    fn doubled_rows(&self, level: usize, plane: &Plane, rows: Range<usize>, out: &mut [i16]) {
        let width = self.size(level).1;
        let Filters { even, odd, .. } = &self.filters[level];
        // Source rows from two above to two below, repeated at the borders.
        let first = rows.start as isize / 2 - 2;
        let last = (rows.end as isize - 1) / 2 + 2;
        let clamped = |row: isize| row.clamp(0, plane.height as isize - 1) as usize;
        let mut across = vec![0; (last - first + 1) as usize * width];
        let mut padded = vec![0; plane.width + 4];
        let mut halves = [vec![0; plane.width], vec![0; plane.width]];
        let mut done: Option<usize> = None;
        for (index, row) in (first..=last).enumerate() {
            let row = clamped(row);
            let (before, now) = across.split_at_mut(index * width);
            let now = &mut now[..width];
            if done == Some(row) {
                now.copy_from_slice(&before[(index - 1) * width..]);
                continue;
            }
            done = Some(row);
            let source = plane.row(row);
            let end = plane.width + 2;
            padded[2..end].copy_from_slice(source);
            padded[..2].fill(source[0]);
            padded[end..].fill(source[plane.width - 1]);
            for (half, (layer, start)) in halves.iter_mut().zip([(even, 0), (odd, 1)]) {
                let inputs: [&[i16]; 4] =
                    std::array::from_fn(|tap| &padded[start + tap..start + tap + plane.width]);
                kernels::dense(layer, &inputs, &mut [half]);
            }
            let pairs = halves[0].iter().zip(&halves[1]);
            for (now, (&even, &odd)) in now.chunks_mut(2).zip(pairs) {
                now[0] = even;
                if let Some(second) = now.get_mut(1) {
                    *second = odd;
                }
            }
        }
        for (out, row) in out.chunks_exact_mut(width).zip(rows) {
            let (layer, start) = match row % 2 {
                0 => (even, row as isize / 2 - 2),
                _ => (odd, row as isize / 2 - 1),
            };
            let start = (start - first) as usize;
            let inputs: [&[i16]; 4] = std::array::from_fn(|tap| {
                &across[(start + tap) * width..(start + tap + 1) * width]
            });
            kernels::dense(layer, &inputs, &mut [out]);
        }
    }
}
