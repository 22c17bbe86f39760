//! The crate and a decoder that is written from the documents come to the same latents and samples.

mod common;
#[path = "common/scalar.rs"]
mod scalar;

use common::{Dice, HOP, go_on, photo, picture, samples, shape, size, slices};
use kiln_fitted::{Depth, Shape, Size, checksum, decode, encode};

/// How many samples were compared, and how many of them were neither black nor white.
#[derive(Default)]
struct Counts {
    samples: usize,
    between: usize,
}

fn compare(shape: Shape, size: Size, depth: Depth, dice: &mut Dice, counts: &mut Counts) {
    let (_, _, streams) = picture(shape, size, dice);
    compare_streams(&slices(&streams), shape.channels, size, depth, counts);
}

fn compare_streams(
    streams: &[&[u8]],
    channels: usize,
    size: Size,
    depth: Depth,
    counts: &mut Counts,
) {
    let (parameters, latents) = decode(streams, size, channels, &go_on).unwrap();
    let shape = parameters.shape;
    let largest = depth.largest();
    let (grids, pixels) =
        scalar::decode(streams, size.height, size.width, channels, largest.into());
    for (grid, values) in grids.iter().enumerate() {
        let equal = latents
            .grid(grid)
            .iter()
            .map(|&y| i64::from(y))
            .eq(values.iter().copied());
        assert!(equal, "grid {grid} of {shape:?} {size:?}");
    }
    let found = samples(&parameters, &latents, size, depth);
    let equal = found
        .iter()
        .map(|&s| i64::from(s))
        .eq(pixels.iter().copied());
    assert!(equal, "samples of {shape:?} {size:?}");
    counts.samples += found.len();
    counts.between += found.iter().filter(|s| (1..largest).contains(s)).count();
}

#[test]
fn a_decoder_from_the_documents_agrees() {
    let mut dice = Dice(7);
    let mut counts = Counts::default();
    for round in 0..120 {
        let shape = shape(&mut dice);
        let size = size(1 + dice.roll(70) as usize, 1 + dice.roll(70) as usize);
        let depth = [Depth::Eight, Depth::Sixteen][round % 2];
        compare(shape, size, depth, &mut dice, &mut counts);
    }
    // Pictures must not be all black and white.
    assert!(
        counts.between > counts.samples / 10,
        "{} of {}",
        counts.between,
        counts.samples
    );
}

#[test]
fn it_agrees_for_larger_pictures() {
    let mut dice = Dice(8);
    let mut counts = Counts::default();
    for (height, width) in [(150, 201), (65, 300), (301, 67)] {
        for depth in [Depth::Eight, Depth::Sixteen] {
            compare(HOP, size(height, width), depth, &mut dice, &mut counts);
        }
    }
    assert!(
        counts.between > counts.samples / 10,
        "{} of {}",
        counts.between,
        counts.samples
    );
}

#[test]
fn it_agrees_for_a_photograph() {
    let (size, streams) = photo();
    let mut counts = Counts::default();
    for depth in [Depth::Eight, Depth::Sixteen] {
        compare_streams(&streams, 3, size, depth, &mut counts);
    }
    assert!(counts.between > counts.samples * 9 / 10);

    // The file is what would be written today.
    let (parameters, latents) = decode(&streams, size, 3, &go_on).unwrap();
    assert_eq!(checksum(&parameters, &latents), 0x725d_e4bf);
    let written = encode(&parameters, size, &latents, &go_on).unwrap();
    assert_eq!(slices(&written), streams);
}
