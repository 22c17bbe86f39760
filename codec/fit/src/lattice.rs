//! Networks rounded to the steps that their integers will have, while they are still fitted.

use crate::networks::Networks;

/// Multiples of a step for each group of tensors. What moves is the values before rounding: gradients pass it unchanged.
#[derive(Clone, Debug)]
pub(crate) struct Lattice {
    /// The step of a group is 2 to the power of minus this.
    pub exponents: [u8; 7],
    /// Values before rounding.
    pub exact: Vec<Vec<f32>>,
}

impl Lattice {
    /// Sets networks to the nearest multiples.
    pub(crate) fn round(&self, networks: &mut Networks) {
        let tensors = networks.tensors.iter().zip(&mut networks.values);
        for ((tensor, values), exact) in tensors.zip(&self.exact) {
            let scale = f32::from(self.exponents[tensor.group as usize]).exp2();
            for (value, exact) in values.iter_mut().zip(exact) {
                *value = (exact * scale).round() / scale;
            }
        }
    }
}
