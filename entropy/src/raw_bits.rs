//! Raw bits: bins that are equal or halve, of which the code after an escape consists.

use std::num::NonZeroU16;

use constriction::stream::model::{DecoderModel, EntropyModel};

use crate::rans::{PRECISION, Slot};

const TWO: NonZeroU16 = NonZeroU16::new(2).unwrap();

/// Raw bits: a field of `.0` bits (1 to 15), all its values equally likely. The symbol is the
/// value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits(pub(crate) u32);

impl Bits {
    /// Slot of a value below `2^bits`.
    pub(crate) fn slot(self, value: u16) -> Slot {
        Slot {
            left: value << (16 - self.0),
            freq: TWO.saturating_pow(16 - self.0),
        }
    }
}

impl EntropyModel<PRECISION> for Bits {
    type Symbol = u16;
    type Probability = u16;
}

impl DecoderModel<PRECISION> for Bits {
    fn quantile_function(&self, quantile: u16) -> (u16, u16, NonZeroU16) {
        let value = quantile >> (16 - self.0);
        let Slot { left, freq } = self.slot(value);
        (value, left, freq)
    }
}

/// Raw bits that count: as many ones as the symbol says, then a zero, in one step of the coder. The
/// largest count, 15, needs no zero, so that the code has no unused word and no unbounded run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unary;

impl Unary {
    pub(crate) const MAX: u32 = 15;

    /// Bits that a count of at most [`Unary::MAX`] takes.
    pub(crate) fn bits(count: u32) -> u32 {
        (count + 1).min(Self::MAX)
    }

    /// Slot of a count of at most [`Unary::MAX`].
    pub(crate) fn slot(count: u32) -> Slot {
        Slot {
            left: !(u16::MAX >> count),
            freq: TWO.saturating_pow(16 - Self::bits(count)),
        }
    }
}

impl EntropyModel<PRECISION> for Unary {
    type Symbol = u32;
    type Probability = u16;
}

impl DecoderModel<PRECISION> for Unary {
    fn quantile_function(&self, quantile: u16) -> (u32, u16, NonZeroU16) {
        let count = quantile.leading_ones().min(Self::MAX);
        let Slot { left, freq } = Self::slot(count);
        (count, left, freq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots in order must hold 0..65536 without gap, and the decoder must find each at both its
    /// ends.
    fn assert_partition<M>(model: M, slots: impl IntoIterator<Item = (M::Symbol, Slot)>)
    where
        M: DecoderModel<PRECISION, Probability = u16>,
        M::Symbol: PartialEq + std::fmt::Debug + Copy,
    {
        let mut next = 0u32;
        for (symbol, Slot { left, freq }) in slots {
            assert_eq!(u32::from(left), next, "{symbol:?}");
            next += u32::from(freq.get());
            assert_eq!(model.quantile_function(left), (symbol, left, freq));
            assert_eq!(
                model.quantile_function(left + (freq.get() - 1)),
                (symbol, left, freq)
            );
        }
        assert_eq!(next, 1 << PRECISION);
    }

    #[test]
    fn raw_fields_hold_the_whole_range() {
        for bits in 1..=15 {
            assert_partition(Bits(bits), (0..1 << bits).map(|v| (v, Bits(bits).slot(v))));
        }
    }

    #[test]
    fn unary_counts_hold_the_whole_range() {
        assert_partition(Unary, (0..=Unary::MAX).map(|n| (n, Unary::slot(n))));
    }

    #[test]
    fn a_unary_slot_is_as_large_as_its_bits_say() {
        assert_eq!(
            Unary::slot(0),
            Slot {
                left: 0,
                freq: NonZeroU16::new(1 << 15).unwrap()
            }
        );
        assert_eq!(
            Unary::slot(3),
            Slot {
                left: 0xE000,
                freq: NonZeroU16::new(1 << 12).unwrap()
            }
        );
        assert_eq!(
            Unary::slot(15),
            Slot {
                left: 0xFFFE,
                freq: NonZeroU16::new(2).unwrap()
            }
        );
    }
}
