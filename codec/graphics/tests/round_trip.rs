//! What was coded comes back, whatever it is.

mod common;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Dice, KINDS, Picture, go_on, layout, picture, round_trip};
use kiln_graphics::{BLOCK, Blocks, Channels, Depth, Error, Layout, costs, encode, estimate};
use proptest::prelude::*;

fn layouts() -> impl Strategy<Value = Layout> {
    let channels = prop_oneof![Just(Channels::One), Just(Channels::Three)];
    let depth = prop_oneof![Just(Depth::Eight), Just(Depth::Sixteen)];
    (1..80u32, 1..80u32, channels, depth)
        .prop_map(|(w, h, channels, depth)| layout(w, h, channels, depth))
}

fn some_blocks(layout: &Layout, seed: u64, of: u64) -> Blocks {
    let mut dice = Dice(seed | 1);
    let mut blocks = Blocks::none(layout);
    for row in 0..blocks.rows() {
        for column in 0..blocks.columns() {
            blocks.set(column, row, dice.roll(of) == 0);
        }
    }
    blocks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_picture_and_blocks(layout in layouts(), kind in 0..KINDS, seed: u64, of in 1..5u64) {
        let picture = picture(layout, kind, seed);
        round_trip(&picture, &some_blocks(&layout, seed, of));
    }
}

#[test]
fn thin_and_tiny_pictures() {
    for channels in [Channels::One, Channels::Three] {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (17, 2), (2, 17), (16, 16)] {
            for kind in 0..KINDS {
                let layout = layout(width, height, channels, Depth::Sixteen);
                round_trip(&picture(layout, kind, 9), &Blocks::all(&layout));
            }
        }
    }
}

#[test]
fn a_picture_without_pixels_is_coded_too() {
    for (width, height) in [(0, 0), (0, 50), (50, 0)] {
        let layout = layout(width, height, Channels::Three, Depth::Eight);
        let picture = Picture {
            layout,
            samples: Vec::new(),
        };
        assert_eq!(round_trip(&picture, &Blocks::all(&layout)), [1]);
        assert!(estimate(&layout, &picture).is_empty());
    }
}

#[test]
fn several_strips() {
    let layout = layout(1500, 2200, Channels::One, Depth::Eight);
    let picture = picture(layout, 7, 3);
    round_trip(&picture, &Blocks::all(&layout));
    let mut blocks = Blocks::none(&layout);
    blocks.set(3, 100, true);
    round_trip(&picture, &blocks);
    blocks.set(93, 0, true);
    round_trip(&picture, &blocks);
    round_trip(&picture, &Blocks::none(&layout));
}

#[test]
fn a_flat_picture_takes_next_to_nothing() {
    let layout = layout(2000, 1000, Channels::Three, Depth::Eight);
    let bytes = round_trip(&picture(layout, 1, 0), &Blocks::all(&layout));
    assert!(bytes.len() < 40, "{}", bytes.len());
}

/// 8-bit samples in a 16-bit picture take what they take in an 8-bit picture, and the list of their values.
#[test]
fn stretched_samples_are_found() {
    let narrow = picture(layout(300, 200, Channels::One, Depth::Eight), 4, 5);
    let wide = Picture {
        layout: Layout {
            depth: Depth::Sixteen,
            ..narrow.layout
        },
        samples: narrow.samples.iter().map(|&sample| sample * 257).collect(),
    };
    let all = Blocks::all(&narrow.layout);
    let (narrow, wide) = (
        round_trip(&narrow, &all).len(),
        round_trip(&wide, &all).len(),
    );
    assert!(wide < narrow + 120, "{wide} {narrow}");
}

#[test]
fn costs_are_those_of_the_bytes() {
    for kind in [2, 4, 7, 8] {
        let layout = layout(250, 130, Channels::Three, Depth::Eight);
        let picture = picture(layout, kind, 77);
        let bits: f32 = costs(&layout, &picture, &go_on).unwrap().iter().sum();
        let bytes = encode(&layout, &Blocks::all(&layout), &picture, &go_on)
            .unwrap()
            .len() as f32;
        assert!(
            (bits / 8.0 - bytes).abs() < 0.01 * bytes + 20.0,
            "{kind}: {bits} bits, {bytes} bytes"
        );
    }
}

/// Blocks of noise must be told from flat ones.
#[test]
fn estimates_rank_blocks() {
    let layout = layout(256, 256, Channels::Three, Depth::Eight);
    let picture = picture(layout, 8, 5);
    let (bits, guess) = (
        costs(&layout, &picture, &go_on).unwrap(),
        estimate(&layout, &picture),
    );
    assert_eq!(bits.len(), guess.len());
    for (&bits, &guess) in bits.iter().zip(&guess) {
        assert_eq!(bits > 3000.0, guess > 3000.0, "{bits} {guess}");
    }
}

#[test]
fn the_caller_can_stop_and_is_told_of_all_rows() {
    let layout = layout(64, 640, Channels::One, Depth::Eight);
    let picture = picture(layout, 4, 5);
    let seen = AtomicU64::new(0);
    let count = |done: u64, total: u64| {
        assert!(done <= total);
        seen.fetch_max(done, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    encode(&layout, &Blocks::all(&layout), &picture, &count).unwrap();
    assert_eq!(seen.into_inner(), u64::from(640 / BLOCK));
    let stop = |done: u64, _: u64| {
        if done > 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let result = encode(&layout, &Blocks::all(&layout), &picture, &stop);
    assert_eq!(result, Err(Error::Stopped));
}

#[test]
fn callers_are_told_what_is_wrong() {
    let layout = layout(64, 64, Channels::One, Depth::Eight);
    let other = Layout {
        width: 100,
        ..layout
    };
    let picture = picture(layout, 4, 5);
    let result = encode(&layout, &Blocks::all(&other), &picture, &go_on);
    assert!(
        matches!(
            result,
            Err(Error::Blocks {
                columns: 7,
                rows: 4,
                ..
            })
        ),
        "{result:?}"
    );
    let wide = Picture {
        samples: vec![256; 64 * 64],
        ..picture
    };
    let result = encode(&layout, &Blocks::all(&layout), &wide, &go_on);
    assert_eq!(
        result,
        Err(Error::Sample {
            sample: 256,
            largest: 255
        })
    );
}
