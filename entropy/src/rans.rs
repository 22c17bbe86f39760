//! The rANS coder: slots to bytes and back. constriction does the arithmetic; this is all that sees it.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU16;

use constriction::Stack;
use constriction::backends::ReadWords;
use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::stack::AnsCoder;
use constriction::stream::{Code, Decode, Encode};

use crate::CodeError;

/// Bits of a probability: the slots of all symbols add up to `1 << PRECISION`.
pub(crate) const PRECISION: usize = 16;

/// State of the coder before the first symbol is written, and so after the last one is read.
///
/// Above 2^16 every symbol raises the state strictly, so no other point of a stream can show this value; as little
/// above as possible, because each doubling costs one bit per stream. The default of the coder, 0, would be
/// absorbing: a reader that has run past the end would stay there and pass for complete.
const START: u64 = 0x0001_4B4C;

/// A symbol's part of the coder's range: the quantiles `left .. left + freq`, out of 65536. Its probability is
/// `freq / 65536`.
///
/// A symbol whose probability is 1 needs no slot at all: a model pushes none and reads none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub(crate) left: u16,
    pub(crate) freq: NonZeroU16,
}

impl Slot {
    /// The quantiles `left .. left + freq`; `None` if there are none, or if some are beyond 65535.
    #[inline]
    pub const fn new(left: u16, freq: u16) -> Option<Self> {
        match NonZeroU16::new(freq) {
            Some(freq) if freq.get() - 1 <= u16::MAX - left => Some(Self { left, freq }),
            _ => None,
        }
    }

    /// Ideal cost in bits: `16 - log2(freq)`.
    pub fn bits(self) -> f64 {
        PRECISION as f64 - f64::from(self.freq.get()).log2()
    }

    /// Whether `quantile`, which must not lie left of the slot, lies in it.
    #[inline(always)]
    pub(crate) fn reaches(self, quantile: u16) -> bool {
        quantile.wrapping_sub(self.left) < self.freq.get()
    }
}

impl EntropyModel<PRECISION> for Slot {
    type Symbol = ();
    type Probability = u16;
}

/// A slot is already the answer, whatever the symbol.
impl EncoderModel<PRECISION> for Slot {
    #[inline(always)]
    fn left_cumulative_and_probability(
        &self,
        _symbol: impl Borrow<()>,
    ) -> Option<(u16, NonZeroU16)> {
        Some((self.left, self.freq))
    }
}

/// The slots of a stream, in the order in which a reader needs them: 4 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Slots(Vec<Slot>);

impl Slots {
    /// Appends the slot of one step.
    #[inline(always)]
    pub fn push(&mut self, slot: Slot) {
        self.0.push(slot);
    }

    /// Makes room for so many more, as far as it is known: only a matter of speed.
    #[inline]
    pub fn reserve(&mut self, more: usize) {
        self.0.reserve(more);
    }

    /// The bytes of a stream, as short as they can be: none at all if there are no slots.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut coder: AnsCoder<u32, u64> = AnsCoder::from_raw_parts(Vec::new(), START);
        for &slot in self.0.iter().rev() {
            let coded = coder.encode_symbol((), slot);
            debug_assert!(
                coded.is_ok(),
                "a slot has a probability and a vector takes every word"
            );
        }
        let (words, state) = coder.into_raw_parts();

        let mut bytes = Vec::with_capacity(8 + 4 * words.len());
        if state != START {
            // A state with words below it is at least 2^32, which makes this at least 5 bytes: see CODING.md.
            let used = 8 - state.leading_zeros() as usize / 8;
            bytes.extend_from_slice(&state.to_le_bytes()[..used]);
        }
        bytes.extend(words.iter().rev().flat_map(|word| word.to_le_bytes()));
        bytes
    }
}

impl Extend<Slot> for Slots {
    fn extend<I: IntoIterator<Item = Slot>>(&mut self, slots: I) {
        self.0.extend(slots);
    }
}

/// Words of a stream, read from the front, without a copy.
#[derive(Clone, Copy, Debug)]
struct Words<'a>(&'a [u8]);

impl ReadWords<u32, Stack> for Words<'_> {
    type ReadError = Infallible;

    #[inline(always)]
    fn read(&mut self) -> Result<Option<u32>, Infallible> {
        Ok(self.0.split_first_chunk().map(|(word, rest)| {
            self.0 = rest;
            u32::from_le_bytes(*word)
        }))
    }
}

/// What a [`SymbolModel`](crate::SymbolModel) reads from: the coder's state and the words that are left.
#[derive(Clone)]
pub struct RawReader<'a>(AnsCoder<u32, u64, Words<'a>>);

impl fmt::Debug for RawReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReader")
            .field("state", &self.0.state())
            .field("bytes_left", &self.0.bulk().0.len())
            .finish()
    }
}

impl<'a> RawReader<'a> {
    /// Starts at the beginning of a stream, which is all of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, CodeError> {
        // Whole words follow the state, which takes at least 5 bytes where words follow it.
        let len = bytes.len();
        let used = if len < 5 { len } else { 5 + (len - 5) % 4 };
        let (head, words) = bytes.split_at(used);
        let mut state = [0; 8];
        state[..used].copy_from_slice(head);
        let state = if used == 0 {
            START
        } else {
            u64::from_le_bytes(state)
        };
        // A state that is too small or begins with zeros would be a second way to write a stream.
        if used > 0 && (state <= START || head.last() == Some(&0)) {
            return Err(CodeError::Start { bytes: used });
        }
        Ok(Self(AnsCoder::from_raw_parts(Words(words), state)))
    }

    /// One step: shows the quantile, 0 to 65535, to `find`, which says what is there and the slot that holds it.
    ///
    /// # Errors
    /// [`CodeError::NoSlot`] if `find` finds nothing, or a slot that does not hold the quantile: a fault of the
    /// model.
    #[inline]
    pub fn find<T>(&mut self, find: impl Fn(u16) -> Option<(T, Slot)>) -> Result<T, CodeError> {
        self.decode(Find(find, PhantomData))
    }

    /// One step with a model that holds every quantile.
    #[inline(always)]
    pub(crate) fn decode<M>(&mut self, model: M) -> M::Symbol
    where
        M: DecoderModel<PRECISION, Probability = u16>,
    {
        let Ok(symbol) = self.0.decode_symbol(model);
        symbol
    }

    /// Nothing read from an undamaged stream takes the state below its start; past the end it soon falls there.
    #[inline(always)]
    pub(crate) fn check_not_exhausted(&self) -> Result<(), CodeError> {
        if self.0.state() < START {
            Err(CodeError::Exhausted)
        } else {
            Ok(())
        }
    }

    /// Checks that exactly what was written has been read.
    pub(crate) fn finish(self) -> Result<(), CodeError> {
        let (words, state) = self.0.into_raw_parts();
        if state == START && words.0.is_empty() {
            Ok(())
        } else {
            Err(CodeError::NotAtEnd)
        }
    }
}

/// A function that finds slots, which need not be a good one, as a model that is.
struct Find<F, T>(F, PhantomData<T>);

impl<F, T> EntropyModel<PRECISION> for Find<F, T> {
    type Symbol = Result<T, CodeError>;
    type Probability = u16;
}

impl<F, T> DecoderModel<PRECISION> for Find<F, T>
where
    F: Fn(u16) -> Option<(T, Slot)>,
{
    #[inline(always)]
    fn quantile_function(&self, quantile: u16) -> (Result<T, CodeError>, u16, NonZeroU16) {
        match (self.0)(quantile) {
            Some((found, slot)) if slot.left <= quantile && slot.reaches(quantile) => {
                (Ok(found), slot.left, slot.freq)
            }
            _ => (
                Err(CodeError::NoSlot { quantile }),
                quantile,
                NonZeroU16::MIN,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_stay_within_the_range() {
        for (left, freq) in [(0, 0), (9, 0), (1, u16::MAX), (u16::MAX, 2)] {
            let slot = Slot::new(left, freq);
            assert_eq!(
                slot.is_some(),
                (left, freq) == (1, u16::MAX),
                "{left} {freq}"
            );
        }
        assert_eq!(Slot::new(u16::MAX, 1).map(Slot::bits), Some(16.0));
        assert_eq!(Slot::new(1 << 15, 1 << 15).map(Slot::bits), Some(1.0));
    }

    #[test]
    fn a_finder_at_fault_gives_an_error() {
        let mut reader = RawReader::new(&[7, 8, 9, 10, 11, 12]).unwrap();
        let quantile = 0x0807;
        let wrong = [
            None,
            Slot::new(quantile + 1, 5),
            Slot::new(quantile - 5, 5),
            Slot::new(0, 1),
        ];
        for slot in wrong {
            let mut reader = reader.clone();
            let found = reader.find(|_| Some(((), slot?)));
            assert_eq!(found, Err(CodeError::NoSlot { quantile }));
        }
        assert_eq!(
            reader.find(|q| Some((q, Slot::new(quantile - 4, 5)?))),
            Ok(quantile)
        );
    }

    #[test]
    fn impossible_starts_are_refused() {
        let error = |bytes: &[u8]| RawReader::new(bytes).err();
        assert_eq!(error(&[0x4D]), Some(CodeError::Start { bytes: 1 }));
        // The start itself would be a second way to write nothing.
        assert_eq!(
            error(&[0x4C, 0x4B, 0x01]),
            Some(CodeError::Start { bytes: 3 })
        );
        assert_eq!(error(&[0x4D, 0x4B, 0x01]), None);
        assert_eq!(
            error(&[0x4D, 0x4B, 0x01, 0x00]),
            Some(CodeError::Start { bytes: 4 })
        );
        assert_eq!(error(&[0xFF; 12]), None);
        let mut bytes = [0xFF; 12];
        bytes[7] = 0;
        assert_eq!(error(&bytes), Some(CodeError::Start { bytes: 8 }));
    }
}
