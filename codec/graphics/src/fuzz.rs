//! Properties that hold for any bytes: the bodies of the fuzz targets, run on seeded inputs by ordinary tests too.
//!
//! Each function panics when its property does not hold.

use std::ops::ControlFlow;

use crate::{BLOCK, Blocks, Channels, Depth, Error, Layout, Source, decode, encode};

/// Largest width and height that is tried.
const MOST: u16 = 96;

/// Samples in memory.
struct Samples {
    width: usize,
    samples: Vec<u16>,
}

impl Source for Samples {
    fn row(&self, y: u32, out: &mut [u16]) {
        let start = y as usize * self.width;
        out.copy_from_slice(&self.samples[start..start + self.width]);
    }
}

/// A layout from the first three bytes, and the others.
fn layout(bytes: &[u8]) -> Option<(Layout, &[u8])> {
    let (&[width, height, kind], rest) = bytes.split_first_chunk()?;
    let side = |byte: u8| u32::from(u16::from(byte) % MOST + 1);
    let layout = Layout {
        width: side(width),
        height: side(height),
        channels: if kind & 1 == 0 {
            Channels::One
        } else {
            Channels::Three
        },
        depth: if kind & 2 == 0 {
            Depth::Eight
        } else {
            Depth::Sixteen
        },
    };
    Some((layout, rest))
}

/// Decodes, with 0 where no block is marked.
fn decoded(bytes: &[u8], layout: &Layout) -> Result<(Blocks, Samples), Error> {
    let channels = layout.channels.count();
    let width = layout.width as usize * channels;
    let mut samples = vec![0; width * layout.height as usize];
    let mut sink = |y: u32, x: u32, run: &[u16]| {
        let at = y as usize * width + x as usize * channels;
        samples[at..at + run.len()].copy_from_slice(run);
    };
    let blocks = decode(bytes, layout, &mut sink, &|_, _| ControlFlow::Continue(()))?;
    Ok((blocks, Samples { width, samples }))
}

/// Decodes any bytes. What comes out of accepted ones must survive being encoded.
///
/// # Panics
/// When it does not, or a sample is larger than the layout allows.
pub fn decode_any(bytes: &[u8]) {
    let Some((layout, bytes)) = layout(bytes) else {
        return;
    };
    if let Ok((blocks, picture)) = decoded(bytes, &layout) {
        assert!(
            picture
                .samples
                .iter()
                .all(|&sample| sample <= layout.depth.largest())
        );
        survives(&layout, &blocks, &picture);
    }
}

/// Encodes a picture made of any bytes, some of its blocks marked.
///
/// # Panics
/// When it does not come back.
pub fn encode_any(bytes: &[u8]) {
    let Some((layout, bytes)) = layout(bytes) else {
        return;
    };
    let channels = layout.channels.count();
    let width = layout.width as usize * channels;
    let mut bytes = bytes.iter().copied();
    let mut blocks = Blocks::all(&layout);
    let skipped = bytes.next().unwrap_or(0);
    for place in 0..8 {
        if skipped >> place & 1 == 1 {
            blocks.set(place % 3, place / 3, false);
        }
    }
    // Two bytes a sample, but each pair stands for a run, so that short inputs make pictures with structure.
    let mut samples = Vec::new();
    while samples.len() < width * layout.height as usize {
        let (value, run) = (bytes.next().unwrap_or(0), bytes.next().unwrap_or(255));
        let sample = match layout.depth {
            Depth::Eight => value.into(),
            Depth::Sixteen => u16::from(value) << 8 | u16::from(run),
        };
        samples.extend(std::iter::repeat_n(sample, 1 + usize::from(run)));
    }
    samples.truncate(width * layout.height as usize);
    for (i, sample) in samples.iter_mut().enumerate() {
        let (x, y) = (i % width / channels, i / width);
        if !blocks.get(x / BLOCK as usize, y / BLOCK as usize) {
            *sample = 0;
        }
    }
    survives(&layout, &blocks, &Samples { width, samples });
}

/// Encodes, decodes and compares.
fn survives(layout: &Layout, blocks: &Blocks, picture: &Samples) {
    let bytes = encode(layout, blocks, picture, &|_, _| ControlFlow::Continue(()));
    let found = bytes.and_then(|bytes| decoded(&bytes, layout));
    assert!(
        found.is_ok_and(|(found, result)| found == *blocks && result.samples == picture.samples)
    );
}
