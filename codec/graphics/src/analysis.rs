//! The encoder's choices for a strip.

use std::collections::HashMap;
use std::ops::Range;

use crate::colour::Transform;
use crate::estimate::log;
use crate::layout::BLOCK;
use crate::maps::{Map, PALETTE};
use crate::part::{Part, for_runs};
use crate::strip::{Mode, Reuse};

/// One block in so many must look drawn for colours to be remembered.
const DRAWN: usize = 32;
/// So few colours are no photograph, whatever their order.
const SMALL: usize = 192;
/// One pixel in so many must be equal to a neighbour for this to be expected.
const EQUAL: usize = 25;

impl Part {
    /// Calls `run` for each run of marked pixels with its row and its columns.
    fn for_runs(&self, mut run: impl FnMut(usize, Range<usize>)) {
        let rows = self
            .marks
            .chunks(self.columns().max(1))
            .flat_map(|marks| std::iter::repeat_n(marks, BLOCK as usize));
        for (y, marks) in rows.take(self.rows).enumerate() {
            for_runs(marks, self.width, |columns| run(y, columns));
        }
    }

    /// Chooses a map and a mode, and maps the samples.
    pub(crate) fn prepare<const C: usize>(&mut self, largest: u16) -> (Map, Mode) {
        let map = match self.palette::<C>() {
            Some(map) => map,
            None => self.lists::<C>(largest),
        };
        let mut mode = match &map {
            Map::Palette(_) => self.mode::<1>(&map, largest),
            Map::Samples(_) => self.mode::<C>(&map, largest),
        };
        let drawn = match &map {
            Map::Palette(_) => self.draw::<1>(&mode),
            Map::Samples(_) => self.draw::<C>(&mode),
        };
        let count = drawn.iter().filter(|&&drawn| drawn).count();
        if count * DRAWN >= self.marks.iter().filter(|&&mark| mark).count() {
            mode.reuse = Reuse::Colours;
            self.drawn = drawn;
        }
        (map, mode)
    }

    /// Which blocks are cheaper as colours that were seen before than as residuals.
    fn draw<const C: usize>(&self, mode: &Mode) -> Vec<bool> {
        let is_small = C == 1 && usize::from(mode.largest[0]) < SMALL;
        let (samples, _) = self.samples.as_chunks::<C>();
        let place = |px: [u16; C]| {
            let key = px.iter().fold(0u64, |key, &s| key << 16 | u64::from(s));
            (key.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as usize
        };
        let mut counts = vec![0u32; 1 << 16];
        let mut total = 0u32;
        let mut bits = vec![0f32; self.marks.len()];
        let mut equal = vec![0i32; self.marks.len()];
        for pass in 0..2 {
            self.for_runs(|y, run| {
                for x in run {
                    let at = y * self.width + x;
                    let px = samples[at];
                    if x == 0 || y == 0 {
                        continue;
                    }
                    let (w, n, nw) = (
                        samples[at - 1],
                        samples[at - self.width],
                        samples[at - self.width - 1],
                    );
                    if px == w || px == n {
                        equal[y / BLOCK as usize * self.columns() + x / BLOCK as usize] += 1 - pass;
                        continue;
                    }
                    equal[y / BLOCK as usize * self.columns() + x / BLOCK as usize] -= 1 - pass;
                    if pass == 0 {
                        counts[place(px)] += 1;
                        total += 1;
                    } else {
                        let rare = (total as f32 / counts[place(px)].max(1) as f32).log2();
                        let [px, w, n, nw] = [px, w, n, nw].map(|s| mode.transform.forward(s));
                        let mut smooth = 0.0;
                        for c in 0..C {
                            let predicted =
                                (w[c] + n[c] - nw[c]).clamp(w[c].min(n[c]), w[c].max(n[c]));
                            let log = ((px[c].abs_diff(predicted) + 1) as f32).log2();
                            smooth += 0.5 + 2.0 * log.min(8.0);
                        }
                        bits[y / BLOCK as usize * self.columns() + x / BLOCK as usize] +=
                            rare - smooth;
                    }
                }
            });
        }
        bits.iter()
            .zip(equal)
            .zip(&self.marks)
            .map(|((&bits, equal), &mark)| mark && bits <= 0.0 && (is_small || equal >= 0))
            .collect()
    }

    fn palette<const C: usize>(&mut self) -> Option<Map> {
        if C != 3 {
            return None;
        }
        let mut indices = HashMap::<u64, u16>::new();
        let mut colours = Vec::new();
        let mut many = false;
        let samples = &self.samples;
        let key = |s: &[u16]| u64::from(s[1]) << 32 | u64::from(s[0]) << 16 | u64::from(s[2]);
        self.for_runs(|y, run| {
            if many {
                return;
            }
            let mut last = u64::MAX;
            for s in samples[(y * self.width + run.start) * C..(y * self.width + run.end) * C]
                .chunks_exact(C)
            {
                let key = key(s);
                if key != last {
                    indices.entry(key).or_insert_with(|| {
                        colours.push(key);
                        0
                    });
                    last = key;
                }
                if colours.len() > PALETTE {
                    many = true;
                    return;
                }
            }
        });
        if many || colours.is_empty() {
            return None;
        }
        colours.sort_unstable();
        for (i, colour) in colours.iter().enumerate() {
            indices.insert(*colour, i as u16);
        }
        let (mut last, mut index) = (u64::MAX, 0);
        self.samples = self
            .samples
            .chunks_exact(C)
            .map(|s| {
                let key = key(s);
                if key != last {
                    (last, index) = (key, indices.get(&key).copied().unwrap_or(0));
                }
                index
            })
            .collect();
        Some(Map::Palette(
            colours
                .iter()
                .map(|&k| [(k >> 16) as u16, (k >> 32) as u16, k as u16])
                .collect(),
        ))
    }

    fn lists<const C: usize>(&mut self, largest: u16) -> Map {
        let mut used = vec![[false; C]; usize::from(largest) + 1];
        let mut pixels = 0;
        self.for_runs(|y, run| {
            pixels += run.len();
            for s in self.samples[(y * self.width + run.start) * C..(y * self.width + run.end) * C]
                .chunks_exact(C)
            {
                for c in 0..C {
                    used[usize::from(s[c])][c] = true;
                }
            }
        });
        let mut lists = [None, None, None];
        for (c, list) in lists.iter_mut().enumerate().take(C) {
            let values: Vec<u16> = (0..=largest).filter(|&v| used[usize::from(v)][c]).collect();
            let (Some(first), Some(last)) = (values.first(), values.last()) else {
                continue;
            };
            let span = f64::from(last - first) + 1.0;
            let gain = pixels as f64 * (span / values.len() as f64).log2();
            if gain > 64.0 + 4.0 * values.len() as f64 {
                *list = Some(values);
            }
        }
        for (c, list) in lists.iter().enumerate() {
            let Some(list) = list else { continue };
            let mut index = vec![0; usize::from(largest) + 1];
            for (i, &value) in list.iter().enumerate() {
                index[usize::from(value)] = i as u16;
            }
            for sample in self.samples.iter_mut().skip(c).step_by(C) {
                *sample = index[usize::from(*sample)];
            }
        }
        Map::Samples(lists)
    }

    fn mode<const C: usize>(&self, map: &Map, largest: u16) -> Mode {
        let (samples, _) = self.samples.as_chunks::<C>();
        let mut costs = [0u64; Transform::ALL.len()];
        let (mut equal, mut pixels, mut top) = (0, 0, 0);
        self.for_runs(|y, run| {
            for x in run {
                let at = y * self.width + x;
                let px = samples[at];
                top = px.iter().fold(top, |top, &s| top.max(s));
                if x == 0 || y == 0 || y % 4 != 1 {
                    continue;
                }
                let (w, n, nw) = (
                    samples[at - 1],
                    samples[at - self.width],
                    samples[at - self.width - 1],
                );
                pixels += 1;
                equal += usize::from(px == w || px == n);
                if C == 3 {
                    for (transform, cost) in Transform::ALL.iter().zip(&mut costs) {
                        let [px, w, n, nw] = [px, w, n, nw].map(|s| transform.forward(s));
                        for c in 0..C {
                            let predicted =
                                (w[c] + n[c] - nw[c]).clamp(w[c].min(n[c]), w[c].max(n[c]));
                            *cost += u64::from(log(px[c].abs_diff(predicted) + 1));
                        }
                    }
                }
            }
        });
        let best = costs
            .iter()
            .enumerate()
            .min_by_key(|&(_, &cost)| cost)
            .map_or(0, |(i, _)| i);
        Mode {
            transform: Transform::ALL[best],
            reuse: if C > 1 && equal * EQUAL >= pixels {
                Reuse::Neighbours
            } else {
                Reuse::Nothing
            },
            scale: (16 - u32::from(top.leading_zeros())).saturating_sub(8),
            largest: map.largest(largest),
        }
    }
}
