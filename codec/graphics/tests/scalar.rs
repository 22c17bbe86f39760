//! The crate and a decoder that is written from the documents come to the same pixels.

mod common;
#[path = "common/scalar.rs"]
mod scalar;

use common::{Dice, KINDS, layout, masked, picture, round_trip};
use kiln_graphics::{Blocks, Channels, Depth};

#[test]
fn a_decoder_from_the_documents_agrees() {
    let mut dice = Dice(3);
    for kind in 0..KINDS {
        for channels in [Channels::One, Channels::Three] {
            for depth in [Depth::Eight, Depth::Sixteen] {
                let layout = layout(
                    20 + dice.roll(90) as u32,
                    20 + dice.roll(90) as u32,
                    channels,
                    depth,
                );
                let picture = picture(layout, kind, dice.roll(1 << 40));
                let mut blocks = Blocks::all(&layout);
                if dice.roll(2) == 0 {
                    blocks.set(1, 0, false);
                    blocks.set(0, 1, false);
                }
                let bytes = round_trip(&picture, &blocks);
                let samples = scalar::decode(&bytes, &layout);
                assert!(
                    samples == masked(&picture, &blocks).samples,
                    "{kind} {layout:?}"
                );
            }
        }
    }
}

#[test]
fn strips_agree() {
    let layout = layout(1100, 1000, Channels::One, Depth::Eight);
    let picture = picture(layout, 7, 3);
    let blocks = Blocks::all(&layout);
    let bytes = round_trip(&picture, &blocks);
    assert!(scalar::decode(&bytes, &layout) == picture.samples);
}
