//! The networks in floating point.

use kiln_fitted::{Role, Shape, Tensor, default_value};

use crate::random::SplitMix;

/// The value that costs a file nothing or little.
pub(crate) fn free(role: Role, index: usize) -> f32 {
    default_value(role, index, 12) as f32 / 4096.0
}

/// Values of every tensor, in the order of [`Shape::tensors`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Networks {
    pub shape: Shape,
    pub tensors: Vec<Tensor>,
    pub values: Vec<Vec<f32>>,
}

impl Networks {
    /// Zeros.
    pub(crate) fn zeros(shape: Shape) -> Self {
        let tensors = shape.tensors();
        let values = tensors.iter().map(|t| vec![0.0; t.len()]).collect();
        Self {
            shape,
            tensors,
            values,
        }
    }

    /// Random values to start from, as Cool-chic 5 does.
    pub(crate) fn random(shape: Shape, seed: u64) -> Self {
        let mut all = Self::zeros(shape);
        let mut random = SplitMix::of(&[seed, 1]);
        for (tensor, values) in all.tensors.iter().zip(&mut all.values) {
            let outputs = tensor.dims[0] as f64;
            let inputs: usize = tensor.dims[1..].iter().product();
            let mut normal = || random.normal() / (outputs * outputs);
            match tensor.role {
                Role::ArmOut | Role::ArmLinear | Role::FeatureWeight(_) => {
                    values.fill_with(|| normal() as f32);
                }
                Role::Hidden | Role::Mix | Role::Linear => {
                    let range = 1.0 / (outputs * outputs * (inputs as f64).sqrt());
                    values.fill_with(|| (range * (2.0 * random.uniform() - 1.0)) as f32);
                }
                // What costs a file nothing.
                Role::Double(_) | Role::Filter(_) => {
                    for (index, value) in values.iter_mut().enumerate() {
                        *value = free(tensor.role, index);
                    }
                }
                // Where an input is added, nothing is a good start. So it is for the colour of an empty picture: a start at
                // the mean colour was 4 % worse after 500 steps.
                Role::ArmWeight(_) | Role::Convolution(_) => {}
                Role::ArmBias(_)
                | Role::ArmOutBias
                | Role::FeatureBias(_)
                | Role::HiddenBias
                | Role::MixBias
                | Role::ConvolutionBias(_)
                | Role::LinearBias => {}
            }
        }
        all
    }

    /// Place of a tensor.
    pub(crate) fn place(&self, role: Role) -> Option<usize> {
        self.tensors.iter().position(|t| t.role == role)
    }

    /// Values of a tensor, nothing if the shape has none of them.
    pub(crate) fn get(&self, role: Role) -> &[f32] {
        self.place(role).map_or(&[], |i| &self.values[i])
    }

    /// Adds to consecutive tensors, the first one being that of `role`.
    pub(crate) fn add(&mut self, role: Role, mut sums: &[f64]) {
        let Some(first) = self.place(role) else {
            return;
        };
        for values in &mut self.values[first..] {
            let (now, rest) = sums.split_at(values.len().min(sums.len()));
            for (value, sum) in values.iter_mut().zip(now) {
                *value += *sum as f32;
            }
            sums = rest;
        }
    }
}
