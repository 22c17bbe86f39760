//! Bits of the networks, as a part of what is minimised.

use kiln_fitted::Tensor;

use crate::networks::free;

/// What is nearer to a default than this part of a step is about as cheap as the default itself.
const FLAT: f32 = 0.3;

/// Adds gradients of `per_bit` times the bits that values take in a file.
///
/// The values of a tensor are coded by a Laplace distribution whose spread `b` is the mean of their distances from their
/// defaults: `n log2(2 e b / step)` bits for `n` values, and so `1 / (b ln 2)` bits for each unit that one of them is further
/// away.
pub(crate) fn add_gradients(
    tensors: &[Tensor],
    values: &[Vec<f32>],
    per_bit: f64,
    gradients: &mut [Vec<f32>],
) {
    let per_nat = (per_bit / std::f64::consts::LN_2) as f32;
    for ((tensor, values), gradients) in tensors.iter().zip(values).zip(gradients) {
        let flat = FLAT * typical_step(tensor);
        let free = |i| free(tensor.role, i);
        let distances = values.iter().enumerate().map(|(i, v)| (v - free(i)).abs());
        let spread = distances.sum::<f32>() / values.len().max(1) as f32;
        let slope = per_nat / (spread + flat);
        for (i, (value, gradient)) in values.iter().zip(gradients).enumerate() {
            *gradient += slope * ((value - free(i)) / flat).clamp(-1.0, 1.0);
        }
    }
}

/// The step that a tensor's integers will have, more or less.
fn typical_step(tensor: &Tensor) -> f32 {
    match tensor.dims.len() {
        1 => 1.0 / 256.0,
        _ => 1.0 / 64.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;
    use crate::random::SplitMix;

    /// The bits as the gradients have them, far from the defaults.
    fn bits(values: &[f32]) -> f64 {
        let distances = values.iter().map(|v| f64::from(v.abs()));
        let spread = distances.sum::<f64>() / values.len() as f64;
        values.len() as f64 * (spread + f64::from(FLAT) / 64.0).log2()
    }

    #[test]
    fn gradients_are_those_of_the_bits() {
        let tensors = Preset::Low.shape(3, 64, 64).tensors();
        let mut random = SplitMix(7);
        let mut fill = |t: &Tensor| -> Vec<f32> {
            let mut far = || {
                (0.2 + random.uniform() as f32) * if random.uniform() < 0.5 { -1.0 } else { 1.0 }
            };
            (0..t.len()).map(|_| far()).collect()
        };
        let mut values: Vec<Vec<f32>> = tensors.iter().map(&mut fill).collect();
        let mut gradients: Vec<Vec<f32>> = values.iter().map(|v| vec![0.0; v.len()]).collect();
        add_gradients(&tensors, &values, 2.0, &mut gradients);
        let mut looked_at = 0;
        for place in 0..tensors.len() {
            // Others have defaults, or another step.
            if tensors[place].dims.len() == 1 {
                continue;
            }
            for index in [0, tensors[place].len() - 1] {
                let here = values[place][index];
                let mut at = |v: f32| {
                    values[place][index] = v;
                    bits(&values[place])
                };
                let slope = (at(here + 0.01) - at(here - 0.01)) / 0.02;
                at(here);
                let found = f64::from(gradients[place][index]);
                assert!(
                    (found - 2.0 * slope).abs() < 1e-2 * slope.abs(),
                    "{found} {slope}"
                );
                looked_at += 1;
            }
        }
        assert!(looked_at > 8);
        // The defaults are where nothing pulls.
        for (tensor, values) in tensors.iter().zip(&mut values) {
            for (i, v) in values.iter_mut().enumerate() {
                *v = free(tensor.role, i);
            }
        }
        let mut none: Vec<Vec<f32>> = values.iter().map(|v| vec![0.0; v.len()]).collect();
        add_gradients(&tensors, &values, 2.0, &mut none);
        assert!(none.iter().flatten().all(|&g| g == 0.0));
    }
}
