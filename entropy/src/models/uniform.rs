//! Symbols that are equally likely: raw bits and indices into a codebook.

use crate::{CodeError, RawReader, Slot, Slots, SymbolModel};

/// The symbols `0 .. count`, 1 to 65536 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alphabet {
    last: u16,
}

impl Alphabet {
    /// The symbols `0 .. count`, such as the indices into a codebook; `None` if `count` is 0 or above 65536.
    pub const fn new(count: u32) -> Option<Self> {
        match count {
            1..=0x1_0000 => Some(Self {
                last: (count - 1) as u16,
            }),
            _ => None,
        }
    }

    /// All numbers of so many bits; `None` for more than 16 bits.
    pub const fn bits(width: u32) -> Option<Self> {
        match width {
            0..=16 => Self::new(1 << width),
            _ => None,
        }
    }

    /// How many symbols there are.
    pub const fn count(self) -> u32 {
        self.last as u32 + 1
    }

    /// The symbol that stands for an index: the index itself, less 65536 from 32768 on, so that it fits `i16`.
    pub const fn symbol(index: u16) -> i16 {
        index as i16
    }

    /// The index that a symbol stands for: [`Alphabet::symbol`] undone.
    pub const fn index(symbol: i16) -> u16 {
        symbol as u16
    }
}

/// Parts that a step may tell apart without waste, unless their number divides the range.
const PARTS: u32 = 256;

/// Codes symbols that are equally likely. The place is the alphabet.
///
/// Costs `log2(count)` bits, and less than 0.00001 bits more on average. An alphabet of one symbol costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uniform;

impl Uniform {
    /// The steps that code an index: the high part, then the low one.
    fn slots(index: u32, count: u32) -> [Option<Slot>; 2] {
        if is_single(count) {
            return [share(index, index + 1, count), None];
        }
        let (start, end) = group(index, count);
        [
            share(start, end, count),
            share(index - start, index - start + 1, end - start),
        ]
    }

    fn index(at: Alphabet, symbol: i32) -> Option<u32> {
        let index = u32::from(Alphabet::index(i16::try_from(symbol).ok()?));
        (index < at.count()).then_some(index)
    }
}

/// Whether one step is enough.
fn is_single(count: u32) -> bool {
    count <= PARTS || count.is_power_of_two()
}

/// The indices that share the high part of one.
fn group(index: u32, count: u32) -> (u32, u32) {
    let start = index / PARTS * PARTS;
    (start, (start + PARTS).min(count))
}

/// The slot of the parts `start .. end` when the range is divided into `count`; `None` where that is all of it.
fn share(start: u32, end: u32, count: u32) -> Option<Slot> {
    let left = |part: u32| ((u64::from(part) << 16) / u64::from(count)) as u32;
    Slot::new(
        left(start) as u16,
        u16::try_from(left(end) - left(start)).ok()?,
    )
}

/// The part that holds a quantile when the range is divided into `count`: the last whose left end is not above it.
fn part(quantile: u16, count: u32) -> u32 {
    ((u64::from(quantile) * u64::from(count) + u64::from(count) - 1) >> 16) as u32
}

/// Reads a part of `count` that one step tells apart.
fn read(count: u32, from: &mut RawReader<'_>) -> Result<u32, CodeError> {
    if count == 1 {
        return Ok(0);
    }
    from.find(|quantile| {
        let part = part(quantile, count);
        Some((part, share(part, part + 1, count)?))
    })
}

impl SymbolModel for Uniform {
    type At = Alphabet;

    /// # Errors
    /// [`CodeError::OutsideAlphabet`].
    fn write(&mut self, at: &mut Alphabet, symbol: i32, out: &mut Slots) -> Result<(), CodeError> {
        let count = at.count();
        let index = Self::index(*at, symbol).ok_or(CodeError::OutsideAlphabet { symbol, count })?;
        out.extend(Self::slots(index, count).into_iter().flatten());
        Ok(())
    }

    /// # Errors
    /// None: every stream holds some index.
    fn read(&mut self, at: &mut Alphabet, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
        let count = at.count();
        let index = if is_single(count) {
            read(count, from)?
        } else {
            let (start, end) = from.find(|quantile| {
                let (start, end) = group(part(quantile, count), count);
                Some(((start, end), share(start, end, count)?))
            })?;
            start + read(end - start, from)?
        };
        Ok(Alphabet::symbol(index as u16).into())
    }

    fn follow(&mut self, _at: &mut Alphabet, _symbol: i32) -> Result<(), CodeError> {
        Ok(())
    }

    /// How many symbols the alphabet has.
    fn place(at: Alphabet) -> u64 {
        at.count().into()
    }

    fn bits(&self, at: Alphabet, symbol: i32) -> f64 {
        match Self::index(at, symbol) {
            Some(index) => Self::slots(index, at.count())
                .into_iter()
                .flatten()
                .map(Slot::bits)
                .sum(),
            None => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Powers of two and their neighbours, and what lies between.
    fn counts() -> impl Iterator<Item = u32> {
        let edges = (1..=16).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        edges
            .chain((1..1 << 16).step_by(997))
            .filter(|count| *count <= 1 << 16)
    }

    #[test]
    fn parts_hold_the_whole_range() {
        for count in counts().filter(|count| *count > 1) {
            let mut next = 0;
            for index in 0..count {
                let slot = share(index, index + 1, count).unwrap();
                assert_eq!(u32::from(slot.left), next, "{index} of {count}");
                next += u32::from(slot.freq.get());
                let last = (next - 1) as u16;
                assert_eq!((part(slot.left, count), part(last, count)), (index, index));
            }
            assert_eq!(next, 1 << 16);
        }
    }

    #[test]
    fn hardly_anything_is_wasted() {
        for count in counts() {
            let alphabet = Alphabet::new(count).unwrap();
            let bits: f64 = (0..count)
                .map(|index| Uniform.bits(alphabet, Alphabet::symbol(index as u16).into()))
                .sum();
            let excess = bits / f64::from(count) - f64::from(count).log2();
            assert!((-1e-9..1e-5).contains(&excess), "{count}: {excess:e}");
            if count.is_power_of_two() {
                assert!(excess.abs() < 1e-12, "{count}: {excess:e}");
            }
        }
    }

    #[test]
    fn alphabets_have_bounds() {
        assert_eq!((Alphabet::new(0), Alphabet::new(65_537)), (None, None));
        assert_eq!(Alphabet::bits(17), None);
        assert_eq!(Alphabet::bits(16).map(Alphabet::count), Some(65_536));
        assert_eq!(Alphabet::bits(0), Alphabet::new(1));
        for index in [0, 1, 32_767, 32_768, 65_535] {
            assert_eq!(Alphabet::index(Alphabet::symbol(index)), index);
        }
    }

    #[test]
    fn symbols_outside_the_alphabet_are_refused() {
        let at = Alphabet::new(40_000).unwrap();
        let write = |symbol| Uniform.write(&mut { at }, symbol, &mut Slots::default());
        for symbol in [
            Alphabet::symbol(40_000).into(),
            -1,
            40_000,
            i32::MAX,
            i32::MIN,
        ] {
            let count = 40_000;
            assert_eq!(
                write(symbol),
                Err(CodeError::OutsideAlphabet { symbol, count })
            );
            assert_eq!(Uniform.bits(at, symbol), f64::INFINITY);
        }
        assert_eq!(write(Alphabet::symbol(39_999).into()), Ok(()));
    }
}
