//! What the head of a sequence says beyond that of a still: how fast it plays and how long it is.

use std::num::NonZero;

use crate::error::damaged;
use crate::fields::Fields;
use crate::source::Source;
use crate::varint;

/// Frames per second, as a fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    numerator: NonZero<u32>,
    denominator: NonZero<u32>,
}

impl Rate {
    /// `numerator / denominator` frames per second, reduced to lowest terms.
    ///
    /// ```
    /// use std::num::NonZero;
    /// use kiln_container::Rate;
    ///
    /// let fps = |numerator, denominator| {
    ///     Some(Rate::new(NonZero::new(numerator)?, NonZero::new(denominator)?))
    /// };
    /// let ntsc = fps(30_000, 1001).unwrap();
    /// assert_eq!((ntsc.numerator().get(), ntsc.denominator().get()), (30_000, 1001));
    /// assert_eq!(fps(50, 2), fps(25, 1));
    /// ```
    pub fn new(numerator: NonZero<u32>, denominator: NonZero<u32>) -> Self {
        let (mut divisor, mut rest) = (numerator, denominator.get());
        // Euclid; the divisor stays above zero because it only ever becomes a rest that is.
        while let Some(next) = NonZero::new(rest) {
            rest = divisor.get() % next;
            divisor = next;
        }
        // A divisor of a positive number is at most that number, so that neither quotient is zero.
        let reduced = |value: NonZero<u32>| NonZero::new(value.get() / divisor).unwrap_or(value);
        Self {
            numerator: reduced(numerator),
            denominator: reduced(denominator),
        }
    }

    /// The numerator.
    pub fn numerator(&self) -> NonZero<u32> {
        self.numerator
    }

    /// The denominator; it has no factor in common with the numerator.
    pub fn denominator(&self) -> NonZero<u32> {
        self.denominator
    }

    fn take<'a, S: Source<'a>>(fields: &mut Fields<S>) -> Result<Self, S::Error> {
        let what = "a frame rate that is not a fraction in lowest terms, each part 1 to 2^32 - 1";
        let offset = fields.position();
        let numerator = NonZero::new(fields.varint_in(1..=u32::MAX, what)?);
        let denominator = NonZero::new(fields.varint_in(1..=u32::MAX, what)?);
        if let (Some(numerator), Some(denominator)) = (numerator, denominator) {
            let rate = Self::new(numerator, denominator);
            if rate.numerator == numerator {
                return Ok(rate);
            }
        }
        damaged(what, offset)
    }
}

/// What makes a file a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// Frames per second.
    pub rate: Rate,
    /// Number of frames; `None` when the writer did not know it in advance and the sequence lasts until its end record.
    pub frames: Option<NonZero<u32>>,
}

impl Sequence {
    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        varint::push(out, self.rate.numerator.get().into());
        varint::push(out, self.rate.denominator.get().into());
        varint::push(out, self.frames.map_or(0, NonZero::get).into());
    }

    pub(crate) fn take<'a, S: Source<'a>>(fields: &mut Fields<S>) -> Result<Self, S::Error> {
        let rate = Rate::take(fields)?;
        let frames = fields.varint_in(0..=u32::MAX, "a number of frames above 2^32 - 1")?;
        Ok(Self {
            rate,
            frames: NonZero::new(frames),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Cursor;
    use crate::error::ParseError;

    fn take(bytes: &[u8]) -> Result<Sequence, ParseError> {
        Sequence::take(&mut Fields::new(Cursor::new(bytes)))
    }

    #[test]
    fn rates_are_reduced() {
        let rate = |n, d| Rate::new(NonZero::new(n).unwrap(), NonZero::new(d).unwrap());
        for (numerator, denominator, expected) in [
            (24, 1, (24, 1)),
            (24_000, 1001, (24_000, 1001)),
            (48, 2, (24, 1)),
            (2, 48, (1, 24)),
            (7, 7, (1, 1)),
            (u32::MAX, u32::MAX - 1, (u32::MAX, u32::MAX - 1)),
            (1 << 31, 1 << 30, (2, 1)),
        ] {
            let reduced = rate(numerator, denominator);
            let parts = (reduced.numerator().get(), reduced.denominator().get());
            assert_eq!(parts, expected);
        }
    }

    #[test]
    fn each_rate_and_count_has_one_encoding() {
        let sequence = take(&[25, 1, 0]).unwrap();
        assert_eq!(sequence.rate.numerator().get(), 25);
        assert_eq!(sequence.frames, None);
        assert_eq!(take(&[25, 1, 2]).unwrap().frames, NonZero::new(2));
        for bytes in [[50, 2, 0], [0, 1, 0], [1, 0, 0], [2, 2, 0]] {
            let refused = take(&bytes);
            assert!(
                matches!(refused, Err(ParseError::Damaged { .. })),
                "{bytes:?}: {refused:?}"
            );
        }
        let too_many = [25, 1, 0x80, 0x80, 0x80, 0x80, 0x10];
        let refused = ParseError::Damaged {
            what: "a number of frames above 2^32 - 1",
            offset: 2,
        };
        assert_eq!(take(&too_many), Err(refused));
    }
}
