//! Symbols under a mixture of distributions whose weights, means and scales a network computes.

mod curves;

pub use curves::{CurveSpec, Curves};

use crate::escape::{self, Escape};
use crate::models::mixture::curves::{Curve, VALUE_BITS};
use crate::{CodeError, RawReader, Slot, Slots, SymbolModel};

/// Fractional bits of means and of positions on a curve: both count 64ths of a symbol.
pub const MEAN_BITS: u32 = 6;
/// What the weights of a mixture add up to.
pub const WEIGHT_TOTAL: u16 = 1 << WEIGHT_BITS;
const WEIGHT_BITS: u32 = 15;
/// The largest magnitude of a mean: 65536 symbols. Larger ones count as this.
const MEAN_MAX: i32 = 1 << 22;

/// The parameters of a mixture of `K` components.
///
/// Equal parameters in another order are another place, but have the same slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Components<const K: usize> {
    /// How much of the mass each component has; together [`WEIGHT_TOTAL`].
    pub weights: [u16; K],
    /// Where the middle of each component's curve lies, in 64ths of a symbol.
    pub means: [i32; K],
    /// The curve of each component: a row of [`Curves`].
    pub rows: [u16; K],
}

impl<const K: usize> Components<K> {
    /// Weights in proportion to `shares`, as near as integers allow: rounded down, and what is left goes to the
    /// first of the largest. Without any share, to the first of all.
    pub fn weights(shares: [u16; K]) -> [u16; K] {
        let sum = shares.iter().map(|&s| u64::from(s)).sum::<u64>().max(1);
        let mut weights = shares.map(|s| ((u64::from(s) << WEIGHT_BITS) / sum) as u16);
        let rest = WEIGHT_TOTAL - weights.iter().sum::<u16>();
        let largest = weights.iter().copied().max().unwrap_or(0);
        if let Some(first) = weights.iter_mut().find(|w| **w == largest) {
            *first += rest;
        }
        weights
    }
}

/// Codes each symbol under a mixture of `K` frozen distributions: Gaussian mixtures as in Cheng et al., "Learned
/// image compression with discretized Gaussian mixture likelihoods and attention modules" (2020), but in integers
/// alone.
///
/// The literals are the symbols that any component reaches; all others follow an escape. A symbol costs less than
/// `log2(65536 / (65535 - literals))` bits more than under the exact mixture of the interpolated [`Curves`].
///
/// ```
/// use kiln_entropy::{Coder, Components, CurveSpec, Curves, Mixture, Reader, Writer, freeze};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Scales 0.5 and 4, each up to 5 times the scale from the mean.
/// let narrow = freeze::curve(&freeze::gaussian_curve(0.5, 3, 0))?;
/// let wide = freeze::curve(&freeze::gaussian_curve(4.0, 20, 4))?;
/// let curves = Curves::new(
///     [
///         CurveSpec { first: -3 * 64, shift: 0, steps: &narrow },
///         CurveSpec { first: -20 * 64, shift: 4, steps: &wide },
///     ],
///     32_767,
/// )?;
/// // Three quarters around 1.25, one quarter around -10.
/// let at = Components { weights: [24_576, 8_192], means: [80, -640], rows: [0, 1] };
///
/// let (mut at, mut symbols) = ([at; 4], [1, 2, -12, 300]);
/// let mut writer = Writer::new();
/// writer.code(&mut Mixture::new(&curves), &mut at, &mut symbols)?;
/// let bytes = writer.finish();
///
/// let (mut reader, mut read) = (Reader::new(&bytes)?, [0; 4]);
/// reader.code(&mut Mixture::new(&curves), &mut at, &mut read)?;
/// reader.finish()?;
/// assert_eq!(read, symbols);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mixture<'a, const K: usize> {
    curves: &'a Curves,
}

impl<'a, const K: usize> Mixture<'a, K> {
    /// Mixtures of the curves of a bank.
    pub fn new(curves: &'a Curves) -> Self {
        Self { curves }
    }

    /// The alphabet that a symbol at a place has.
    fn view(&self, at: &Components<K>) -> Result<View<'a, K>, CodeError> {
        let sum = at.weights.iter().map(|&w| u64::from(w)).sum();
        if sum != u64::from(WEIGHT_TOTAL) {
            return Err(CodeError::Weights { sum });
        }
        let mut parts = [Part::default(); K];
        let (mut low, mut high) = (i32::MAX, i32::MIN);
        for (part, ((&weight, &mean), &row)) in parts
            .iter_mut()
            .zip(at.weights.iter().zip(&at.means).zip(&at.rows))
        {
            let curve = self.curves.row(row)?;
            let mean = mean.clamp(-MEAN_MAX, MEAN_MAX);
            if weight > 0 {
                low = low.min(mean + curve.first());
                high = high.max(mean + curve.last());
            }
            *part = Part {
                weight: weight.into(),
                mean,
                curve,
            };
        }
        // The symbols whose intervals, a half to each side, overlap low .. high.
        let limit = self.curves.limit();
        let half = 1 << (MEAN_BITS - 1);
        let first = ((low + half) >> MEAN_BITS).clamp(-limit, limit);
        let last = ((high + half - 1) >> MEAN_BITS).clamp(-limit, limit);
        Ok(View {
            parts,
            first,
            last,
            literals: (last - first + 1) as u32,
        })
    }
}

/// A component, ready for coding.
#[derive(Clone, Copy, Default)]
struct Part<'a> {
    weight: u64,
    mean: i32,
    curve: Curve<'a>,
}

/// The literals `first ..= last` and where their slots lie.
struct View<'a, const K: usize> {
    parts: [Part<'a>; K],
    first: i32,
    last: i32,
    /// At most 65535, because symbols are limited to 32767 on either side.
    literals: u32,
}

impl<const K: usize> View<'_, K> {
    /// The left end of a bin; the last one, `literals`, is the escape. Grows by at least 1 from bin to bin.
    #[inline]
    fn left(&self, bin: u32) -> u32 {
        if bin == 0 {
            return 0;
        }
        let edge = ((self.first + bin as i32) << MEAN_BITS) - (1 << (MEAN_BITS - 1));
        let below: u64 = self
            .parts
            .iter()
            .map(|part| part.weight * u64::from(part.curve.value(edge - part.mean)))
            .sum();
        let free = u64::from((1 << 16) - 1 - self.literals);
        bin + ((below * free) >> (WEIGHT_BITS + VALUE_BITS)) as u32
    }

    /// The slot of a bin; none for a bin that there is not.
    #[inline]
    fn slot(&self, bin: u32) -> Option<Slot> {
        let left = self.left(bin);
        let right = if bin == self.literals {
            1 << 16
        } else {
            self.left(bin + 1)
        };
        Slot::new(left as u16, (right - left) as u16)
    }

    /// The bin that stands for a symbol: its own or the escape.
    fn bin(&self, symbol: i32) -> u32 {
        (symbol.wrapping_sub(self.first) as u32).min(self.literals)
    }

    /// The bin that holds a quantile: the last whose left end is not above it.
    #[inline]
    fn find(&self, quantile: u16) -> u32 {
        let (mut bin, mut above) = (0, self.literals + 1);
        while above - bin > 1 {
            let middle = bin + (above - bin) / 2;
            if self.left(middle) <= u32::from(quantile) {
                bin = middle;
            } else {
                above = middle;
            }
        }
        bin
    }
}

impl<const K: usize> SymbolModel for Mixture<'_, K> {
    type At = Components<K>;

    /// # Errors
    /// [`CodeError::Weights`], [`CodeError::UnknownRow`], [`CodeError::SymbolBeyondLimit`].
    fn write(
        &mut self,
        at: &mut Components<K>,
        symbol: i32,
        out: &mut Slots,
    ) -> Result<(), CodeError> {
        let limit = self.curves.limit();
        if !(-limit..=limit).contains(&symbol) {
            return Err(CodeError::SymbolBeyondLimit { symbol, limit });
        }
        let view = self.view(at)?;
        let bin = view.bin(symbol);
        out.push(view.slot(bin).ok_or(CodeError::Impossible { symbol })?);
        if bin == view.literals {
            out.extend(Escape::of(symbol, view.first, view.last).slots());
        }
        Ok(())
    }

    /// # Errors
    /// [`CodeError::Weights`], [`CodeError::UnknownRow`], [`CodeError::EscapeBeyondLimit`].
    fn read(&mut self, at: &mut Components<K>, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
        let view = self.view(at)?;
        let bin = from.find(|quantile| {
            let bin = view.find(quantile);
            Some((bin, view.slot(bin)?))
        })?;
        if bin < view.literals {
            return Ok(view.first + bin as i32);
        }
        let symbol = escape::read(from, view.first, view.last);
        let limit = self.curves.limit();
        if (-limit..=limit).contains(&symbol) {
            Ok(symbol)
        } else {
            Err(CodeError::EscapeBeyondLimit { symbol, limit })
        }
    }

    /// # Errors
    /// [`CodeError::Weights`], [`CodeError::UnknownRow`].
    fn follow(&mut self, at: &mut Components<K>, _symbol: i32) -> Result<(), CodeError> {
        self.view(at).map(drop)
    }

    /// CRC-32C over weights, means and rows, little-endian.
    fn place(at: Components<K>) -> u64 {
        let mut sum = 0;
        for ((weight, mean), row) in at.weights.iter().zip(&at.means).zip(&at.rows) {
            sum = crc32c::crc32c_append(sum, &weight.to_le_bytes());
            sum = crc32c::crc32c_append(sum, &mean.to_le_bytes());
            sum = crc32c::crc32c_append(sum, &row.to_le_bytes());
        }
        sum.into()
    }

    fn bits(&self, at: Components<K>, symbol: i32) -> f64 {
        let limit = self.curves.limit();
        let Ok(view) = self.view(&at) else {
            return f64::INFINITY;
        };
        if !(-limit..=limit).contains(&symbol) {
            return f64::INFINITY;
        }
        let bin = view.bin(symbol);
        let bits = view.slot(bin).map_or(f64::INFINITY, Slot::bits);
        if bin == view.literals {
            bits + f64::from(Escape::of(symbol, view.first, view.last).bits())
        } else {
            bits
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::freeze;

    /// Scales of the rows, and how their knots are set.
    const SCALES: [(f64, u32, u8); 6] = [
        (0.11, 1, 0),
        (0.4, 2, 0),
        (1.5, 8, 2),
        (6.0, 30, 4),
        (30.0, 150, 6),
        (64.0, 320, 6),
    ];

    fn curves(limit: i32) -> Curves {
        let rows = SCALES.map(|(sigma, half_width, shift)| {
            let values = freeze::gaussian_curve(sigma, half_width, shift);
            (
                -64 * half_width as i32,
                shift,
                freeze::curve(&values).unwrap(),
            )
        });
        let specs = rows.iter().map(|(first, shift, steps)| CurveSpec {
            first: *first,
            shift: *shift,
            steps,
        });
        Curves::new(specs, limit).unwrap()
    }

    /// Means within `reach` 64ths.
    fn components(reach: i32) -> impl Strategy<Value = Components<3>> {
        let rows = SCALES.len() as u16;
        (
            any::<[u16; 3]>(),
            [-reach..=reach, -reach..=reach, -reach..=reach],
            [0..rows, 0..rows, 0..rows],
        )
            .prop_map(|(shares, means, rows)| Components {
                weights: Components::weights(shares),
                means,
                rows,
            })
    }

    /// Slots of all bins in order must hold 0..65536 without gap, and both their ends must lead to them.
    fn assert_partition<const K: usize>(curves: &Curves, at: &Components<K>) {
        let view = Mixture { curves }.view(at).unwrap();
        let mut next = 0;
        for bin in 0..=view.literals {
            let slot = view.slot(bin).unwrap();
            assert_eq!(u32::from(slot.left), next, "{at:?}");
            next += u32::from(slot.freq.get());
            assert_eq!(view.find(slot.left), bin, "{at:?}");
            assert_eq!(view.find((next - 1) as u16), bin, "{at:?}");
        }
        assert_eq!(next, 1 << 16, "{at:?}");
    }

    /// Ideal bits of a symbol under the mixture of the curves, in floats.
    fn ideal(curves: &Curves, at: &Components<3>, symbol: i32) -> f64 {
        let below = |edge: f64| -> f64 {
            let part = |k: usize| {
                let curve = curves.row(at.rows[k]).unwrap();
                let position = edge - f64::from(at.means[k]);
                let (low, high) = (position.floor(), position.ceil());
                let value = |x: f64| f64::from(curve.value(x as i32)) / f64::from(1 << VALUE_BITS);
                let value = value(low) + (position - low) * (value(high) - value(low));
                value * f64::from(at.weights[k]) / f64::from(WEIGHT_TOTAL)
            };
            (0..3).map(part).sum()
        };
        let middle = f64::from(64 * symbol);
        -(below(middle + 32.0) - below(middle - 32.0)).log2()
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 200,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn mixtures_hold_the_whole_range(at in components(20_000)) {
            assert_partition(&curves(32_767), &at);
            assert_partition(&curves(50), &at);
        }

        #[test]
        fn symbols_cost_little_more_than_in_floats(at in components(2_000)) {
            let curves = curves(32_767);
            let model = Mixture { curves: &curves };
            let view = model.view(&at).unwrap();
            let bound = (65_536.0 / f64::from(65_535 - view.literals)).log2();
            for symbol in view.first..=view.last {
                let (bits, ideal) = (model.bits(at, symbol), ideal(&curves, &at, symbol));
                prop_assert!(bits <= ideal + bound + 1e-9, "{} {} {}", symbol, bits, ideal);
            }
            let mass: f64 = (view.first..=view.last)
                .map(|symbol| (-ideal(&curves, &at, symbol)).exp2())
                .sum();
            prop_assert!((mass - 1.0).abs() < 1e-9, "literals leave out {}", 1.0 - mass);
        }

        #[test]
        fn weights_add_up(shares in any::<[u16; 4]>()) {
            let weights = Components::weights(shares);
            let sum: u32 = shares.iter().map(|&s| u32::from(s)).sum();
            prop_assert_eq!(weights.iter().sum::<u16>(), WEIGHT_TOTAL);
            for (weight, share) in weights.into_iter().zip(shares) {
                let exact = f64::from(share) * f64::from(WEIGHT_TOTAL) / f64::from(sum.max(1));
                prop_assert!((f64::from(weight) - exact).abs() < 4.0);
            }
        }
    }

    /// The curves themselves: what a symbol costs on average beyond the normal mixture it stands for.
    #[test]
    fn rows_of_normal_curves_cost_little() {
        let curves = curves(32_767);
        for (row, (sigma, half_width, _)) in SCALES.into_iter().enumerate() {
            for mean in [0, 1, 17, 32, -45, 6_400] {
                let at = Components {
                    weights: [WEIGHT_TOTAL],
                    means: [mean],
                    rows: [row as u16],
                };
                // Probabilities of a grid of 64ths, in floats, added up for each symbol.
                let fine = freeze::gaussian_curve(sigma, half_width + 2, 0);
                let start = mean - 64 * (half_width as i32 + 2);
                let mut excess = 0.0;
                let view = Mixture { curves: &curves }.view(&at).unwrap();
                for symbol in view.first..=view.last {
                    let at_edge = |edge: i32| fine[(edge - start) as usize];
                    let p = at_edge(64 * symbol + 32) - at_edge(64 * symbol - 32);
                    let bits = Mixture { curves: &curves }.bits(at, symbol);
                    excess += p * (bits + p.max(1e-300).log2());
                }
                let overhead = (65_536.0 / f64::from(65_535 - view.literals)).log2();
                assert!(
                    excess < overhead + 1e-3,
                    "{sigma} {mean}: {excess} {overhead}"
                );
            }
        }
    }

    #[test]
    fn extreme_parameters_hold_the_whole_range() {
        let curves = [curves(32_767), curves(1)];
        for (curves, mean) in curves
            .iter()
            .flat_map(|c| [i32::MIN, -2_097_000, 0, 2_097_000, i32::MAX].map(|mean| (c, mean)))
        {
            assert_partition(
                curves,
                &Components {
                    weights: [WEIGHT_TOTAL],
                    means: [mean],
                    rows: [2],
                },
            );
        }
        // As many literals as there can be: nothing is left to share out.
        let at = Components {
            weights: [1, WEIGHT_TOTAL - 1],
            means: [i32::MIN, i32::MAX],
            rows: [0, 5],
        };
        assert_partition(&curves[0], &at);
        let view = Mixture { curves: &curves[0] }.view(&at).unwrap();
        assert_eq!((view.first, view.literals), (-32_767, 65_535));
        // A component without weight does not widen the alphabet.
        let at = Components {
            weights: [0, WEIGHT_TOTAL],
            ..at
        };
        let view = Mixture { curves: &curves[0] }.view(&at).unwrap();
        assert_eq!((view.first, view.last), (32_767, 32_767));
    }

    #[test]
    fn each_error() {
        let curves = curves(100);
        let at = Components {
            weights: [WEIGHT_TOTAL - 1, 1],
            means: [0, 0],
            rows: [0, 1],
        };
        let mut model = Mixture::new(&curves);
        let mut write = |mut at, symbol| model.write(&mut at, symbol, &mut Slots::default());
        assert_eq!(write(at, 100), Ok(()));
        let limit = 100;
        for symbol in [101, -101, i32::MAX, i32::MIN] {
            let beyond = Err(CodeError::SymbolBeyondLimit { symbol, limit });
            assert_eq!(write(at, symbol), beyond);
        }
        let heavy = Components {
            weights: [WEIGHT_TOTAL, 1],
            ..at
        };
        assert_eq!(write(heavy, 0), Err(CodeError::Weights { sum: 32_769 }));
        let rows = Components { rows: [0, 6], ..at };
        assert_eq!(
            write(rows, 0),
            Err(CodeError::UnknownRow { row: 6, rows: 6 })
        );
        assert_eq!(model.follow(&mut { rows }, 0), write_error(6));
        assert!(model.bits(heavy, 0).is_infinite() && model.bits(at, 101).is_infinite());
        let mut none = Components {
            weights: [],
            means: [],
            rows: [],
        };
        let follow = Mixture::new(&curves).follow(&mut none, 0);
        assert_eq!(follow, Err(CodeError::Weights { sum: 0 }));
    }

    fn write_error(row: u16) -> Result<(), CodeError> {
        Err(CodeError::UnknownRow { row, rows: 6 })
    }
}
