//! The network that predicts each latent's mean and spread from its neighbours, forward and back through tiles of pixels
//! that stay in the nearest cache.

use kiln_fitted::{NEIGHBOURS, Role, Shape};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::features::Features;
use crate::kernels::Aligned;
use crate::kernels::dense::{
    ADD, MASK, PLAIN, Packed, RELU, Row, TILE, add_rows, apply, outer, tile, tile_memory,
};
use crate::kernels::lanes::{self, MOST_LANES, add_to, first, load, vectors_mut};
use crate::laplace::laplace;
use crate::networks::Networks;
use crate::quantise::Latents;
use crate::stack::{Form, MARGIN, Stack};
use crate::tiles::{Place, Tiles};

/// Rows above a latent that contexts reach.
const REACH: usize = 3;

/// Matrices in the order in which loops read them.
struct Weights {
    hidden: Vec<Packed>,
    hidden_back: Vec<Packed>,
    out: Option<(Packed, Packed)>,
    linear: Packed,
    linear_back: Packed,
}

impl Weights {
    fn new(networks: &Networks) -> Self {
        let n = networks.shape.inputs();
        let identity = |o, i| f32::from(o == i);
        let (mut hidden, mut hidden_back) = (Vec::new(), Vec::new());
        for layer in 0..networks.shape.hidden {
            let w = networks.get(Role::ArmWeight(layer));
            let b = networks.get(Role::ArmBias(layer));
            let at = |o: usize, i: usize| w[o * n + i] + identity(o, i);
            hidden.push(Packed::new(n, n, at, |o| b[o]));
            hidden_back.push(Packed::new(n, n, |o, i| at(i, o), |_| 0.0));
        }
        let both = |w: &[f32], bias: &[f32]| {
            (
                Packed::new(2, n, |o, i| w[o * n + i], |o| bias[o]),
                Packed::new(n, 2, |o, i| w[i * n + o], |_| 0.0),
            )
        };
        let out = networks.get(Role::ArmOut);
        let (linear, linear_back) = both(
            networks.get(Role::ArmLinear),
            networks.get(Role::ArmOutBias),
        );
        Self {
            hidden,
            hidden_back,
            out: (!out.is_empty()).then(|| both(out, &[0.0; 2])),
            linear,
            linear_back,
        }
    }
}

/// Memory for gradients of latents, by grid in parts of rows that overlap: a part's latents reach into the part above.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    form: Form,
    data: Aligned,
}

impl Reached {
    fn new(form: Form) -> Self {
        let parts = form.height.div_ceil(form.rows_at_once());
        let rows = form.height + parts * REACH;
        Self {
            form,
            data: Aligned::new(rows * form.row_len()),
        }
    }

    /// Numbers of a part.
    fn part_len(&self) -> usize {
        (self.form.rows_at_once() + REACH) * self.form.row_len()
    }

    /// Gradients of a row; to be added up.
    #[inline(always)]
    pub(crate) fn rows(&self, row: usize) -> (&[f32], Option<&[f32]>) {
        let each = self.form.rows_at_once();
        let (part, within) = (row / each, row % each);
        let own = part * (each + REACH) + REACH + within;
        let below = (part + 1) * (each + REACH);
        let reaches = within + REACH >= each && (part + 1) * each < self.form.height;
        let row = |r| self.form.of(&self.data, r, 0);
        (
            row(own),
            reaches.then(|| row(below + within + REACH - each)),
        )
    }
}

/// What [`Arm::run`] is about.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    shape: Shape,
    /// Gradients of rounded latents, by grid.
    pub gradients: Vec<Reached>,
}

/// Some rows of a grid.
struct Part<'a> {
    number: usize,
    from: usize,
    rows: usize,
    gradients: &'a mut [f32],
    features: &'a mut [f32],
}

impl Arm {
    /// For these latents.
    pub(crate) fn new(shape: Shape, latents: &[Latents]) -> Self {
        let gradients = latents.iter().map(|l| Reached::new(l.rounded.form));
        Self {
            shape,
            gradients: gradients.collect(),
        }
    }

    /// Bits of every grid.
    pub(crate) fn bits(
        &mut self,
        networks: &Networks,
        latents: &[Latents],
        features: &mut Features,
    ) -> Vec<f64> {
        self.run::<false>(
            networks,
            latents,
            features,
            0.0,
            &mut Networks::zeros(self.shape),
        )
    }

    /// Bits of every grid, and gradients of `per_bit` times their sum: of rounded latents, of features, and of the
    /// networks (added to).
    pub(crate) fn gradients(
        &mut self,
        networks: &Networks,
        latents: &[Latents],
        features: &mut Features,
        per_bit: f32,
        to_networks: &mut Networks,
    ) -> Vec<f64> {
        self.run::<true>(networks, latents, features, per_bit, to_networks)
    }

    fn run<const BACK: bool>(
        &mut self,
        networks: &Networks,
        latents: &[Latents],
        features: &mut Features,
        per_bit: f32,
        to_networks: &mut Networks,
    ) -> Vec<f64> {
        let weights = Weights::new(networks);
        let n = self.shape.inputs();
        let layers = self.shape.hidden;
        // In the order of the tensors.
        let numbers = layers * (n * n + n) + usize::from(layers > 0) * 2 * n + 2 * n + 2;

        let mut parts = Vec::new();
        let mut feature_rows = features.gradients.iter_mut();
        for (number, reached) in self.gradients.iter_mut().enumerate() {
            let form = reached.form;
            let each = form.rows_at_once();
            let len = reached.part_len();
            // Parts have an even number of rows, and two rows share their features.
            let mut of_grid = feature_rows.next().map(|f| {
                let len = each / 2 * f.form.row_len();
                f.rows_mut().chunks_mut(len)
            });
            for (k, gradients) in reached.data.chunks_mut(len).enumerate() {
                parts.push(Part {
                    number,
                    from: k * each,
                    rows: each.min(form.height - k * each),
                    gradients,
                    features: of_grid
                        .as_mut()
                        .and_then(Iterator::next)
                        .unwrap_or_default(),
                });
            }
        }
        let seen = &features.seen;
        let shape = &self.shape;
        let results: Vec<(usize, f64, Vec<f32>)> = parts
            .into_par_iter()
            .map(|part| {
                let number = part.number;
                let (bits, sums) = Arch::new().dispatch(Run::<BACK> {
                    shape,
                    weights: &weights,
                    latents: &latents[number].rounded,
                    seen: seen.get(number),
                    part,
                    per_bit,
                    numbers,
                });
                (number, bits, sums)
            })
            .collect();

        let mut bits = vec![0.0; latents.len()];
        let mut sums = vec![0.0; numbers];
        for (number, of_part, gradients) in results {
            bits[number] += of_part;
            for (sum, v) in sums.iter_mut().zip(gradients) {
                *sum += f64::from(v);
            }
        }
        if BACK {
            to_networks.add(networks.tensors[0].role, &sums);
        }
        bits
    }
}

/// One part of a grid.
struct Run<'a, const BACK: bool> {
    shape: &'a Shape,
    weights: &'a Weights,
    latents: &'a Stack,
    seen: Option<&'a Stack>,
    part: Part<'a>,
    per_bit: f32,
    numbers: usize,
}

impl<const BACK: bool> WithSimd for Run<'_, BACK> {
    type Output = (f64, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f64, Vec<f32>) {
        let n = self.shape.inputs();
        let layers = self.shape.hidden;
        let numbers = if BACK { self.numbers } else { 0 };
        let mut sums = Aligned::new(numbers * S::F32_LANES);
        let sums = vectors_mut(simd, &mut sums);
        let mut memory = tile_memory(simd, n * (layers + 1) + 4);
        let rows = tile(simd, &mut memory);
        let (inputs, rest) = rows.split_at_mut(n);
        let (hidden, rest) = rest.split_at_mut(n * layers);
        let (out, slopes) = rest.split_at_mut(2);
        let mut part = self.part;
        if BACK {
            part.gradients.fill(0.0);
            part.features.fill(0.0);
        }

        let width = self.latents.form.width;
        let mut bits = 0.0;
        let mut tiles = Tiles::new(part.rows, width, S::F32_LANES);
        while let Some(places) = tiles.next() {
            gather(
                simd,
                self.shape,
                self.latents,
                self.seen,
                part.from,
                &places,
                inputs,
            );
            forward(simd, self.weights, inputs, hidden, out);
            let mut of_tile = simd.splat_f32s(0.0);
            for (v, place) in places.iter().enumerate() {
                let at = self.latents.at(part.from + place.row, 0) + place.column;
                let y = load(simd, &self.latents.all()[at..]);
                let code = laplace::<S, BACK>(simd, y, out[0][v], out[1][v]);
                of_tile = simd.add_f32s(of_tile, first(simd, place.valid, code.bits));
                if BACK {
                    let scale = first(simd, place.valid, simd.splat_f32s(self.per_bit));
                    slopes[0][v] = simd.mul_f32s(code.by_mean, scale);
                    slopes[1][v] = simd.mul_f32s(code.by_scale, scale);
                    let at = self.latents.form.at(place.row + REACH, 0) + place.column;
                    let by_latent = simd.neg_f32s(slopes[0][v]);
                    add_to(simd, &mut part.gradients[at..], by_latent);
                }
            }
            bits += f64::from(simd.reduce_sum_f32s(of_tile));
            if BACK {
                backward(simd, self.weights, inputs, hidden, slopes, sums);
                scatter(
                    simd,
                    self.shape,
                    self.latents.form,
                    &mut part,
                    &places,
                    inputs,
                );
            }
        }
        (bits, lanes::sums(simd, sums))
    }
}

/// Neighbours and features of a tile's latents.
#[inline(always)]
fn gather<S: Simd>(
    simd: S,
    shape: &Shape,
    latents: &Stack,
    seen: Option<&Stack>,
    from: usize,
    places: &[Place; TILE],
    inputs: &mut [Row<S::f32s>],
) {
    let stride = latents.form.stride();
    let (contexts, features) = inputs.split_at_mut(shape.contexts);
    let starts = places.map(|p| latents.at(from + p.row, 0) + p.column);
    for (&(dy, dx), row) in NEIGHBOURS.iter().zip(contexts) {
        let back = (-dy) as usize * stride;
        for (&start, v) in starts.iter().zip(row) {
            *v = load(
                simd,
                &latents.all()[(start - back).wrapping_add_signed(dx)..],
            );
        }
    }
    for (f, row) in features.iter_mut().enumerate() {
        match seen {
            Some(seen) => {
                for (place, v) in places.iter().zip(row) {
                    *v = load(simd, &seen.row((from + place.row) / 2, f)[place.column..]);
                }
            }
            None => *row = [simd.splat_f32s(0.0); TILE],
        }
    }
}

/// Mean and logarithm of the scale.
#[inline(always)]
fn forward<S: Simd>(
    simd: S,
    weights: &Weights,
    inputs: &[Row<S::f32s>],
    hidden: &mut [Row<S::f32s>],
    out: &mut [Row<S::f32s>],
) {
    let n = inputs.len();
    apply::<S, PLAIN>(simd, &weights.linear, inputs, out, &mut []);
    for (layer, matrix) in weights.hidden.iter().enumerate() {
        let (before, after) = hidden.split_at_mut(layer * n);
        let x = if layer == 0 {
            inputs
        } else {
            &before[(layer - 1) * n..]
        };
        apply::<S, RELU>(simd, matrix, x, &mut after[..n], &mut []);
    }
    if let Some((matrix, _)) = &weights.out {
        let last = &hidden[hidden.len() - n..];
        apply::<S, ADD>(simd, matrix, last, out, &mut []);
    }
}

/// From gradients of the outputs to those of weights (added to `sums`) and of inputs, which take the inputs' place.
#[inline(always)]
fn backward<S: Simd>(
    simd: S,
    weights: &Weights,
    inputs: &mut [Row<S::f32s>],
    hidden: &mut [Row<S::f32s>],
    slopes: &[Row<S::f32s>],
    sums: &mut [S::f32s],
) {
    let n = inputs.len();
    let (of_layers, of_ends) = sums.split_at_mut(weights.hidden.len() * (n * n + n));
    let of_linear = of_ends.len() - 2 * n - 2;
    let (of_out, of_linear) = of_ends.split_at_mut(of_linear);
    let (of_linear, of_bias) = of_linear.split_at_mut(2 * n);
    outer(simd, slopes, inputs, of_linear);
    add_rows(simd, slopes, of_bias);
    let Some((_, out_back)) = &weights.out else {
        apply::<S, PLAIN>(simd, &weights.linear_back, slopes, inputs, &mut []);
        return;
    };
    for layer in (0..weights.hidden.len()).rev() {
        let (before, after) = hidden.split_at_mut(layer * n);
        let (d, later) = after.split_at_mut(n);
        let (of_weights, of_bias) =
            of_layers[layer * (n * n + n)..][..n * n + n].split_at_mut(n * n);
        if later.is_empty() {
            outer(simd, slopes, d, of_out);
            apply::<S, MASK>(simd, out_back, slopes, d, of_bias);
        } else {
            let matrix = &weights.hidden_back[layer + 1];
            apply::<S, MASK>(simd, matrix, &later[..n], d, of_bias);
        }
        let x = if layer == 0 {
            &*inputs
        } else {
            &before[(layer - 1) * n..]
        };
        outer(simd, d, x, of_weights);
    }
    apply::<S, PLAIN>(simd, &weights.hidden_back[0], &hidden[..n], inputs, &mut []);
    apply::<S, ADD>(simd, &weights.linear_back, slopes, inputs, &mut []);
}

/// Adds gradients of inputs to those of the latents and features they were.
#[inline(always)]
fn scatter<S: Simd>(
    simd: S,
    shape: &Shape,
    form: Form,
    part: &mut Part<'_>,
    places: &[Place; TILE],
    inputs: &[Row<S::f32s>],
) {
    let stride = form.stride();
    let (contexts, features) = inputs.split_at(shape.contexts);
    let starts = places.map(|p| form.at(p.row + REACH, 0) + p.column);
    for (&(dy, dx), row) in NEIGHBOURS.iter().zip(contexts) {
        let back = (-dy) as usize * stride;
        for (&start, &v) in starts.iter().zip(row) {
            let at = (start - back).wrapping_add_signed(dx);
            add_to(simd, &mut part.gradients[at..], v);
        }
    }
    if part.features.is_empty() {
        return;
    }
    let form = Form {
        channels: shape.features,
        ..form
    };
    for (f, row) in features.iter().enumerate() {
        for (place, &v) in places.iter().zip(row) {
            let at = form.at(place.row / 2, f) + place.column;
            add_to(simd, &mut part.features[at..], v);
        }
    }
}

const _: () = assert!(MARGIN >= MOST_LANES, "contexts stay within the margins");
