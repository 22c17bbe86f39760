//! What decoding takes in memory, against what is announced for it.

#[path = "../../tests/common/allocation.rs"]
mod allocation;
mod common;

use common::{Dice, HOP, go_on, picture, shape, size, slices};
use kiln_fitted::{Depth, Shape, Size, decode, decode_bytes, synthesise};

/// Decodes and makes samples of it; the most bytes that were held, and what is announced.
fn held(streams: &[Vec<u8>], shape: &Shape, size: Size) -> (usize, u64) {
    let streams = slices(streams);
    let (held, ()) = allocation::most_held(|| {
        let Ok((parameters, latents)) = decode(&streams, size, shape.channels, &go_on) else {
            return;
        };
        let mut sink = |_: usize, _: &[u16]| {};
        synthesise(&parameters, &latents, size, Depth::Eight, &mut sink).unwrap();
    });
    (held, decode_bytes(shape, size))
}

/// One test, since what other threads of the process hold would be counted as well.
#[test]
fn no_more_is_held_than_announced() {
    let mut dice = Dice(21);
    let mut shapes = vec![HOP; 3];
    shapes.extend((0..20).map(|_| shape(&mut dice)));
    for (round, shape) in shapes.into_iter().enumerate() {
        let size = match round % 5 {
            0 => size(700, 900),
            1 => size(1, 1),
            2 => size(2000, 3),
            3 => size(3, 3000),
            _ => size(300, 300),
        };
        let (_, _, streams) = picture(shape, size, &mut dice);
        let (most, announced) = held(&streams, &shape, size);
        assert!(
            most as u64 <= announced,
            "{shape:?} {size:?}: {most} of {announced}"
        );
        if size.height == 700 {
            assert!(announced < 3 * most as u64, "{most} of {announced}");
        }

        // Not more for damage, nor for another size.
        let mut damaged = streams.clone();
        for _ in 0..5 {
            let stream = dice.roll(damaged.len() as u64) as usize;
            let length = damaged[stream].len() as u64;
            if length > 0 {
                damaged[stream][dice.roll(length) as usize] ^= 1 << dice.roll(8);
            }
        }
        let mut most_announced = HOP;
        (most_announced.levels, most_announced.hyper) = (9, 9);
        let (most, _) = held(&damaged, &shape, size);
        assert!(most as u64 <= decode_bytes(&most_announced, size));
        let wrong = Size {
            height: size.height + 200,
            width: size.width + 100,
        };
        let (most, announced) = held(&streams, &shape, wrong);
        assert!(
            most as u64 <= announced,
            "{shape:?} {wrong:?}: {most} of {announced}"
        );
    }
}
