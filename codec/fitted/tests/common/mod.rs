//! Random pictures: parameters that keep every bound, and latents.
#![allow(dead_code)]

use std::ops::ControlFlow;

use kiln_fitted::{
    Depth, GROUPS, Group, Latents, Parameters, Precision, Shape, Size, default_value, encode,
    synthesise,
};

/// The largest shape of Cool-chic 5 that is meant for pictures on a processor.
pub const HOP: Shape = Shape {
    channels: 3,
    levels: 7,
    hyper: 3,
    contexts: 14,
    features: 6,
    hidden: 2,
    width: 48,
    convolutions: 2,
};

pub fn go_on(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Random numbers, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * u128::from(sides)) >> 64) as u64
    }

    /// A number around 0, mostly small, within `reach`.
    pub fn around(&mut self, reach: i32) -> i32 {
        let reach = reach as u64;
        let size = self.roll(reach + 1) * self.roll(reach + 1) / reach.max(1);
        if self.roll(2) == 0 {
            size as i32
        } else {
            -(size as i32)
        }
    }
}

pub fn shape(dice: &mut Dice) -> Shape {
    let levels = 1 + dice.roll(9) as usize;
    let width = [0, 1, 7, 16, 33, 64][dice.roll(6) as usize];
    Shape {
        channels: [1, 3][dice.roll(2) as usize],
        levels,
        hyper: dice.roll(levels as u64 + 1) as usize,
        contexts: 1 + dice.roll(20) as usize,
        features: dice.roll(9) as usize,
        hidden: dice.roll(4) as usize,
        width,
        convolutions: if width > 0 { dice.roll(4) as usize } else { 0 },
    }
}

/// Parameters of a shape, of the size that fitted ones have.
pub fn parameters(shape: Shape, dice: &mut Dice) -> Parameters {
    let tensors = shape.tensors();
    let exponents = GROUPS.map(|group| {
        let used = tensors.iter().any(|t| t.group == group);
        let exponent = match group {
            Group::ArmBiases | Group::FeatureBiases | Group::SynthesisBiases => 4 + dice.roll(13),
            Group::SynthesisWeights | Group::Upsampling => 9 + dice.roll(4),
            _ => 4 + dice.roll(6),
        };
        if used { exponent as u8 } else { 0 }
    });
    let values = tensors
        .iter()
        .map(|tensor| {
            let exponent = u32::from(exponents[tensor.group as usize]);
            let inputs = tensor.dims.last().copied().unwrap_or(1) as i32;
            let reach = ((1 << exponent) / inputs.min(24)).clamp(1, 20_000);
            (0..tensor.len())
                .map(|index| default_value(tensor.role, index, exponent) + dice.around(reach))
                .collect()
        })
        .collect();
    let parameters = Parameters {
        shape,
        precision: Precision {
            planes: 5 + dice.roll(4) as u8,
            hidden: 7 + dice.roll(4) as u8,
            output: 10 + dice.roll(5) as u8,
        },
        exponents,
        values,
        band: [0, 16, 32, 64][dice.roll(4) as usize],
    };
    parameters.check().unwrap();
    parameters
}

/// Latents that are mostly small, and sometimes as large as they can be.
pub fn latents(shape: &Shape, size: Size, dice: &mut Dice) -> Latents {
    let mut latents = Latents::new(shape, size);
    for grid in 0..shape.grid_count() {
        let reach = [0, 1, 3, 20, 127][dice.roll(5) as usize];
        for value in latents.grid_mut(grid) {
            *value = dice.around(reach) as i8;
        }
    }
    latents
}

pub fn size(height: usize, width: usize) -> Size {
    Size { height, width }
}

/// A random picture and its streams.
pub fn picture(shape: Shape, size: Size, dice: &mut Dice) -> (Parameters, Latents, Vec<Vec<u8>>) {
    let parameters = parameters(shape, dice);
    let latents = latents(&shape, size, dice);
    let streams = encode(&parameters, size, &latents, &go_on).unwrap();
    (parameters, latents, streams)
}

pub fn slices(streams: &[Vec<u8>]) -> Vec<&[u8]> {
    streams.iter().map(Vec::as_slice).collect()
}

/// All samples of a picture, row by row.
pub fn samples(parameters: &Parameters, latents: &Latents, size: Size, depth: Depth) -> Vec<u16> {
    let mut samples = Vec::new();
    synthesise(parameters, latents, size, depth, &mut |row, run| {
        assert_eq!(samples.len(), row * run.len());
        samples.extend_from_slice(run);
    })
    .unwrap();
    samples
}

/// The middle of kodim23 (200 x 136 pixels), fitted for a few seconds.
const PHOTO: &[u8] = include_bytes!("../data/photo.fitted");

/// A picture that was fitted to a photograph.
pub fn photo() -> (Size, Vec<&'static [u8]>) {
    unpacked(PHOTO)
}

/// Streams one after the other, behind height, width, number of streams and their lengths, 4 bytes each, little-endian.
pub fn unpacked(mut bytes: &[u8]) -> (Size, Vec<&[u8]>) {
    let mut number = || {
        let (number, rest) = bytes.split_first_chunk().unwrap();
        bytes = rest;
        u32::from_le_bytes(*number) as usize
    };
    let (height, width, count) = (number(), number(), number());
    let lengths: Vec<usize> = (0..count).map(|_| number()).collect();
    let streams = lengths
        .iter()
        .map(|&length| {
            let (stream, rest) = bytes.split_at(length);
            bytes = rest;
            stream
        })
        .collect();
    assert!(bytes.is_empty());
    (size(height, width), streams)
}
