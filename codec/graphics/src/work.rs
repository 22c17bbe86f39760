//! Pictures to bytes and back.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use kiln_entropy::{Coder, Reader, Writer};
use rayon::prelude::*;

use crate::analysis::Part;
use crate::binary::Cost;
use crate::colour::Transform;
use crate::error::Error;
use crate::layout::{BLOCK, Blocks, Channels, Layout};
use crate::maps::{Map, field};
use crate::mix::Counter;
use crate::strip::{Mode, Strip};

/// Is told how far the work is, as parts of a total, and may stop it.
pub type Watch<'a> = &'a (dyn Fn(u64, u64) -> ControlFlow<()> + Sync);

/// Where samples come from.
pub trait Source: Sync {
    /// Fills in row `y`: width times channels samples, the channels of a pixel next to each other.
    fn row(&self, y: u32, out: &mut [u16]);
}

struct Progress<'a> {
    done: AtomicU64,
    total: u64,
    watch: Watch<'a>,
}

impl<'a> Progress<'a> {
    fn new(layout: &Layout, watch: Watch<'a>) -> Self {
        Self { done: AtomicU64::new(0), total: layout.block_rows() as u64, watch }
    }

    fn step(&self) -> Result<(), Error> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        match (self.watch)(done, self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }
}

const ALL: u8 = 1;

/// Codes the marked blocks.
pub fn encode(layout: &Layout, blocks: &Blocks, source: &dyn Source, watch: Watch) -> Result<Vec<u8>, Error> {
    let progress = Progress::new(layout, watch);
    let strips: Vec<_> = (0..layout.strips())
        .into_par_iter()
        .map(|number| {
            let marks: Vec<bool> = layout.strip(number).flat_map(|row| blocks.row(row).iter().copied()).collect();
            if !marks.contains(&true) {
                return Ok(None);
            }
            let mut part = load(layout, number, marks, source)?;
            let mut writer = Writer::new();
            code(layout, &mut part, Direction::Given, &mut writer, &mut |_, _| {}, &progress)?;
            Ok(Some(writer.finish()))
        })
        .collect::<Result<_, Error>>()?;
    let all = blocks.iter().all(|mark| mark);
    let mut bytes = vec![if all { ALL } else { 0 }];
    if !all {
        let map = encode_blocks(blocks)?;
        varint(&mut bytes, map.len());
        bytes.extend(map);
    }
    let strips: Vec<_> = strips.into_iter().flatten().collect();
    if let Some((_, rest)) = strips.split_last() {
        for strip in rest {
            varint(&mut bytes, strip.len());
        }
    }
    for strip in strips {
        bytes.extend(strip);
    }
    Ok(bytes)
}

/// Bits of blocks.
pub fn costs(layout: &Layout, source: &dyn Source, watch: Watch) -> Result<Vec<f32>, Error> {
    let progress = Progress::new(layout, watch);
    let strips: Vec<Vec<f32>> = (0..layout.strips())
        .into_par_iter()
        .map(|number| {
            let marks = vec![true; layout.strip(number).len() * layout.columns()];
            let mut part = load(layout, number, marks, source)?;
            let mut costs = vec![0.0; part.marks.len()];
            code(layout, &mut part, Direction::Given, &mut Cost::default(), &mut |block, cost| {
                costs[block] += std::mem::take(&mut cost.0);
            }, &progress)?;
            Ok(costs)
        })
        .collect::<Result<_, Error>>()?;
    Ok(strips.concat())
}

/// Decodes.
pub fn decode(
    bytes: &[u8], layout: &Layout, sink: &mut dyn FnMut(u32, u32, &[u16]), watch: Watch,
) -> Result<Blocks, Error> {
    let (blocks, mut rest) = split(bytes, layout)?;
    let marked: Vec<usize> = (0..layout.strips())
        .filter(|&number| layout.strip(number).any(|row| blocks.row(row).contains(&true)))
        .collect();
    let mut parts = Vec::with_capacity(marked.len());
    for _ in 1..marked.len() {
        parts.push(take_varint(&mut rest)?);
    }
    let progress = Progress::new(layout, watch);
    let mut streams = Vec::with_capacity(marked.len());
    for length in parts {
        let (stream, after) = rest.split_at_checked(length).ok_or(Error::Damaged("cut short"))?;
        streams.push(stream);
        rest = after;
    }
    if marked.is_empty() {
        return if rest.is_empty() { Ok(blocks) } else { Err(Error::Damaged("bytes are left over")) };
    }
    streams.push(rest);
    let jobs: Vec<_> = marked.into_iter().zip(streams).collect();
    let channels = layout.channels.count();
    for group in jobs.chunks(rayon::current_num_threads().max(1)) {
        let decoded = group.par_iter().map(|&(number, stream)| {
            let marks: Vec<bool> = layout.strip(number).flat_map(|row| blocks.row(row).iter().copied()).collect();
            let mut part = Part { width: layout.width as usize, marks, samples: Vec::new() };
            let mut reader = Reader::new(stream)?;
            code(layout, &mut part, Direction::Wanted(layout.strip_rows(number).len()), &mut reader, &mut |_, _| {}, &progress)?;
            reader.finish()?;
            Ok((number, part))
        }).collect::<Result<Vec<_>, Error>>()?;
        for (number, part) in decoded {
            for (y, row) in layout.strip_rows(number).zip(part.samples.chunks_exact(channels * part.width)) {
                let marks = blocks.row((y / BLOCK) as usize);
                let mut start = 0;
                while let Some(skip) = marks[start..].iter().position(|&m| m) {
                    start += skip;
                    let end = start + marks[start..].iter().position(|&m| !m).unwrap_or(marks.len() - start);
                    let (x, to) = (start * BLOCK as usize, (end * BLOCK as usize).min(part.width));
                    sink(y, x as u32, &row[x * channels..to * channels]);
                    start = end;
                }
            }
        }
    }
    Ok(blocks)
}

/// The bitmap alone.
pub fn blocks(bytes: &[u8], layout: &Layout) -> Result<Blocks, Error> {
    Ok(split(bytes, layout)?.0)
}

fn split<'a>(bytes: &'a [u8], layout: &Layout) -> Result<(Blocks, &'a [u8]), Error> {
    let (&flags, mut rest) = bytes.split_first().ok_or(Error::Damaged("cut short"))?;
    match flags {
        ALL => Ok((Blocks::all(layout), rest)),
        0 => {
            let length = take_varint(&mut rest)?;
            let (map, rest) = rest.split_at_checked(length).ok_or(Error::Damaged("cut short"))?;
            let mut blocks = Blocks::none(layout);
            let mut reader = Reader::new(map)?;
            code_blocks(&mut blocks, &mut reader)?;
            reader.finish()?;
            Ok((blocks, rest))
        }
        _ => Err(Error::Version(flags)),
    }
}

fn encode_blocks(blocks: &Blocks) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new();
    code_blocks(&mut blocks.clone(), &mut writer)?;
    Ok(writer.finish())
}

fn code_blocks<K: Coder>(blocks: &mut Blocks, coder: &mut K) -> Result<(), Error> {
    let mut counters = [Counter::EVEN; 64];
    for row in 0..blocks.rows() {
        for column in 0..blocks.columns() {
            let at = |dx: isize, dy: usize| {
                row >= dy && column.checked_add_signed(dx).is_some_and(|column| blocks.get(column, row - dy))
            };
            let near = [at(-1, 0), at(0, 1), at(-1, 1), at(1, 1), at(-2, 0), row >= 2 && at(0, 2)];
            let context = near.iter().fold(0, |sum, &mark| sum << 1 | usize::from(mark));
            let mark = counters[context].code(coder, blocks.get(column, row), 60)?;
            blocks.set(column, row, mark);
        }
    }
    Ok(())
}

fn varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Result<usize, Error> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Error::Damaged("cut short"))?;
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            if byte == 0 && shift > 0 {
                break;
            }
            return usize::try_from(value).map_err(|_| Error::Damaged("a length is too large"));
        }
    }
    Err(Error::Damaged("a length is written wrongly"))
}

fn load(layout: &Layout, number: usize, marks: Vec<bool>, source: &dyn Source) -> Result<Part, Error> {
    let rows = layout.strip_rows(number);
    let length = layout.width as usize * layout.channels.count();
    let mut samples = vec![0; length * rows.len()];
    let largest = layout.depth.largest();
    for (y, row) in rows.zip(samples.chunks_exact_mut(length)) {
        source.row(y, row);
        if let Some(&sample) = row.iter().find(|&&s| s > largest) {
            return Err(Error::Sample { sample, largest });
        }
    }
    Ok(Part { width: layout.width as usize, marks, samples })
}

#[derive(Clone, Copy)]
enum Direction {
    Given,
    Wanted(usize),
}

fn code<K: Coder>(
    layout: &Layout, part: &mut Part, direction: Direction, coder: &mut K, after: &mut dyn FnMut(usize, &mut K), progress: &Progress,
) -> Result<(), Error> {
    match layout.channels {
        Channels::One => code_channels::<1, K>(layout, part, direction, coder, after, progress),
        Channels::Three => code_channels::<3, K>(layout, part, direction, coder, after, progress),
    }
}

fn code_channels<const C: usize, K: Coder>(
    layout: &Layout, part: &mut Part, direction: Direction, coder: &mut K, after: &mut dyn FnMut(usize, &mut K), progress: &Progress,
) -> Result<(), Error> {
    let largest = layout.depth.largest();
    let (map, mode) = match direction {
        Direction::Given => part.prepare::<C>(largest),
        Direction::Wanted(_) => (Map::Samples([None, None, None]), Mode { transform: Transform::None, hits: false, scale: 0, largest: [0; 3] }),
    };
    let map = map.code(coder, C, largest)?;
    let hits = field(coder, 1, mode.hits.into())? == 1;
    let scale = field(coder, 4, mode.scale)?;
    let is_palette = matches!(map, Map::Palette(_));
    let transform = if C == 3 && !is_palette {
        let number = Transform::ALL.iter().position(|&t| t == mode.transform).unwrap_or(0);
        *Transform::ALL.get(field(coder, 3, number as u32)? as usize).ok_or(Error::Damaged("unknown transform"))?
    } else { Transform::None };
    let mode = Mode { transform, hits, scale, largest: map.largest(largest) };
    let channels = if is_palette { 1 } else { C };
    if let Direction::Wanted(rows) = direction {
        part.samples = vec![0; rows * part.width * channels];
    }
    if channels == 1 {
        code_rows::<1, K>(mode, part, coder, after, progress)?;
    } else {
        code_rows::<C, K>(mode, part, coder, after, progress)?;
    }
    if let Direction::Wanted(_) = direction {
        match &map {
            Map::Palette(colours) => {
                part.samples = part.samples.iter().flat_map(|&index| colours[usize::from(index)]).collect();
            }
            Map::Samples(lists) => for (c, list) in lists.iter().enumerate() {
                let Some(list) = list else { continue };
                for sample in part.samples.iter_mut().skip(c).step_by(C) {
                    *sample = list[usize::from(*sample)];
                }
            }
        }
    }
    Ok(())
}

fn code_rows<const C: usize, K: Coder>(
    mode: Mode, part: &mut Part, coder: &mut K, after: &mut dyn FnMut(usize, &mut K), progress: &Progress,
) -> Result<(), Error> {
    let columns = part.columns();
    let mut strip = Strip::<C>::new(mode, part.width);
    for (y, row) in part.samples.chunks_exact_mut(part.width * C).enumerate() {
        if y % BLOCK as usize == 0 {
            progress.step()?;
        }
        let first = y / BLOCK as usize * columns;
        let marks = &part.marks[first..first + columns];
        strip.row(coder, marks, row, &mut |column, coder| after(first + column, coder))?;
    }
    Ok(())
}
