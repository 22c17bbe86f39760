//! Bytes to pixels.

use kiln_entropy::Reader;
use rayon::prelude::*;

use crate::error::Error;
use crate::head;
use crate::layout::{BLOCK, Blocks, Layout};
use crate::part::{Part, for_runs};
use crate::progress::{Progress, Watch};

/// Decodes what [`encode`](crate::encode) wrote. Calls `sink` with row, first column and the samples of each run of
/// pixels, from the top to the bottom and from left to right. Returns the blocks to which they belong.
///
/// Pixels of a stream that turns out to be damaged later may have been given to `sink` already.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Symbols`] and [`Error::Version`] if these bytes were not written for this layout, and
/// [`Error::Stopped`].
pub fn decode(
    bytes: &[u8],
    layout: &Layout,
    sink: &mut dyn FnMut(u32, u32, &[u16]),
    watch: Watch,
) -> Result<Blocks, Error> {
    let (blocks, rest) = head::read(bytes, layout)?;
    let strips = layout.marked_strips(&blocks);
    let streams = head::streams(rest, strips.len())?;
    let progress = Progress::new(layout, watch);
    let jobs: Vec<_> = strips.into_iter().zip(streams).collect();
    // As many at a time as there are threads, so that few strips are held.
    for jobs in jobs.chunks(rayon::current_num_threads().max(1)) {
        let parts = jobs
            .par_iter()
            .map(|&(number, stream)| {
                let mut part = Part::new(layout, number, &blocks);
                let mut reader = Reader::new(stream)?;
                part.code(layout, &mut reader, &progress, &mut |_, _| {})?;
                reader.finish()?;
                Ok(part)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        for (&(number, _), part) in jobs.iter().zip(parts) {
            hand_over(layout, number, &part, &blocks, sink);
        }
    }
    Ok(blocks)
}

/// Which blocks the bytes hold, without their pixels.
///
/// # Errors
/// As [`decode`], as far as the damage is in the head.
pub fn blocks(bytes: &[u8], layout: &Layout) -> Result<Blocks, Error> {
    Ok(head::read(bytes, layout)?.0)
}

/// Gives the runs of a decoded strip to the caller.
fn hand_over(
    layout: &Layout,
    number: usize,
    part: &Part,
    blocks: &Blocks,
    sink: &mut dyn FnMut(u32, u32, &[u16]),
) {
    let channels = layout.channels.count();
    let rows = part.samples.chunks_exact(channels * part.width);
    for (y, row) in layout.strip_rows(number).zip(rows) {
        for_runs(blocks.row((y / BLOCK) as usize), part.width, |run| {
            sink(
                y,
                run.start as u32,
                &row[run.start * channels..run.end * channels],
            );
        });
    }
}
