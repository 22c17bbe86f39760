//! From channels to the picture, and back.

use kiln_fitted::{Role, Shape};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::convolution::{Stencil, Weights3x3, gradients_of_weights};
use crate::kernels::Aligned;
use crate::kernels::dense::{
    ADD, MASK, PLAIN, Packed, RELU, Row, TILE, add_rows, apply, outer, tile, tile_memory,
};
use crate::kernels::lanes::{self, first, load, store, vectors_mut};
use crate::networks::Networks;
use crate::picture::{Errors, Picture};
use crate::stack::{Form, Stack};
use crate::tiles::{Place, Tiles};

/// The network that makes the picture, with memory for one.
#[derive(Clone, Debug)]
pub(crate) struct Synthesis {
    shape: Shape,
    /// What the second layer makes, then what each convolution makes. Empty without hidden layer.
    stages: Vec<Stack>,
    stage_gradients: Vec<Stack>,
    /// What the linear branch makes.
    linear: Stack,
    /// Gradients of the picture.
    picture_gradients: Stack,
}

/// Matrices in the order in which loops read them.
struct Weights {
    hidden: Packed,
    hidden_back: Packed,
    mix: Packed,
    mix_back: Packed,
    linear: Packed,
    linear_back: Packed,
}

impl Weights {
    fn new(networks: &Networks) -> Self {
        let shape = networks.shape;
        let both = |role, bias, outputs, inputs| {
            let (w, b) = (networks.get(role), networks.get(bias));
            (
                Packed::new(outputs, inputs, |o, i| w[o * inputs + i], |o| b[o]),
                Packed::new(inputs, outputs, |o, i| w[i * inputs + o], |_| 0.0),
            )
        };
        let (hidden, hidden_back) = both(Role::Hidden, Role::HiddenBias, shape.width, shape.levels);
        let channels = if shape.width == 0 { 0 } else { shape.channels };
        let (mix, mix_back) = both(Role::Mix, Role::MixBias, channels, shape.width);
        let (linear, linear_back) =
            both(Role::Linear, Role::LinearBias, shape.channels, shape.levels);
        Self {
            hidden,
            hidden_back,
            mix,
            mix_back,
            linear,
            linear_back,
        }
    }
}

impl Synthesis {
    /// For pictures of this size.
    pub(crate) fn new(shape: Shape, height: usize, width: usize) -> Self {
        let one = Stack::new(Form {
            height,
            width,
            channels: shape.channels,
        });
        let stages = if shape.width == 0 {
            0
        } else {
            shape.convolutions + 1
        };
        Self {
            shape,
            stages: vec![one.clone(); stages],
            // The last stage's are those of the picture.
            stage_gradients: vec![one.clone(); stages.saturating_sub(1)],
            linear: one.clone(),
            picture_gradients: one,
        }
    }

    /// Makes the picture, to be read by [`Self::errors`] or [`Self::backward`].
    pub(crate) fn forward(&mut self, networks: &Networks, channels: &Stack) {
        let weights = Weights::new(networks);
        let form = self.linear.form;
        let linear = self.linear.parts_mut();
        let shape = &self.shape;
        let run = |from, linear, stage| {
            Arch::new().dispatch(Forward {
                shape,
                weights: &weights,
                channels,
                form,
                from,
                linear,
                stage,
            });
        };
        match self.stages.first_mut() {
            Some(stage) => linear
                .zip(stage.parts_mut())
                .for_each(|((from, linear), (_, stage))| run(from, linear, stage)),
            None => linear.for_each(|(from, linear)| run(from, linear, &mut [])),
        }
        for layer in 1..self.stages.len() {
            let (before, after) = self.stages.split_at_mut(layer);
            let weights = Weights3x3::forward(networks, layer - 1);
            let source = &before[layer - 1];
            let last = layer + 1 == shape.convolutions + 1;
            after[0].parts_mut().for_each(|(from, rows)| {
                Arch::new().dispatch(Stencil {
                    form,
                    rows,
                    from,
                    source,
                    weights: &weights,
                    relu: !last,
                    mask: None,
                    repeat: !last,
                });
            });
        }
    }

    /// Squared errors of the picture with its samples limited to 0..=1 and rounded to whole multiples of 1 / `largest`.
    pub(crate) fn errors(&self, picture: &Picture, largest: f32) -> f64 {
        let form = self.linear.form;
        let rows = form.rows_at_once();
        let parts: Vec<f64> = (0..form.height.div_ceil(rows))
            .into_par_iter()
            .map(|part| {
                Arch::new().dispatch(Errors {
                    picture,
                    from: part * rows,
                    rows: rows.min(form.height - part * rows),
                    linear: &self.linear,
                    stage: self.stages.last(),
                    gradients: None,
                    rounding: Some(largest),
                })
            })
            .collect();
        parts.iter().sum()
    }

    /// Squared errors, and gradients of their sum times `per_error`: of the networks (added to) and of the channels.
    /// Samples are not limited, so that those beyond 0..=1 find back.
    pub(crate) fn backward(
        &mut self,
        networks: &Networks,
        picture: &Picture,
        channels: &Stack,
        per_error: f32,
        to_networks: &mut Networks,
        to_channels: &mut Stack,
    ) -> f64 {
        let form = self.linear.form;
        let (linear, stage) = (&self.linear, self.stages.last());
        let errors: Vec<f64> = (self.picture_gradients.parts_mut())
            .map(|(from, rows)| {
                Arch::new().dispatch(Errors {
                    picture,
                    from,
                    rows: rows.len() / form.row_len(),
                    linear,
                    stage,
                    gradients: Some((rows, per_error)),
                    rounding: None,
                })
            })
            .collect();

        for layer in (1..self.stages.len()).rev() {
            let (before, after) = self.stage_gradients.split_at_mut(layer);
            let gradients = after.first().unwrap_or(&self.picture_gradients);
            let source = &self.stages[layer - 1];
            let sums = gradients_of_weights(source, gradients);
            to_networks.add(Role::Convolution(layer - 1), &sums);
            let weights = Weights3x3::backward(networks, layer - 1);
            // What a convolution made was limited to above 0, what the second layer made was not.
            let mask = (layer > 1).then_some(source);
            before[layer - 1].parts_mut().for_each(|(from, rows)| {
                Arch::new().dispatch(Stencil {
                    form,
                    rows,
                    from,
                    source: gradients,
                    weights: &weights,
                    relu: false,
                    mask,
                    repeat: false,
                });
            });
        }

        let weights = Weights::new(networks);
        let shape = &self.shape;
        let of_picture = &self.picture_gradients;
        let of_stage = match shape.width {
            0 => None,
            _ => Some(self.stage_gradients.first().unwrap_or(of_picture)),
        };
        let sums: Vec<[Vec<f32>; 2]> = (to_channels.parts_mut())
            .map(|(from, rows)| {
                Arch::new().dispatch(Backward {
                    shape,
                    weights: &weights,
                    channels,
                    from,
                    of_picture,
                    of_stage,
                    to_channels: rows,
                })
            })
            .collect();
        for (k, role) in [Role::Hidden, Role::Linear].into_iter().enumerate() {
            let mut total = vec![0.0; sums.first().map_or(0, |s| s[k].len())];
            for part in &sums {
                for (total, &v) in total.iter_mut().zip(&part[k]) {
                    *total += f64::from(v);
                }
            }
            to_networks.add(role, &total);
        }
        errors.iter().sum()
    }
}

/// One part of the rows, up to the convolutions.
struct Forward<'a> {
    shape: &'a Shape,
    weights: &'a Weights,
    channels: &'a Stack,
    form: Form,
    from: usize,
    linear: &'a mut [f32],
    stage: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Shape {
            levels,
            width,
            channels,
            ..
        } = *self.shape;
        let form = self.form;
        let mut memory = tile_memory(simd, levels + width + channels);
        let (inputs, rest) = tile(simd, &mut memory).split_at_mut(levels);
        let (hidden, out) = rest.split_at_mut(width);
        let rows = self.linear.len() / form.row_len();
        let mut tiles = Tiles::new(rows, form.width, S::F32_LANES);
        while let Some(places) = tiles.next() {
            let places = &places;
            read(simd, self.channels, self.from, places, inputs);
            apply::<S, PLAIN>(simd, &self.weights.linear, inputs, out, &mut []);
            write(simd, form, self.linear, places, out);
            if width > 0 {
                apply::<S, RELU>(simd, &self.weights.hidden, inputs, hidden, &mut []);
                apply::<S, PLAIN>(simd, &self.weights.mix, hidden, out, &mut []);
                write(simd, form, self.stage, places, out);
            }
        }
        if width > 0 {
            for row in 0..rows {
                (0..channels).for_each(|c| form.replicate(self.stage, row, c, 1));
            }
        }
    }
}

/// Rows of a tile from all channels of some pixels.
#[inline(always)]
fn read<S: Simd>(
    simd: S,
    from: &Stack,
    first_row: usize,
    places: &[Place; TILE],
    to: &mut [Row<S::f32s>],
) {
    for (channel, row) in to.iter_mut().enumerate() {
        for (
            &Place {
                row: y, column: x, ..
            },
            v,
        ) in places.iter().zip(row)
        {
            *v = load(simd, &from.row(first_row + y, channel)[x..]);
        }
    }
}

/// The other way; what is beyond the pixels is 0.
#[inline(always)]
fn write<S: Simd>(
    simd: S,
    form: Form,
    to: &mut [f32],
    places: &[Place; TILE],
    from: &[Row<S::f32s>],
) {
    for (channel, row) in from.iter().enumerate() {
        for (
            &Place {
                row: y,
                column: x,
                valid,
            },
            &v,
        ) in places.iter().zip(row)
        {
            if valid > 0 {
                store(
                    simd,
                    &mut form.of_mut(to, y, channel)[x..],
                    first(simd, valid, v),
                );
            }
        }
    }
}

/// One part of the rows, from the convolutions back.
struct Backward<'a> {
    shape: &'a Shape,
    weights: &'a Weights,
    channels: &'a Stack,
    from: usize,
    of_picture: &'a Stack,
    of_stage: Option<&'a Stack>,
    to_channels: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    /// Gradients from [`Role::Hidden`] to [`Role::MixBias`], and those of the linear branch.
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [Vec<f32>; 2] {
        let Shape {
            levels,
            width,
            channels,
            ..
        } = *self.shape;
        let of_hidden = width * levels + width;
        let of_mix = if width > 0 {
            channels * width + channels
        } else {
            0
        };
        let of_linear = channels * levels + channels;
        let mut sums = Aligned::new((of_hidden + of_mix + of_linear) * S::F32_LANES);
        let sums = vectors_mut(simd, &mut sums);
        let mut memory = tile_memory(simd, levels * 2 + width + 2 * channels);
        let rows = tile(simd, &mut memory);
        let (inputs, rest) = rows.split_at_mut(levels);
        let (to_inputs, rest) = rest.split_at_mut(levels);
        let (hidden, rest) = rest.split_at_mut(width);
        let (picture, stage) = rest.split_at_mut(channels);
        let form = self.channels.form;
        let rows = self.to_channels.len() / form.row_len();
        {
            let (hidden_sums, rest) = sums.split_at_mut(of_hidden);
            let (hidden_sums, hidden_bias) = hidden_sums.split_at_mut(width * levels);
            let (mix_sums, linear_sums) = rest.split_at_mut(of_mix);
            let (mix_sums, mix_bias) = mix_sums.split_at_mut(of_mix.saturating_sub(channels));
            let (linear_sums, linear_bias) = linear_sums.split_at_mut(channels * levels);
            let mut tiles = Tiles::new(rows, form.width, S::F32_LANES);
            while let Some(places) = tiles.next() {
                let places = &places;
                read(simd, self.channels, self.from, places, inputs);
                read_gradients(simd, self.of_picture, self.from, places, picture);
                outer(simd, picture, inputs, linear_sums);
                add_rows(simd, picture, linear_bias);
                apply::<S, PLAIN>(simd, &self.weights.linear_back, picture, to_inputs, &mut []);
                if let Some(of_stage) = self.of_stage {
                    read_gradients(simd, of_stage, self.from, places, stage);
                    apply::<S, RELU>(simd, &self.weights.hidden, inputs, hidden, &mut []);
                    outer(simd, stage, hidden, mix_sums);
                    add_rows(simd, stage, mix_bias);
                    apply::<S, MASK>(simd, &self.weights.mix_back, stage, hidden, hidden_bias);
                    outer(simd, hidden, inputs, hidden_sums);
                    apply::<S, ADD>(simd, &self.weights.hidden_back, hidden, to_inputs, &mut []);
                }
                write(simd, form, self.to_channels, places, to_inputs);
            }
        }
        let (hidden, linear) = sums.split_at(of_hidden + of_mix);
        [lanes::sums(simd, hidden), lanes::sums(simd, linear)]
    }
}

/// As [`read`], but 0 where a vector has no pixels.
#[inline(always)]
fn read_gradients<S: Simd>(
    simd: S,
    from: &Stack,
    first_row: usize,
    places: &[Place; TILE],
    to: &mut [Row<S::f32s>],
) {
    for (channel, row) in to.iter_mut().enumerate() {
        for (
            &Place {
                row: y,
                column: x,
                valid,
            },
            v,
        ) in places.iter().zip(row)
        {
            *v = first(
                simd,
                valid,
                load(simd, &from.row(first_row + y, channel)[x..]),
            );
        }
    }
}
