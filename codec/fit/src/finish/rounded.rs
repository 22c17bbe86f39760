//! Networks in floating point, and their integers at some step.

use kiln_fitted::{GROUPS, Group, Parameters, Precision, Shape, Tensor};

use crate::Error;

/// Largest integer that a file holds.
const LARGEST: f32 = 32_767.0;

/// Networks and their integers.
pub(super) struct Rounded<'a> {
    networks: &'a [Vec<f32>],
    tensors: Vec<Tensor>,
    parameters: Parameters,
}

/// Steps of `2^-exponent` to begin with: finer than most pictures need.
fn first_exponent(group: Group) -> u8 {
    match group {
        Group::ArmWeights | Group::FeatureWeights => 8,
        Group::ArmBiases | Group::FeatureBiases => 8,
        Group::Upsampling => 10,
        Group::SynthesisWeights => 11,
        Group::SynthesisBiases => 12,
    }
}

impl<'a> Rounded<'a> {
    /// At the steps to begin with.
    pub(super) fn new(shape: Shape, networks: &'a [Vec<f32>]) -> Self {
        let tensors = shape.tensors();
        let used = |group: Group| tensors.iter().any(|t| t.group == group);
        let exponents = GROUPS.map(|group| match used(group) {
            true => first_exponent(group),
            false => 0,
        });
        let parameters = Parameters {
            shape,
            precision: Precision {
                planes: 6,
                hidden: 12,
                output: 13,
            },
            exponents,
            values: tensors.iter().map(|t| vec![0; t.len()]).collect(),
            band: 0,
        };
        let mut rounded = Self {
            networks,
            tensors,
            parameters,
        };
        for group in GROUPS {
            rounded.round(group);
        }
        rounded
    }

    /// Takes coarser steps where sums could leave 32 bits, and other fractional bits between layers where steps are too coarse
    /// for those there are.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        while let Err(error) = self.parameters.check() {
            let role = match error {
                kiln_fitted::Error::Bound { role, .. } => role,
                error => {
                    let fitting = self.fitting_precision().ok_or(error)?;
                    self.set_precision(fitting);
                    continue;
                }
            };
            let group = self
                .tensors
                .iter()
                .find(|t| t.role == role)
                .map(|t| t.group);
            let coarser = group.and_then(|group| {
                let exponent = self.parameters.exponents[group as usize].checked_sub(1)?;
                Some((group, exponent))
            });
            let (group, exponent) = coarser.ok_or(error)?;
            self.set_exponent(group, exponent);
        }
        Ok(())
    }

    /// The most fractional bits that the steps allow.
    fn fitting_precision(&self) -> Option<Precision> {
        let mut parameters = self.parameters.clone();
        for planes in [6, 7, 8, 5, 4, 3] {
            for hidden in (4..=12).rev() {
                for output in (8..=13).rev() {
                    parameters.precision = Precision {
                        planes,
                        hidden,
                        output,
                    };
                    // A sum that is too long is a matter of steps.
                    match parameters.check() {
                        Ok(()) | Err(kiln_fitted::Error::Bound { .. }) => {
                            return Some(parameters.precision);
                        }
                        Err(_) => {}
                    }
                }
            }
        }
        None
    }

    /// The integers.
    pub(super) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// With other fractional bits between layers.
    pub(super) fn set_precision(&mut self, precision: Precision) {
        self.parameters.precision = precision;
    }

    /// Rounds a group to steps of `2^-exponent`.
    pub(super) fn set_exponent(&mut self, group: Group, exponent: u8) {
        self.parameters.exponents[group as usize] = exponent;
        self.round(group);
    }

    /// Whether there is anything in a group.
    pub(super) fn uses(&self, group: Group) -> bool {
        self.tensors.iter().any(|t| t.group == group)
    }

    fn round(&mut self, group: Group) {
        let scale = f32::from(self.parameters.exponents[group as usize]).exp2();
        let values = self.parameters.values.iter_mut().zip(self.networks);
        for (tensor, (values, floats)) in self.tensors.iter().zip(values) {
            if tensor.group == group {
                for (value, float) in values.iter_mut().zip(floats) {
                    // A number that is none becomes 0.
                    *value = (float * scale).round().clamp(-LARGEST, LARGEST) as i32;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;

    #[test]
    fn any_steps_lead_to_a_file() {
        let shape = Preset::Low.shape(3, 64, 64);
        let networks: Vec<Vec<f32>> = shape
            .tensors()
            .iter()
            .map(|t| (0..t.len()).map(|i| (i as f32 * 0.7).sin()).collect())
            .collect();
        for exponent in 0..=12 {
            let mut rounded = Rounded::new(shape, &networks);
            for group in GROUPS {
                rounded.set_exponent(group, exponent);
            }
            rounded.settle().unwrap();
            assert!(rounded.parameters().check().is_ok());
        }
    }
}
