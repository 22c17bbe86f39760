//! The encoder's choices for a strip.

use std::collections::HashMap;

use crate::colour::Transform;
use crate::layout::BLOCK;
use crate::maps::{Map, PALETTE};
use crate::strip::Mode;

/// The samples of a strip, and which blocks of them are coded.
pub(crate) struct Part {
    pub(crate) width: usize,
    /// Marks of its blocks, row by row.
    pub(crate) marks: Vec<bool>,
    pub(crate) samples: Vec<u16>,
}

impl Part {
    pub(crate) fn columns(&self) -> usize {
        self.width.div_ceil(BLOCK as usize)
    }

    /// Calls for each run of marked pixels with its row and its columns.
    fn for_runs(&self, channels: usize, mut run: impl FnMut(usize, std::ops::Range<usize>)) {
        let rows = self.samples.len() / (channels * self.width);
        for y in 0..rows {
            let marks = &self.marks[y / BLOCK as usize * self.columns()..][..self.columns()];
            let mut start = 0;
            while let Some(skip) = marks[start..].iter().position(|&m| m) {
                start += skip;
                let end = start + marks[start..].iter().position(|&m| !m).unwrap_or(marks.len() - start);
                run(y, start * BLOCK as usize..(end * BLOCK as usize).min(self.width));
                start = end;
            }
        }
    }

    /// Chooses a map and a mode, and maps the samples.
    pub(crate) fn prepare<const C: usize>(&mut self, largest: u16) -> (Map, Mode) {
        let map = match self.palette::<C>() {
            Some(map) => map,
            None => self.lists::<C>(largest),
        };
        let mode = match &map {
            Map::Palette(_) => self.mode::<1>(&map, largest),
            Map::Samples(_) => self.mode::<C>(&map, largest),
        };
        (map, mode)
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
        self.for_runs(C, |y, run| {
            if many {
                return;
            }
            let mut last = u64::MAX;
            for s in samples[(y * self.width + run.start) * C..(y * self.width + run.end) * C].chunks_exact(C) {
                let key = key(s);
                if key != last {
                    indices.entry(key).or_insert_with(|| { colours.push(key); 0 });
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
        self.samples = self.samples.chunks_exact(C).map(|s| {
            let key = key(s);
            if key != last {
                (last, index) = (key, indices.get(&key).copied().unwrap_or(0));
            }
            index
        }).collect();
        Some(Map::Palette(colours.iter().map(|&k| [(k >> 16) as u16, (k >> 32) as u16, k as u16]).collect()))
    }

    fn lists<const C: usize>(&mut self, largest: u16) -> Map {
        let mut used = vec![[false; C]; usize::from(largest) + 1];
        let mut pixels = 0;
        self.for_runs(C, |y, run| {
            pixels += run.len();
            for s in self.samples[(y * self.width + run.start) * C..(y * self.width + run.end) * C].chunks_exact(C) {
                for c in 0..C {
                    used[usize::from(s[c])][c] = true;
                }
            }
        });
        let mut lists = [None, None, None];
        for (c, list) in lists.iter_mut().enumerate().take(C) {
            let values: Vec<u16> = (0..=largest).filter(|&v| used[usize::from(v)][c]).collect();
            let (Some(first), Some(last)) = (values.first(), values.last()) else { continue };
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
        self.for_runs(C, |y, run| {
            for x in run {
                let at = y * self.width + x;
                let px = samples[at];
                top = px.iter().fold(top, |top, &s| top.max(s));
                if x == 0 || y == 0 || y % 4 != 1 {
                    continue;
                }
                let (w, n, nw) = (samples[at - 1], samples[at - self.width], samples[at - self.width - 1]);
                pixels += 1;
                equal += usize::from(px == w || px == n);
                if C == 3 {
                    for (transform, cost) in Transform::ALL.iter().zip(&mut costs) {
                        let [px, w, n, nw] = [px, w, n, nw].map(|s| transform.forward(s));
                        for c in 0..C {
                            let predicted = (w[c] + n[c] - nw[c]).clamp(w[c].min(n[c]), w[c].max(n[c]));
                            let wrong = px[c].abs_diff(predicted) + 1;
                            let log = wrong.ilog2();
                            *cost += u64::from(log << 8) + u64::from((wrong << 8 >> log) - 256);
                        }
                    }
                }
            }
        });
        let best = costs.iter().enumerate().min_by_key(|&(_, &cost)| cost).map_or(0, |(i, _)| i);
        Mode {
            transform: Transform::ALL[best],
            hits: equal * 64 >= pixels,
            scale: (16 - u32::from(top.leading_zeros())).saturating_sub(8),
            largest: map.largest(largest),
        }
    }
}
