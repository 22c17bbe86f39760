//! From latents to samples.

use rayon::prelude::*;
use std::ops::Range;

use crate::error::Error;
use crate::kernels;
use crate::latents::Latents;
use crate::networks::{Networks, PICTURE_BITS, Synthesis};
use crate::parameters::Parameters;
use crate::shape::Size;
use crate::upsampling::Pyramid;

/// Rows that one thread works on at a time.
const ROWS: usize = 32;
/// The linear branch is limited to this magnitude: 16 times the brightest sample.
const LINEAR_MAX: i32 = 16 << PICTURE_BITS;

/// Bits of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Depth {
    /// 0 to 255.
    Eight,
    /// 0 to 65535.
    Sixteen,
}

impl Depth {
    /// The largest sample.
    pub const fn largest(self) -> u16 {
        match self {
            Depth::Eight => 255,
            Depth::Sixteen => 65_535,
        }
    }
}

/// The samples of a picture. Calls `sink` with the number of each row, from the top, and its samples, those of a pixel
/// next to each other.
///
/// # Errors
/// [`Error::Parameters`], [`Error::Bound`] and [`Error::Latents`] if these are not of one picture of this size.
pub fn synthesise(
    parameters: &Parameters,
    latents: &Latents,
    size: Size,
    depth: Depth,
    sink: &mut dyn FnMut(usize, &[u16]),
) -> Result<(), Error> {
    let networks = Networks::new(parameters)?;
    latents.check(&parameters.shape, size)?;
    let pyramid = Pyramid::new(
        &networks,
        &parameters.shape,
        latents,
        parameters.precision.planes.into(),
    );
    let channels = parameters.shape.channels;
    let at_once = rayon::current_num_threads().max(1);
    let starts: Vec<usize> = (0..size.height).step_by(ROWS).collect();
    for starts in starts.chunks(at_once) {
        let blocks: Vec<Vec<u16>> = starts
            .par_iter()
            .map(|&start| {
                let rows = start..(start + ROWS).min(size.height);
                let block = Block {
                    synthesis: &networks.synthesis,
                    channels,
                    size,
                    rows,
                };
                block.samples(&pyramid, depth)
            })
            .collect();
        for (&start, block) in starts.iter().zip(&blocks) {
            for (row, samples) in block.chunks_exact(size.width * channels).enumerate() {
                sink(start + row, samples);
            }
        }
    }
    Ok(())
}

/// Rows that are made together.
struct Block<'a> {
    synthesis: &'a Synthesis,
    channels: usize,
    size: Size,
    rows: Range<usize>,
}

impl Block<'_> {
    fn samples(&self, pyramid: &Pyramid<'_>, depth: Depth) -> Vec<u16> {
        let Self {
            synthesis,
            channels,
            size: Size { height, width },
            ref rows,
        } = *self;
        // A row more on either side for each convolution, as far as there are rows.
        let halo = synthesis.convolutions.len();
        let seen = rows.start.saturating_sub(halo)..(rows.end + halo).min(height);
        let planes: Vec<Vec<i16>> = (0..pyramid.channels())
            .map(|channel| {
                let mut plane = vec![0; seen.len() * width];
                pyramid.rows(channel, seen.clone(), &mut plane);
                plane
            })
            .collect();
        let mut colours: Vec<Vec<i16>> = Vec::new();
        if let Some((hidden, mix)) = &synthesis.mix {
            let inputs: Vec<&[i16]> = planes.iter().map(Vec::as_slice).collect();
            colours = vec![vec![0; seen.len() * width]; channels];
            let mut outputs: Vec<&mut [i16]> = colours.iter_mut().map(Vec::as_mut_slice).collect();
            kernels::mix(hidden, mix, &inputs, &mut outputs);
        }
        let mut have = seen.clone();
        for layer in 0..halo {
            let left = halo - 1 - layer;
            let wanted = rows.start.saturating_sub(left)..(rows.end + left).min(height);
            colours = self.convolved(layer, &colours, have, &wanted);
            have = wanted;
        }

        let first = (rows.start - seen.start) * width;
        let length = rows.len() * width;
        let inputs: Vec<&[i16]> = planes.iter().map(|p| &p[first..first + length]).collect();
        let mut linear = vec![vec![0i32; length]; channels];
        let left = synthesis.linear_shift.max(0) as u32;
        let mut outputs: Vec<&mut [i32]> = linear.iter_mut().map(Vec::as_mut_slice).collect();
        kernels::wide(
            &synthesis.linear,
            &inputs,
            LINEAR_MAX >> left,
            left,
            &mut outputs,
        );
        let largest = u32::from(depth.largest());
        let shift = PICTURE_BITS - synthesis.output;
        for (channel, linear) in linear.iter_mut().enumerate() {
            if let Some(colour) = colours.get(channel) {
                for (value, &colour) in linear.iter_mut().zip(colour) {
                    *value += i32::from(colour) << shift;
                }
            }
        }
        let sample = |value: i32| {
            let value = value.clamp(0, 1 << PICTURE_BITS) as u32;
            ((value * largest + (1 << (PICTURE_BITS - 1))) >> PICTURE_BITS) as u16
        };
        let mut samples = vec![0; length * channels];
        match &linear[..] {
            [red, green, blue] => {
                let colours = red.iter().zip(green).zip(blue);
                for (pixel, ((&red, &green), &blue)) in samples.chunks_exact_mut(3).zip(colours) {
                    pixel[0] = sample(red);
                    pixel[1] = sample(green);
                    pixel[2] = sample(blue);
                }
            }
            _ => {
                let values = linear.iter().flatten();
                for (pixel, &value) in samples.iter_mut().zip(values) {
                    *pixel = sample(value);
                }
            }
        }
        samples
    }

    /// The `wanted` rows of a convolution over the rows that there are; borders of the picture are repeated.
    fn convolved(
        &self,
        layer: usize,
        colours: &[Vec<i16>],
        have: Range<usize>,
        wanted: &Range<usize>,
    ) -> Vec<Vec<i16>> {
        let width = self.size.width;
        let stride = width + 2;
        // Columns are repeated in a copy, rows by taking them again.
        let padded: Vec<Vec<i16>> = colours
            .iter()
            .map(|plane| {
                let mut padded = Vec::with_capacity(have.len() * stride);
                for row in plane.chunks_exact(width) {
                    padded.push(row[0]);
                    padded.extend_from_slice(row);
                    padded.push(row[width - 1]);
                }
                padded
            })
            .collect();
        let mut out = vec![vec![0; wanted.len() * width]; self.channels];
        for (index, row) in wanted.clone().enumerate() {
            let mut inputs: Vec<&[i16]> = Vec::with_capacity(9 * self.channels);
            for dy in 0..3 {
                let row = (row + dy).saturating_sub(1).clamp(have.start, have.end - 1);
                let start = (row - have.start) * stride;
                for dx in 0..3 {
                    let start = start + dx;
                    inputs.extend(padded.iter().map(|plane| &plane[start..start + width]));
                }
            }
            let mut outputs: Vec<&mut [i16]> = out
                .iter_mut()
                .map(|plane| &mut plane[index * width..(index + 1) * width])
                .collect();
            kernels::dense(&self.synthesis.convolutions[layer], &inputs, &mut outputs);
        }
        out
    }
}
