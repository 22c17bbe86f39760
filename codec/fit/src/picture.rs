//! The picture to be met, and how far off the networks are.

use pulp::{Simd, WithSimd};

use crate::Image;
use crate::kernels::lanes::{first, load, round, store};
use crate::stack::{Form, Stack};

/// Samples of a picture, with room around them, and how much each pixel counts.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    samples: Stack,
    /// In 0..=1.
    weights: Option<Stack>,
}

impl Picture {
    /// From the caller's.
    pub(crate) fn new(image: &Image<'_>) -> Self {
        let form = |channels| Form {
            height: image.height,
            width: image.width,
            channels,
        };
        let mut samples = Stack::new(form(image.channels));
        for (k, row) in image.samples.chunks(image.width).enumerate() {
            let to = samples.row_mut(k % image.height, k / image.height);
            to[..image.width].copy_from_slice(row);
        }
        let weights = image.weights.map(|weights| {
            let mut stack = Stack::new(form(1));
            for (row, from) in weights.chunks(image.width).enumerate() {
                for (to, &v) in stack.row_mut(row, 0).iter_mut().zip(from) {
                    *to = f32::from(v) / 255.0;
                }
            }
            stack
        });
        Self { samples, weights }
    }
}

/// Squared errors of some rows.
pub(crate) struct Errors<'a> {
    /// What is to be met.
    pub picture: &'a Picture,
    /// The first row.
    pub from: usize,
    /// How many.
    pub rows: usize,
    /// One part of the samples.
    pub linear: &'a Stack,
    /// The other one.
    pub stage: Option<&'a Stack>,
    /// Rows for gradients of the sum of squared errors, times a factor.
    pub gradients: Option<(&'a mut [f32], f32)>,
    /// Samples are limited to 0..=1 and rounded to whole multiples of the inverse of this.
    pub rounding: Option<f32>,
}

impl WithSimd for Errors<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> f64 {
        let form = self.linear.form;
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let mut errors = 0.0;
        for i in 0..self.rows {
            let row = self.from + i;
            let weights = self.picture.weights.as_ref().map(|w| w.row(row, 0));
            for channel in 0..form.channels {
                let linear = self.linear.row(row, channel);
                let stage = self.stage.map(|s| s.row(row, channel));
                let samples = self.picture.samples.row(row, channel);
                let mut sum = zero;
                for x in (0..form.span()).step_by(S::F32_LANES) {
                    let mut v = load(simd, &linear[x..]);
                    if let Some(stage) = stage {
                        v = simd.add_f32s(v, load(simd, &stage[x..]));
                    }
                    if let Some(largest) = self.rounding {
                        let limited = simd.min_f32s(simd.max_f32s(v, zero), one);
                        let scaled = simd.mul_f32s(limited, simd.splat_f32s(largest));
                        v = simd.mul_f32s(round(simd, scaled), simd.splat_f32s(1.0 / largest));
                    }
                    let error = simd.sub_f32s(v, load(simd, &samples[x..]));
                    let error = first(simd, form.width.saturating_sub(x), error);
                    let weighted = match weights {
                        Some(weights) => simd.mul_f32s(error, load(simd, &weights[x..])),
                        None => error,
                    };
                    sum = simd.mul_add_e_f32s(weighted, error, sum);
                    if let Some((rows, factor)) = &mut self.gradients {
                        let factor = simd.splat_f32s(2.0 * *factor);
                        let gradient = simd.mul_f32s(weighted, factor);
                        store(simd, &mut form.of_mut(rows, i, channel)[x..], gradient);
                    }
                }
                errors += f64::from(simd.reduce_sum_f32s(sum));
            }
        }
        errors
    }
}
