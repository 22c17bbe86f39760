//! The first stream: sizes, precision, and the values of the networks.

use kiln_entropy::{Alphabet, Coder, Laplace, LaplaceAt, Reader, SymbolModel, Uniform, Writer};

use crate::error::Error;
use crate::parameters::{BAND_MIN, Parameters, Precision, VALUE_MAX, default_value};
use crate::shape::{GROUPS, NEIGHBOURS, Role, Shape, Tensor};

/// Spreads that a set of tensors may have: see [`value_bits`].
const SPREADS: u32 = 64;

/// Tensors whose values are about equally far from their defaults share a spread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    ArmWeight(usize),
    ArmOut,
    ArmLinear,
    ArmBiases,
    FeatureWeights,
    FeatureBiases,
    Doubles,
    Filters,
    Hidden,
    HiddenBias,
    Mix,
    Convolutions,
    Linear,
    PictureBiases,
}

fn set(role: Role) -> Set {
    match role {
        Role::ArmWeight(layer) => Set::ArmWeight(layer),
        Role::ArmOut => Set::ArmOut,
        Role::ArmLinear => Set::ArmLinear,
        Role::ArmBias(_) | Role::ArmOutBias => Set::ArmBiases,
        Role::FeatureWeight(_) => Set::FeatureWeights,
        Role::FeatureBias(_) => Set::FeatureBiases,
        Role::Double(_) => Set::Doubles,
        Role::Filter(_) => Set::Filters,
        Role::Hidden => Set::Hidden,
        Role::HiddenBias => Set::HiddenBias,
        Role::Mix => Set::Mix,
        Role::Convolution(_) => Set::Convolutions,
        Role::Linear => Set::Linear,
        Role::MixBias | Role::ConvolutionBias(_) | Role::LinearBias => Set::PictureBiases,
    }
}

/// How values of a spread are coded: raw low bits, and where the rest is.
#[derive(Clone, Copy)]
struct Form {
    raw: u32,
    at: LaplaceAt,
}

impl Form {
    /// `ln b` is a quarter of the spread, less 5. As many low bits are raw as bring it to 2 or below.
    fn of(spread: u32) -> Self {
        let scale = |raw: u32| 16 * spread as i32 - ((raw * 2839) >> 6) as i32;
        let mut raw = 0;
        while scale(raw) > 448 {
            raw += 1;
        }
        Self {
            raw,
            at: LaplaceAt {
                // The middle of the values that share their upper bits is not that of the smallest of them.
                mean: (32 >> raw) - 32,
                scale: scale(raw) as u16,
            },
        }
    }

    fn split(self, difference: i32) -> (i32, u32) {
        let upper = difference >> self.raw;
        (upper, (difference - (upper << self.raw)) as u32)
    }
}

fn model() -> Laplace {
    Laplace::new(VALUE_MAX)
}

/// Bits that a value takes that is `difference` from its default, at a spread from 0 to 63; infinite where it cannot be
/// coded. For estimates.
pub fn value_bits(spread: u32, difference: i32) -> f64 {
    let form = Form::of(spread.min(SPREADS - 1));
    model().bits(form.at, form.split(difference).0) + f64::from(form.raw)
}

impl Parameters {
    /// The first stream of a picture.
    ///
    /// # Errors
    /// As [`Parameters::check`].
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let mut writer = Writer::new();
        let spreads = self.spreads();
        let mut copy = self.clone();
        code(&mut writer, &mut copy, Some(&spreads))?;
        Ok(writer.finish())
    }

    /// Undoes [`Parameters::write`].
    ///
    /// # Errors
    /// [`Error::Damaged`] and [`Error::Symbols`] for bytes that were not written for so many channels, [`Error::Start`],
    /// and [`Error::Bound`] if a sum could leave 32 bits.
    pub fn read(bytes: &[u8], channels: usize) -> Result<Self, Error> {
        if !matches!(channels, 1 | 3) {
            return Err(Error::Parameters("neither 1 nor 3 channels"));
        }
        let mut reader = Reader::new(bytes)?;
        let mut parameters = Self {
            shape: Shape::least(channels),
            precision: Precision {
                planes: 3,
                hidden: 4,
                output: 8,
            },
            exponents: [0; 7],
            values: Vec::new(),
            band: 0,
        };
        code(&mut reader, &mut parameters, None)?;
        reader.finish()?;
        parameters.check()?;
        Ok(parameters)
    }

    /// Bits that [`Parameters::write`] takes, for each of [`Shape::tensors`]; what comes before them counts for the first.
    /// The values must be of the shape, and each within ±32767.
    pub fn tensor_bits(&self) -> Vec<f64> {
        let head = head_bits(&self.shape);
        let mut sets = Vec::new();
        let mut bits = Vec::new();
        for (tensor, spread) in self.shape.tensors().iter().zip(self.spreads()) {
            let mut sum = if bits.is_empty() { head } else { 0.0 };
            let set = set(tensor.role);
            if !sets.contains(&set) {
                sets.push(set);
                sum += f64::from(SPREADS).log2();
            }
            let differences = self.differences(tensor);
            sum += differences.map(|d| value_bits(spread, d)).sum::<f64>();
            bits.push(sum);
        }
        bits
    }

    /// Bits that [`Parameters::write`] takes, beside the two bytes of a stream.
    pub fn bits(&self) -> f64 {
        self.tensor_bits().iter().sum()
    }

    /// The spread of each tensor, chosen for the fewest bits.
    pub fn spreads(&self) -> Vec<u32> {
        let tensors = self.shape.tensors();
        let sets: Vec<Set> = tensors.iter().map(|t| set(t.role)).collect();
        let mut spreads = vec![0; tensors.len()];
        for (place, set) in sets.iter().enumerate() {
            if let Some(same) = sets[..place].iter().position(|s| s == set) {
                spreads[place] = spreads[same];
                continue;
            }
            let members = tensors.iter().zip(&sets).filter(|(_, s)| *s == set);
            let differences: Vec<i32> = members.flat_map(|(t, _)| self.differences(t)).collect();
            spreads[place] = best_spread(&differences);
        }
        spreads
    }

    fn differences(&self, tensor: &Tensor) -> impl Iterator<Item = i32> {
        let exponent = self.exponent(tensor.group);
        let role = tensor.role;
        let values = self.tensor(role).iter().enumerate();
        values.map(move |(index, &value)| value - default_value(role, index, exponent))
    }
}

/// The cheapest spread.
fn best_spread(differences: &[i32]) -> u32 {
    let cost = |spread: u32| -> f64 { differences.iter().map(|&d| value_bits(spread, d)).sum() };
    // That of the mean distance is near it; from there it is downhill.
    let sum: f64 = differences.iter().map(|d| f64::from(d.abs())).sum();
    let mean = (sum / differences.len().max(1) as f64).max(0.01);
    let start = ((mean.ln() + 5.0) * 4.0).clamp(0.0, f64::from(SPREADS - 1)) as u32;
    let mut best = (start, cost(start));
    for up in [false, true] {
        loop {
            let next = if up {
                (best.0 + 1 < SPREADS).then_some(best.0 + 1)
            } else {
                best.0.checked_sub(1)
            };
            let Some(next) = next else { break };
            let cost = cost(next);
            // Where a value cannot be coded, all costs are infinite until the spread is large enough.
            if cost < best.1 || (up && best.1.is_infinite()) {
                best = (next, cost);
            } else {
                break;
            }
        }
    }
    best.0
}

/// Numbers of the head: what they may be, apart from what depends on them.
const LEVELS: u32 = Shape::MAX_LEVELS as u32;
const CONTEXTS: u32 = NEIGHBOURS.len() as u32;
const BANDS: u32 = 9;

/// Bits of everything before the tensors.
fn head_bits(shape: &Shape) -> f64 {
    let exponents: f64 = exponent_counts(shape)
        .into_iter()
        .flatten()
        .map(|count| f64::from(count).log2())
        .sum();
    let counts = [256, LEVELS, shape.levels as u32 + 1, CONTEXTS, 9, 4, 65];
    let convolutions: f64 = if shape.width > 0 { 2.0 } else { 0.0 };
    let rest = [6, 10, 7, BANDS];
    let fields = counts.iter().chain(&rest);
    fields.map(|&count| f64::from(count).log2()).sum::<f64>() + convolutions + exponents
}

/// How many exponents each group could have; none for a group without tensors.
fn exponent_counts(shape: &Shape) -> [Option<u32>; 7] {
    let tensors = shape.tensors();
    GROUPS.map(|group| {
        let used = tensors.iter().any(|t| t.group == group);
        used.then_some(u32::from(group.largest_exponent()) + 1)
    })
}

/// Codes a number of `first .. first + count`.
fn number<C: Coder>(coder: &mut C, value: usize, first: usize, count: u32) -> Result<usize, Error> {
    let alphabet = Alphabet::new(count).ok_or(Error::Parameters("an empty alphabet"))?;
    let index = value.wrapping_sub(first) as u16;
    let mut symbol = Alphabet::symbol(index).into();
    coder.code_one(&mut Uniform, alphabet, &mut symbol)?;
    Ok(first + usize::from(Alphabet::index(symbol as i16)))
}

/// One body for both directions. A writer gives spreads.
fn code<C: Coder>(
    coder: &mut C,
    parameters: &mut Parameters,
    spreads: Option<&[u32]>,
) -> Result<(), Error> {
    // Networks to start from, of which there are none yet.
    let start = number(coder, 0, 0, 256)?;
    if start > 0 {
        return Err(Error::Start(start as u8));
    }
    let shape = &mut parameters.shape;
    shape.levels = number(coder, shape.levels, 1, LEVELS)?;
    shape.hyper = number(coder, shape.hyper, 0, shape.levels as u32 + 1)?;
    shape.contexts = number(coder, shape.contexts, 1, CONTEXTS)?;
    shape.features = number(coder, shape.features, 0, 9)?;
    shape.hidden = number(coder, shape.hidden, 0, 4)?;
    shape.width = number(coder, shape.width, 0, 65)?;
    let convolutions = if shape.width > 0 { 4 } else { 1 };
    shape.convolutions = number(coder, shape.convolutions, 0, convolutions)?;
    let shape = *shape;

    let precision = &mut parameters.precision;
    precision.planes = number(coder, precision.planes.into(), 3, 6)? as u8;
    precision.hidden = number(coder, precision.hidden.into(), 4, 10)? as u8;
    precision.output = number(coder, precision.output.into(), 8, 7)? as u8;

    let bands = match parameters.band {
        0 => 0,
        band => (band / BAND_MIN).ilog2() as usize + 1,
    };
    let bands = number(coder, bands, 0, BANDS)?;
    parameters.band = bands.checked_sub(1).map_or(0, |shift| BAND_MIN << shift);

    for (exponent, count) in parameters.exponents.iter_mut().zip(exponent_counts(&shape)) {
        if let Some(count) = count {
            *exponent = number(coder, (*exponent).into(), 0, count)? as u8;
        }
    }

    let tensors = shape.tensors();
    if spreads.is_none() {
        parameters.values = tensors.iter().map(|t| vec![0; t.len()]).collect();
    }
    let mut known: Vec<(Set, Form)> = Vec::new();
    let exponents = parameters.exponents;
    for (place, (tensor, values)) in tensors.iter().zip(&mut parameters.values).enumerate() {
        let set = set(tensor.role);
        let form = match known.iter().find(|(other, _)| *other == set) {
            Some(&(_, form)) => form,
            None => {
                let spread = spreads.and_then(|spreads| spreads.get(place));
                let spread = number(coder, spread.map_or(0, |&s| s as usize), 0, SPREADS)?;
                let form = Form::of(spread as u32);
                known.push((set, form));
                form
            }
        };
        let exponent = exponents[tensor.group as usize].into();
        for (index, value) in values.iter_mut().enumerate() {
            let default = default_value(tensor.role, index, exponent);
            let (mut upper, lower) = form.split(*value - default);
            coder.code_one(&mut model(), form.at, &mut upper)?;
            let lower = number(coder, lower as usize, 0, 1 << form.raw)?;
            *value = default + (upper << form.raw) + lower as i32;
            if !(-VALUE_MAX..=VALUE_MAX).contains(value) {
                return Err(Error::Damaged("a value beyond 32767"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_reach_from_nothing_to_everything() {
        let forms: Vec<Form> = (0..SPREADS).map(Form::of).collect();
        assert!(value_bits(0, 0) < 1e-4);
        assert_eq!((forms[27].raw, forms[28].raw, forms[29].raw), (0, 0, 1));
        assert_eq!((forms[29].at.mean, forms[63].raw), (-16, 13));
        for form in &forms {
            assert!(form.at.scale <= 448 && (form.raw == 0 || form.at.scale > 403));
        }
        // What is raw costs what its distribution would have it cost: nearly nothing is lost.
        for spread in 20..62 {
            let b = (f64::from(spread) / 4.0 - 5.0).exp();
            let (mut real, mut ideal) = (0.0, 0.0);
            let reach = (b * 12.0) as i32 + 2;
            for difference in -reach..=reach {
                let x = f64::from(difference.abs());
                let p = match difference {
                    0 => 1.0 - (-0.5 / b).exp(),
                    _ => ((0.5 / b).sinh()) * (-x / b).exp(),
                };
                ideal -= p * p.log2();
                real += p * value_bits(spread, difference);
            }
            assert!(real < ideal * 1.002 + 2e-3, "{spread}: {real} for {ideal}");
        }
    }

    #[test]
    fn the_cheapest_spread_is_found() {
        for differences in [
            vec![0; 50],
            vec![0, 0, 1, 0, -1, 0, 0, 0, 2],
            vec![300, -20, 40, -500, 77],
            vec![-36_000],
            vec![],
        ] {
            let cost =
                |spread: u32| -> f64 { differences.iter().map(|&d| value_bits(spread, d)).sum() };
            let best = (0..SPREADS).map(cost).fold(f64::INFINITY, f64::min);
            let found = cost(best_spread(&differences));
            assert!(found.is_finite() && found <= best + 1e-9, "{differences:?}");
        }
    }
}
