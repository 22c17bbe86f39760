//! A picture of one colour: what a flat picture costs least as, and what no fit should be worse than.

use kiln_fitted::{GROUPS, Group, Latents, Parameters, Precision, Role, Shape, Size};

use super::Brief;
use crate::Image;

/// Fractional bits of the colour; 1 is one step too much for 16 bits.
const COLOUR_BITS: u8 = 15;

/// The smallest networks there are, and latents of 0 that cost nearly nothing.
pub(super) fn constant(brief: &Brief<'_>) -> (Parameters, Latents) {
    let image = brief.image;
    let shape = Shape::least(image.channels);
    let value = |role, index: usize| match role {
        // The lowest scale there is: zeros are all but certain.
        Role::ArmOutBias if index == 1 => -1,
        Role::LinearBias => {
            let steps = (colour(image, index) * f32::from(COLOUR_BITS).exp2()).round();
            steps.clamp(0.0, 32_767.0) as i32
        }
        _ => 0,
    };
    let tensors = shape.tensors();
    let values = tensors
        .iter()
        .map(|t| (0..t.len()).map(|i| value(t.role, i)).collect());
    let parameters = Parameters {
        shape,
        precision: Precision {
            planes: 6,
            hidden: 12,
            output: 13,
        },
        exponents: GROUPS.map(|group| match group {
            Group::SynthesisBiases => COLOUR_BITS,
            // Biases are brought to as many bits, and those of the planes.
            Group::SynthesisWeights => 12,
            _ => 0,
        }),
        values: values.collect(),
        band: 0,
    };
    let size = Size {
        height: image.height,
        width: image.width,
    };
    let latents = Latents::new(&shape, size);
    (parameters, latents)
}

/// The mean of a channel, of the pixels that count.
fn colour(image: &Image<'_>, channel: usize) -> f32 {
    let plane = &image.samples[channel * image.pixels()..][..image.pixels()];
    let (mut sum, mut count) = (0.0, 0.0);
    for (i, &sample) in plane.iter().enumerate() {
        let weight = image.weights.map_or(255, |w| w[i]);
        sum += f64::from(weight) * f64::from(sample);
        count += f64::from(weight);
    }
    (sum / f64::max(count, 1.0)) as f32
}
