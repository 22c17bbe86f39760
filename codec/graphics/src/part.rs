//! The samples of a strip, coded in either direction.

use std::ops::Range;

use kiln_entropy::Coder;

use crate::colour::Transform;
use crate::error::Error;
use crate::layout::{BLOCK, Blocks, Channels, Layout};
use crate::maps::{Map, field};
use crate::progress::Progress;
use crate::strip::{Mode, Reuse, Strip};

/// The samples of a strip, and which of its blocks are coded.
pub(crate) struct Part {
    pub(crate) width: usize,
    pub(crate) rows: usize,
    /// Marks of its blocks, row by row.
    pub(crate) marks: Vec<bool>,
    /// Samples, or once they are mapped, what the map makes of them. Empty before decoding.
    pub(crate) samples: Vec<u16>,
    /// Blocks that look drawn: the encoder's choice.
    pub(crate) drawn: Vec<bool>,
}

/// Calls `run` with the columns of pixels of each run of marked blocks.
pub(crate) fn for_runs(marks: &[bool], width: usize, mut run: impl FnMut(Range<usize>)) {
    let mut at = 0;
    for group in marks.chunk_by(|a, b| a == b) {
        let end = at + group.len();
        if group.first() == Some(&true) {
            run(at * BLOCK as usize..(end * BLOCK as usize).min(width));
        }
        at = end;
    }
}

impl Part {
    /// A strip without its samples.
    pub(crate) fn new(layout: &Layout, number: usize, blocks: &Blocks) -> Self {
        Self {
            width: layout.width as usize,
            rows: layout.strip_rows(number).len(),
            marks: layout
                .strip(number)
                .flat_map(|row| blocks.row(row))
                .copied()
                .collect(),
            samples: Vec::new(),
            drawn: Vec::new(),
        }
    }

    /// Blocks in a row.
    pub(crate) fn columns(&self) -> usize {
        self.width.div_ceil(BLOCK as usize)
    }

    /// Codes the strip: takes the samples if there are some, and fills them in if not. Calls `after` for each row of
    /// each marked block.
    pub(crate) fn code<K: Coder>(
        &mut self,
        layout: &Layout,
        coder: &mut K,
        progress: &Progress,
        after: &mut impl FnMut(usize, &mut K),
    ) -> Result<(), Error> {
        match layout.channels {
            Channels::One => self.code_channels::<1, K>(layout, coder, progress, after),
            Channels::Three => self.code_channels::<3, K>(layout, coder, progress, after),
        }
    }

    fn code_channels<const C: usize, K: Coder>(
        &mut self,
        layout: &Layout,
        coder: &mut K,
        progress: &Progress,
        after: &mut impl FnMut(usize, &mut K),
    ) -> Result<(), Error> {
        let largest = layout.depth.largest();
        let is_given = !self.samples.is_empty();
        let (map, mode) = match is_given {
            true => self.prepare::<C>(largest),
            false => (Map::NONE, Mode::default()),
        };
        let map = map.code(coder, C, largest)?;
        let mode = mode.code(coder, &map, C, largest)?;
        let channels = if map.is_palette() { 1 } else { C };
        if !is_given {
            self.samples = vec![0; self.width * self.rows * channels];
        }
        match map.is_palette() {
            true => self.code_rows::<1, K>(mode, coder, progress, after)?,
            false => self.code_rows::<C, K>(mode, coder, progress, after)?,
        }
        if !is_given {
            map.undo::<C>(&mut self.samples);
        }
        Ok(())
    }

    fn code_rows<const C: usize, K: Coder>(
        &mut self,
        mode: Mode,
        coder: &mut K,
        progress: &Progress,
        after: &mut impl FnMut(usize, &mut K),
    ) -> Result<(), Error> {
        let columns = self.columns();
        let mut strip = Strip::<C>::new(mode, self.width);
        for (y, row) in self.samples.chunks_exact_mut(self.width * C).enumerate() {
            let first = y / BLOCK as usize * columns;
            let marks = &self.marks[first..first + columns];
            if y % BLOCK as usize == 0 {
                progress.step()?;
                let drawn = self.drawn.get(first..first + columns).unwrap_or(&[]);
                strip.kinds(coder, marks, drawn)?;
            }
            strip.row(coder, marks, row, &mut |column, coder| {
                after(first + column, coder)
            })?;
        }
        Ok(())
    }
}

impl Mode {
    fn code<K: Coder>(
        self,
        coder: &mut K,
        map: &Map,
        channels: usize,
        largest: u16,
    ) -> Result<Self, Error> {
        let reuse = *Reuse::ALL
            .get(field(coder, 2, self.reuse as u32)? as usize)
            .ok_or(Error::Damaged("unknown reuse of colours"))?;
        let scale = field(coder, 4, self.scale)?;
        if scale > 8 {
            return Err(Error::Damaged("unknown scale of contexts"));
        }
        let mut transform = Transform::None;
        if channels == 3 && !map.is_palette() {
            let number = Transform::ALL
                .iter()
                .position(|&t| t == self.transform)
                .unwrap_or(0);
            let number = field(coder, 3, number as u32)? as usize;
            transform = *Transform::ALL
                .get(number)
                .ok_or(Error::Damaged("unknown colour transform"))?;
        }
        Ok(Self {
            transform,
            reuse,
            scale,
            largest: map.largest(largest),
        })
    }
}
