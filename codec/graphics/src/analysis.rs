//! The encoder's choices for a strip. In integers, so that every machine writes the same bytes.

use std::collections::HashMap;
use std::ops::Range;

use crate::around::{pack, scramble};
use crate::colour::Transform;
use crate::estimate::{log, median_error};
use crate::layout::BLOCK;
use crate::maps::{Map, PALETTE};
use crate::part::{Part, for_runs};
use crate::strip::{Mode, Reuse};

/// One block in so many must look drawn for colours to be remembered.
const DRAWN: usize = 32;
/// So few colours are no photograph, whatever their order.
const SMALL: u16 = 192;
/// One pixel in so many must be equal to a neighbour for this to be expected.
const EQUAL: usize = 25;
/// Of so many rows one is looked at to choose a transform.
const EVERY: usize = 4;

/// Bits of an estimate, in 256ths.
const BIT: i64 = 256;

/// A pixel and its neighbours W, N and NW.
struct Corner<const C: usize> {
    px: [u16; C],
    w: [u16; C],
    n: [u16; C],
    nw: [u16; C],
}

impl<const C: usize> Corner<C> {
    fn is_equal(&self) -> bool {
        self.px == self.w || self.px == self.n
    }

    /// Errors of the median, for each value after a transform.
    fn errors(&self, transform: Transform) -> [u32; C] {
        median_error([self.px, self.w, self.n, self.nw].map(|samples| transform.forward(samples)))
    }
}

impl Part {
    /// Chooses a map and a mode, and maps the samples.
    pub(crate) fn prepare<const C: usize>(&mut self, largest: u16) -> (Map, Mode) {
        let map = match self.palette::<C>() {
            Some(map) => map,
            None => self.lists::<C>(largest),
        };
        let mode = match map.is_palette() {
            true => self.choose::<1>(&map, largest),
            false => self.choose::<C>(&map, largest),
        };
        (map, mode)
    }

    /// Chooses a mode, and which blocks are drawn.
    fn choose<const C: usize>(&mut self, map: &Map, largest: u16) -> Mode {
        let mut mode = self.mode::<C>(map.largest(largest));
        let drawn = self.draw::<C>(&mode);
        let count = |flags: &[bool]| flags.iter().filter(|&&flag| flag).count();
        if count(&drawn) * DRAWN >= count(&self.marks) {
            mode.reuse = Reuse::Colours;
            self.drawn = drawn;
        }
        mode
    }

    /// Calls `run` for each run of marked pixels with its row and its columns.
    fn for_runs(&self, mut run: impl FnMut(usize, Range<usize>)) {
        let rows = self.marks.chunks(self.columns().max(1));
        let rows = rows.flat_map(|marks| std::iter::repeat_n(marks, BLOCK as usize));
        for (y, marks) in rows.take(self.rows).enumerate() {
            for_runs(marks, self.width, |columns| run(y, columns));
        }
    }

    /// The marked pixels, run by run.
    fn for_pixels<const C: usize>(&self, mut each: impl FnMut(&[[u16; C]])) {
        let (samples, _) = self.samples.as_chunks::<C>();
        self.for_runs(|y, run| each(&samples[y * self.width..][run]));
    }

    /// Calls `each` with row, block and neighbours of each marked pixel that has all of them.
    fn for_corners<const C: usize>(&self, mut each: impl FnMut(usize, usize, Corner<C>)) {
        let (samples, _) = self.samples.as_chunks::<C>();
        self.for_runs(|y, run| {
            if y == 0 {
                return;
            }
            for x in run.start.max(1)..run.end {
                let at = y * self.width + x;
                let corner = Corner {
                    px: samples[at],
                    w: samples[at - 1],
                    n: samples[at - self.width],
                    nw: samples[at - self.width - 1],
                };
                each(
                    y,
                    y / BLOCK as usize * self.columns() + x / BLOCK as usize,
                    corner,
                );
            }
        });
    }

    /// The palette of a strip of few colours, which are replaced by their indices.
    fn palette<const C: usize>(&mut self) -> Option<Map> {
        if C != 3 {
            return None;
        }
        let key = |samples: &[u16]| match *samples {
            [r, g, b] => u64::from(g) << 32 | u64::from(r) << 16 | u64::from(b),
            _ => 0,
        };
        let mut indices = HashMap::<u64, u16>::new();
        let mut last = u64::MAX;
        self.for_pixels::<C>(|run| {
            for samples in run {
                let key = key(samples);
                if key != last && indices.len() <= PALETTE {
                    indices.insert(key, 0);
                    last = key;
                }
            }
        });
        if indices.is_empty() || indices.len() > PALETTE {
            return None;
        }
        let mut colours: Vec<u64> = indices.keys().copied().collect();
        colours.sort_unstable();
        for (i, colour) in colours.iter().enumerate() {
            indices.insert(*colour, i as u16);
        }
        let (mut last, mut index) = (u64::MAX, 0);
        let mapped = self.samples.chunks_exact(C).map(|samples| {
            let key = key(samples);
            if key != last {
                // Colours outside of the marked blocks have no index and need none.
                (last, index) = (key, indices.get(&key).copied().unwrap_or(0));
            }
            index
        });
        self.samples = mapped.collect();
        let colours = colours
            .iter()
            .map(|&key| [(key >> 16) as u16, (key >> 32) as u16, key as u16]);
        Some(Map::Palette(colours.collect()))
    }

    /// Lists of the values that occur in each channel, where many do not. They are replaced by their indices.
    fn lists<const C: usize>(&mut self, largest: u16) -> Map {
        let mut used = vec![[false; C]; usize::from(largest) + 1];
        let mut pixels = 0;
        self.for_pixels::<C>(|run| {
            pixels += run.len() as i64;
            for samples in run {
                for (c, &sample) in samples.iter().enumerate() {
                    used[usize::from(sample)][c] = true;
                }
            }
        });
        let mut lists = [None, None, None];
        for (c, list) in lists.iter_mut().enumerate().take(C) {
            let values: Vec<u16> = (0..=largest)
                .filter(|&value| used[usize::from(value)][c])
                .collect();
            let (Some(&first), Some(&last)) = (values.first(), values.last()) else {
                continue;
            };
            let span = u32::from(last - first) + 1;
            let gain = pixels * i64::from(log(span) - log(values.len() as u32));
            if gain <= (64 + 4 * values.len() as i64) * BIT {
                continue;
            }
            let mut indices = vec![0; usize::from(largest) + 1];
            for (i, &value) in values.iter().enumerate() {
                indices[usize::from(value)] = i as u16;
            }
            for sample in self.samples.iter_mut().skip(c).step_by(C) {
                *sample = indices[usize::from(*sample)];
            }
            *list = Some(values);
        }
        Map::Samples(lists)
    }

    /// The transform, the scale of contexts, and whether neighbours are equal.
    fn mode<const C: usize>(&self, largest: [u16; 3]) -> Mode {
        let mut costs = [0u64; Transform::ALL.len()];
        let (mut equal, mut pixels, mut top) = (0, 0, 0);
        self.for_pixels::<C>(|run| {
            top = run
                .as_flattened()
                .iter()
                .fold(top, |top, &sample| top.max(sample));
        });
        self.for_corners::<C>(|y, _, corner| {
            if y % EVERY != 1 {
                return;
            }
            pixels += 1;
            equal += usize::from(corner.is_equal());
            if C == 3 {
                for (transform, cost) in Transform::ALL.iter().zip(&mut costs) {
                    let errors = corner.errors(*transform);
                    *cost += errors
                        .iter()
                        .map(|&error| u64::from(log(error + 1)))
                        .sum::<u64>();
                }
            }
        });
        let best = costs
            .iter()
            .zip(Transform::ALL)
            .min_by_key(|&(cost, _)| cost);
        // One channel: equal neighbours are small residuals, and better coded as such.
        let is_reused = C > 1 && equal * EQUAL >= pixels;
        Mode {
            transform: best.map_or(Transform::None, |(_, transform)| transform),
            reuse: if is_reused {
                Reuse::Neighbours
            } else {
                Reuse::Nothing
            },
            scale: (16 - top.leading_zeros()).saturating_sub(8),
            largest,
        }
    }

    /// Which blocks are cheaper as colours that were there before than as residuals.
    fn draw<const C: usize>(&self, mode: &Mode) -> Vec<bool> {
        let is_small = C == 1 && mode.largest[0] < SMALL;
        // Colours are counted by a hash: now and then two share a count.
        let place = |px: [u16; C]| (scramble(pack(px)) >> 48) as usize;
        let (mut counts, mut total) = (vec![0u32; 1 << 16], 0u32);
        // Pixels that are equal to a neighbour less those that are not, of each block.
        let mut equal = vec![0i32; self.marks.len()];
        self.for_corners::<C>(|_, block, corner| {
            let is_new = !corner.is_equal();
            equal[block] += if is_new { -1 } else { 1 };
            counts[place(corner.px)] += u32::from(is_new);
            total += u32::from(is_new);
        });
        let mut gains = vec![0i64; self.marks.len()];
        self.for_corners::<C>(|_, block, corner| {
            if !corner.is_equal() {
                let drawn = i64::from(log(total)) - i64::from(log(counts[place(corner.px)]));
                let errors = corner.errors(mode.transform);
                let smooth =
                    errors.map(|error| BIT / 2 + 2 * i64::from(log(error + 1)).min(8 * BIT));
                gains[block] += smooth.iter().sum::<i64>() - drawn;
            }
        });
        let blocks = gains.iter().zip(equal).zip(&self.marks);
        blocks
            .map(|((&gain, equal), &mark)| mark && gain >= 0 && (is_small || equal >= 0))
            .collect()
    }
}
