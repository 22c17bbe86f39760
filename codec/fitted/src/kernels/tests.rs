//! Every way gives the numbers of the plain one, on random and on extreme inputs.

use super::*;
use crate::networks::Networks;
use crate::parameters::{Parameters, Precision};
use crate::shape::{GROUPS, Shape};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }

    fn input(&mut self, extreme: bool) -> i16 {
        if extreme {
            [i16::MIN, i16::MAX, 0, -1][self.roll(4) as usize]
        } else {
            self.roll(2001) as i16 - 1000
        }
    }
}

/// Networks whose sums come as near to the bound as integers do, or are of common size.
fn networks(shape: Shape, extreme: bool, dice: &mut Dice) -> Networks {
    let tensors = shape.tensors();
    let values = tensors
        .iter()
        .map(|tensor| {
            // The narrowest bound is that of the two matrices before the means and scales, or of 64 inputs.
            let most = if extreme { 60_000 / 80 } else { 100 };
            (0..tensor.len())
                .map(|_| match extreme {
                    true => [-most, most][dice.roll(2) as usize],
                    false => dice.roll(2 * most as u64 + 1) as i32 - most,
                })
                .collect()
        })
        .collect();
    let parameters = Parameters {
        shape,
        precision: Precision {
            planes: 7,
            hidden: 8,
            output: 10,
        },
        exponents: GROUPS.map(|group| match tensors.iter().any(|t| t.group == group) {
            true => 8,
            false => 0,
        }),
        values,
        band: 0,
    };
    Networks::new(&parameters).unwrap()
}

fn rows(count: usize, length: usize, extreme: bool, dice: &mut Dice) -> Vec<Vec<i16>> {
    (0..count)
        .map(|_| (0..length).map(|_| dice.input(extreme)).collect())
        .collect()
}

/// Outputs of two ways to fill rows.
fn check<T: Copy + PartialEq + std::fmt::Debug>(
    count: usize,
    length: usize,
    empty: T,
    one: impl Fn(&mut [&mut [T]]),
    other: impl Fn(&mut [&mut [T]]),
) {
    let mut results = [
        vec![vec![empty; length]; count],
        vec![vec![empty; length]; count],
    ];
    let [first, second] = &mut results;
    one(&mut first.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
    other(&mut second.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
    assert_eq!(results[0], results[1]);
}

#[test]
fn all_ways_agree() {
    let mut dice = Dice(1);
    for round in 0..400 {
        let extreme = round % 2 == 0;
        let width = dice.roll(65) as usize;
        let levels = 1 + dice.roll(9) as usize;
        let shape = Shape {
            channels: [1, 3][dice.roll(2) as usize],
            levels,
            hyper: dice.roll(levels as u64 + 1) as usize,
            contexts: 1 + dice.roll(20) as usize,
            features: dice.roll(9) as usize,
            hidden: dice.roll(4) as usize,
            width,
            convolutions: if width > 0 { 2 } else { 0 },
        };
        let networks = networks(shape, extreme, &mut dice);
        let length = 1 + dice.roll(70) as usize;

        let contexts = rows(shape.contexts, length + 3, extreme, &mut dice);
        let contexts: Vec<&[i16]> = contexts.iter().map(Vec::as_slice).collect();
        let mut features: Vec<Features> = Vec::new();
        if dice.roll(2) == 0 {
            features.resize_with(length, || std::array::from_fn(|_| dice.input(extreme)));
        }
        check(
            1,
            length,
            LaplaceAt::default(),
            |out| arm(&networks.arm, &contexts, &features, out[0]),
            |out| plain::arm(&networks.arm, &contexts, &features, out[0]),
        );

        let synthesis = &networks.synthesis;
        let planes = rows(levels, length, extreme, &mut dice);
        let planes: Vec<&[i16]> = planes.iter().map(Vec::as_slice).collect();
        check(
            shape.channels,
            length,
            0,
            |out| wide(&synthesis.linear, &planes, 1 << 18, 3, out),
            |out| plain::wide(&synthesis.linear, &planes, 1 << 18, 3, out),
        );
        if let Some((first, second)) = &synthesis.mix {
            check(
                shape.channels,
                length,
                0,
                |out| mix(first, second, &planes, out),
                |out| plain::mix(first, second, &planes, out),
            );
        }
        let filters = networks.filters.iter().flat_map(|f| [&f.even, &f.filter]);
        let layers = synthesis.convolutions.iter().chain(&networks.features);
        for layer in layers.chain(filters) {
            // The last place of the last pair may be without an input.
            let count = 2 * layer.pairs() - usize::from(layer.odd());
            let inputs = rows(count, length, extreme, &mut dice);
            let inputs: Vec<&[i16]> = inputs.iter().map(Vec::as_slice).collect();
            check(
                layer.rows(),
                length,
                0,
                |out| dense(layer, &inputs, out),
                |out| plain::dense(layer, &inputs, out),
            );
        }
    }
}
