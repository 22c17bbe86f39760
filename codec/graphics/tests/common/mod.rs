//! Pictures for tests.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::ops::ControlFlow;

use kiln_graphics::{BLOCK, Blocks, Channels, Depth, Error, Layout, Source, decode, encode};

/// A picture in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub layout: Layout,
    pub samples: Vec<u16>,
}

impl Source for Picture {
    fn row(&self, y: u32, out: &mut [u16]) {
        out.copy_from_slice(&self.samples[y as usize * out.len()..][..out.len()]);
    }
}

/// A small generator of numbers; the state must not be 0.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides
    }
}

/// Kinds of content that [`picture`] draws.
pub const KINDS: u8 = 9;

/// Draws a picture of a kind.
pub fn picture(layout: Layout, kind: u8, seed: u64) -> Picture {
    let channels = layout.channels.count() as u64;
    let largest = u64::from(layout.depth.largest());
    let mut dice = Dice(seed | 1);
    let mut samples = Vec::new();
    for y in 0..u64::from(layout.height) {
        for x in 0..u64::from(layout.width) {
            for c in 0..channels {
                let value = match kind {
                    0 => 0,
                    1 => largest,
                    2 => dice.roll(largest + 1),
                    3 => [0, largest][dice.roll(2) as usize],
                    4 => (x * 3 + y * 2 + c * 40 + dice.roll(4)) % (largest + 1),
                    5 => [0, largest / 3, largest][((x / 3 + y / 5) % 3) as usize],
                    6 => ((x * y + seed) % (largest + 1)) & 0xF0,
                    7 => (x / 7 * 7919 + y / 9 * 104_729 + c * 31) % (largest + 1),
                    _ => match (x / 32 + y / 32) % 2 {
                        0 => dice.roll(largest + 1),
                        _ => largest / 2 + (x + y) % 2,
                    },
                };
                samples.push(value as u16);
            }
        }
    }
    Picture { layout, samples }
}

pub fn layout(width: u32, height: u32, channels: Channels, depth: Depth) -> Layout {
    Layout {
        width,
        height,
        channels,
        depth,
    }
}

pub fn go_on(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Decodes into a picture in which pixels that are not coded are 0, and checks that each comes once and in order.
pub fn decoded(bytes: &[u8], layout: &Layout) -> Result<(Blocks, Picture), Error> {
    let channels = layout.channels.count();
    let mut samples = vec![0; layout.width as usize * layout.height as usize * channels];
    let mut next = 0;
    let blocks = decode(
        bytes,
        layout,
        &mut |y, x, run| {
            let at = (y as usize * layout.width as usize + x as usize) * channels;
            assert!(at >= next && !run.is_empty() && run.len().is_multiple_of(channels));
            next = at + run.len();
            samples[at..next].copy_from_slice(run);
        },
        &go_on,
    )?;
    Ok((
        blocks,
        Picture {
            layout: *layout,
            samples,
        },
    ))
}

/// The picture with 0 where no block is marked.
pub fn masked(picture: &Picture, blocks: &Blocks) -> Picture {
    let mut masked = picture.clone();
    let (width, channels) = (
        picture.layout.width as usize,
        picture.layout.channels.count(),
    );
    for (i, sample) in masked.samples.iter_mut().enumerate() {
        let (x, y) = (i / channels % width, i / channels / width);
        if !blocks.get(x / BLOCK as usize, y / BLOCK as usize) {
            *sample = 0;
        }
    }
    masked
}

/// Encodes, decodes, and checks that nothing was lost. Returns the bytes.
pub fn round_trip(picture: &Picture, blocks: &Blocks) -> Vec<u8> {
    let bytes = encode(&picture.layout, blocks, picture, &go_on).unwrap();
    let (found, result) = decoded(&bytes, &picture.layout).unwrap();
    assert_eq!(&found, blocks);
    assert!(result == masked(picture, blocks), "{:?}", picture.layout);
    assert_eq!(
        kiln_graphics::blocks(&bytes, &picture.layout).unwrap(),
        found
    );
    bytes
}
