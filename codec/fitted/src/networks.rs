//! Networks, ready for computing: values at one scale, bounds proved.

mod layer;

pub(crate) use layer::Layer;

use crate::error::Error;
use crate::networks::layer::Row;
use crate::parameters::Parameters;
use crate::shape::{Group, Role, WITH_FEATURES};

/// Fractional bits of latents and features, as the network that predicts sees them.
pub(crate) const INPUT_BITS: u32 = 8;

/// Fractional bits of a picture before it is rounded to samples.
pub(crate) const PICTURE_BITS: u32 = 16;

/// Every network of a picture.
#[derive(Clone, Debug)]
pub(crate) struct Networks {
    pub(crate) arm: Arm,
    /// For each grid that has features.
    pub(crate) features: Vec<Layer>,
    /// Of each level but the coarsest.
    pub(crate) filters: Vec<Filters>,
    pub(crate) synthesis: Synthesis,
}

/// The network that predicts latents.
///
/// Contexts and features each take an even number of places, the last of which may be empty: weights and inputs come
/// in pairs.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    pub(crate) hidden: Vec<Layer>,
    /// From the last hidden layer and the input, one after the other, to mean and scale.
    pub(crate) out: Layer,
    /// Places of contexts and of features.
    pub(crate) places: (usize, usize),
}

/// The filters on the way to a level.
#[derive(Clone, Debug)]
pub(crate) struct Filters {
    /// Even and odd places of the doubled rows: weights of the places -2 to 1, and of -1 to 2.
    pub(crate) even: Layer,
    pub(crate) odd: Layer,
    /// The places -3 to 3, and one that is empty.
    pub(crate) filter: Layer,
}

/// The network that makes colours.
#[derive(Clone, Debug)]
pub(crate) struct Synthesis {
    /// The hidden layer, and from it to colours.
    pub(crate) mix: Option<(Layer, Layer)>,
    /// Inputs: for each row and column of the 3 x 3 places one after the other all channels.
    pub(crate) convolutions: Vec<Layer>,
    /// From the planes to colours, before the shift to [`PICTURE_BITS`].
    pub(crate) linear: Layer,
    /// Shift to the left from the output of `linear` to [`PICTURE_BITS`]; negative to the right.
    pub(crate) linear_shift: i32,
    /// Fractional bits of the output of `mix`.
    pub(crate) output: u32,
}

impl Networks {
    /// The networks of parameters whose form has been checked.
    ///
    /// # Errors
    /// [`Error::Bound`] if a sum could leave 32 bits.
    pub(crate) fn new(parameters: &Parameters) -> Result<Self, Error> {
        parameters.check_form()?;
        let shape = parameters.shape;
        let features = (0..shape.featured())
            .map(|grid| feature(parameters, grid))
            .collect::<Result<_, _>>()?;
        let filters = (0..shape.levels - 1)
            .map(|level| filters(parameters, level))
            .collect::<Result<_, _>>()?;
        debug_assert!(shape.featured() <= WITH_FEATURES);
        Ok(Self {
            arm: arm(parameters)?,
            features,
            filters,
            synthesis: synthesis(parameters)?,
        })
    }
}

/// A bias at the scale of sums with `fraction` fractional bits.
fn aligned(value: i32, exponent: u32, fraction: u32) -> i64 {
    let value = i64::from(value);
    match fraction.checked_sub(exponent) {
        Some(left) => value << left,
        None => {
            let right = exponent - fraction;
            (value + (1 << (right - 1))) >> right
        }
    }
}

/// The row of a matrix with `columns` columns.
fn matrix_row(values: &[i32], row: usize, columns: usize) -> &[i32] {
    values
        .get(row * columns..(row + 1) * columns)
        .unwrap_or(&[])
}

/// Puts contexts and features to their places.
fn placed(values: &[i32], contexts: usize) -> Vec<i32> {
    let (contexts, features) = values.split_at(contexts.min(values.len()));
    let mut placed = contexts.to_vec();
    placed.resize(contexts.len().next_multiple_of(2), 0);
    placed.extend(features);
    placed.resize(placed.len().next_multiple_of(2), 0);
    placed
}

fn arm(parameters: &Parameters) -> Result<Arm, Error> {
    let shape = parameters.shape;
    let n = shape.inputs();
    let weights = parameters.exponent(Group::ArmWeights);
    let biases = parameters.exponent(Group::ArmBiases);
    let fraction = weights + INPUT_BITS;
    // Which place each input has.
    let places: Vec<usize> = {
        let numbers: Vec<i32> = (1..=n as i32).collect();
        let placed = placed(&numbers, shape.contexts);
        placed.iter().map(|&n| n as usize).collect()
    };
    let mut hidden = Vec::new();
    for layer in 0..shape.hidden {
        let role = Role::ArmWeight(layer);
        let (matrix, bias) = (
            parameters.tensor(role),
            parameters.tensor(Role::ArmBias(layer)),
        );
        let rows = places.iter().map(|&number| match number.checked_sub(1) {
            None => Row::empty(places.len()),
            Some(row) => {
                let mut values = matrix_row(matrix, row, n).to_vec();
                values[row] += 1 << weights;
                Row {
                    weights: placed(&values, shape.contexts),
                    bias: aligned(bias[row], biases, fraction),
                }
            }
        });
        hidden.push(Layer::new(role, rows.collect(), weights, 0)?);
    }
    let (role, last) = match shape.hidden {
        0 => (Role::ArmLinear, &[][..]),
        _ => (Role::ArmOut, parameters.tensor(Role::ArmOut)),
    };
    let linear = parameters.tensor(Role::ArmLinear);
    let bias = parameters.tensor(Role::ArmOutBias);
    let rows = (0..2).map(|row| {
        let mut weights = placed(matrix_row(last, row, n), shape.contexts);
        weights.extend(placed(matrix_row(linear, row, n), shape.contexts));
        Row {
            weights,
            bias: aligned(bias[row], biases, fraction),
        }
    });
    let out = Layer::new(role, rows.collect(), weights + 2, i32::MIN)?;
    let contexts = shape.contexts.next_multiple_of(2);
    Ok(Arm {
        hidden,
        out,
        places: (contexts, places.len() - contexts),
    })
}

fn feature(parameters: &Parameters, grid: usize) -> Result<Layer, Error> {
    let shape = parameters.shape;
    let weights = parameters.exponent(Group::FeatureWeights);
    let biases = parameters.exponent(Group::FeatureBiases);
    let role = Role::FeatureWeight(grid);
    let (matrix, bias) = (
        parameters.tensor(role),
        parameters.tensor(Role::FeatureBias(grid)),
    );
    let inputs = shape.grid_count() - 1 - grid;
    let rows = (0..shape.features).map(|row| Row {
        weights: matrix_row(matrix, row, inputs).to_vec(),
        bias: aligned(bias[row], biases, weights + INPUT_BITS),
    });
    Layer::new(role, rows.collect(), weights, i16::MIN.into())
}

fn filters(parameters: &Parameters, level: usize) -> Result<Filters, Error> {
    let exponent = parameters.exponent(Group::Upsampling);
    let one = |role, weights: Vec<i32>| {
        let row = Row { weights, bias: 0 };
        Layer::new(role, vec![row], exponent, i16::MIN.into())
    };
    let double = Role::Double(level);
    let filter = Role::Filter(level);
    let (taps, k) = (parameters.tensor(double), parameters.tensor(filter));
    let [a, b, c, d] = [taps[0], taps[1], taps[2], taps[3]];
    Ok(Filters {
        even: one(double, vec![a, c, d, b])?,
        odd: one(double, vec![b, d, c, a])?,
        filter: one(filter, vec![k[0], k[1], k[2], k[3], k[2], k[1], k[0]])?,
    })
}

fn synthesis(parameters: &Parameters) -> Result<Synthesis, Error> {
    let shape = parameters.shape;
    let weights = parameters.exponent(Group::SynthesisWeights);
    let biases = parameters.exponent(Group::SynthesisBiases);
    let precision = parameters.precision;
    let [planes, hidden, output] =
        [precision.planes, precision.hidden, precision.output].map(u32::from);
    let rows = |matrix: Role, bias: Role, columns: usize, fraction: u32| -> Vec<Row> {
        let matrix = parameters.tensor(matrix);
        let bias = parameters.tensor(bias).iter().enumerate();
        bias.map(|(row, &bias)| Row {
            weights: matrix_row(matrix, row, columns).to_vec(),
            bias: aligned(bias, biases, fraction),
        })
        .collect()
    };
    let shift = |from: u32, to: u32| {
        (weights + from)
            .checked_sub(to)
            .ok_or(Error::Parameters("fractional bits that no weight supports"))
    };
    let mix = match shape.width {
        0 => None,
        width => {
            let first = rows(
                Role::Hidden,
                Role::HiddenBias,
                shape.levels,
                weights + planes,
            );
            let second = rows(Role::Mix, Role::MixBias, width, weights + hidden);
            Some((
                Layer::new(Role::Hidden, first, shift(planes, hidden)?, 0)?,
                Layer::new(Role::Mix, second, shift(hidden, output)?, i16::MIN.into())?,
            ))
        }
    };
    let c = shape.channels;
    let mut convolutions = Vec::new();
    for layer in 0..shape.convolutions {
        let role = Role::Convolution(layer);
        let mut rows = rows(role, Role::ConvolutionBias(layer), c * 9, weights + output);
        for (channel, row) in rows.iter_mut().enumerate() {
            row.weights[channel * 9 + 4] += 1 << weights;
            let by_channel = std::mem::take(&mut row.weights);
            row.weights = (0..9)
                .flat_map(|place| (0..c).map(move |channel| channel * 9 + place))
                .map(|index| by_channel[index])
                .collect();
        }
        let low = match layer + 1 == shape.convolutions {
            true => i16::MIN.into(),
            false => 0,
        };
        convolutions.push(Layer::new(role, rows, weights, low)?);
    }
    let linear = rows(
        Role::Linear,
        Role::LinearBias,
        shape.levels,
        weights + planes,
    );
    let linear_shift = PICTURE_BITS as i32 - (weights + planes) as i32;
    let right = (-linear_shift).max(0) as u32;
    Ok(Synthesis {
        mix,
        convolutions,
        linear: Layer::new(Role::Linear, linear, right, i32::MIN)?,
        linear_shift,
        output,
    })
}
