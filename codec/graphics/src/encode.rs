//! Pixels to bytes, and what that would take.

use kiln_entropy::{Estimate, Writer};
use rayon::prelude::*;

use crate::error::Error;
use crate::head;
use crate::layout::{Blocks, Layout};
use crate::part::Part;
use crate::progress::{Progress, Watch};

/// Strips that are encoded at the same time at most.
pub(crate) const STRIPS_AT_ONCE: usize = 4;

/// Where the samples of a picture come from.
pub trait Source: Sync {
    /// Fills in row `y`: width times channels samples, those of a pixel next to each other. Called from several
    /// threads, once or twice for each row.
    fn row(&self, y: u32, out: &mut [u16]);
}

/// Codes the pixels of the marked blocks.
///
/// # Errors
/// [`Error::Blocks`] if the blocks are those of another layout, [`Error::Sample`] if a sample is too large for it, and
/// [`Error::Stopped`].
pub fn encode(
    layout: &Layout,
    blocks: &Blocks,
    source: &dyn Source,
    watch: Watch,
) -> Result<Vec<u8>, Error> {
    blocks.check(layout)?;
    let progress = Progress::new(layout, watch);
    let code = |number: &usize| {
        let mut part = load(layout, *number, blocks, source)?;
        let mut writer = Writer::new();
        part.code(layout, &mut writer, &progress, &mut |_, _| {})?;
        Ok(writer.finish())
    };
    let mut strips: Vec<Vec<u8>> = Vec::new();
    // What a writer holds of a strip is large: a few at a time.
    for group in layout.marked_strips(blocks).chunks(STRIPS_AT_ONCE) {
        let group: Result<Vec<_>, Error> = group.par_iter().map(code).collect();
        strips.extend(group?);
    }
    let lengths: Vec<usize> = strips.iter().map(Vec::len).collect();
    let known = lengths.len().saturating_sub(1);
    let mut bytes = head::write(blocks, &lengths[..known])?;
    for strip in strips {
        bytes.extend(strip);
    }
    Ok(bytes)
}

/// Bits that each block would take, row by row, if all of them were coded.
///
/// # Errors
/// [`Error::Sample`] if a sample is too large for the layout, and [`Error::Stopped`].
pub fn costs(layout: &Layout, source: &dyn Source, watch: Watch) -> Result<Vec<f32>, Error> {
    let progress = Progress::new(layout, watch);
    let blocks = Blocks::all(layout);
    let strips: Vec<Vec<f32>> = layout
        .marked_strips(&blocks)
        .into_par_iter()
        .map(|number| {
            let mut part = load(layout, number, &blocks, source)?;
            let mut costs = vec![0.0; part.marks.len()];
            part.code(
                layout,
                &mut Estimate::new(),
                &progress,
                &mut |block, estimate| {
                    costs[block] += std::mem::take(&mut estimate.bits) as f32;
                },
            )?;
            Ok(costs)
        })
        .collect::<Result<_, Error>>()?;
    Ok(strips.concat())
}

/// A strip with the samples of the source.
fn load(
    layout: &Layout,
    number: usize,
    blocks: &Blocks,
    source: &dyn Source,
) -> Result<Part, Error> {
    let mut part = Part::new(layout, number, blocks);
    let length = part.width * layout.channels.count();
    let largest = layout.depth.largest();
    part.samples = vec![0; length * part.rows];
    for (y, row) in layout
        .strip_rows(number)
        .zip(part.samples.chunks_exact_mut(length))
    {
        source.row(y, row);
        if let Some(&sample) = row.iter().find(|&&sample| sample > largest) {
            return Err(Error::Sample { sample, largest });
        }
    }
    Ok(part)
}
