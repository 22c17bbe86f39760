//! Symbols outside the literals of a row: a side and the Exp-Golomb code of the excess, as raw
//! bits.

use crate::raw_bits::{Bits, Unary};
use crate::{RawReader, Slot};

/// What follows the escape bin: `symbol = nearest literal ± (1 + excess)`, and `excess + 1 =
/// 2^count + rest`.
///
/// Tables keep every magnitude within 32767, so `excess + 1` fits 16 bits and `count` never exceeds
/// [`Unary::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escape {
    below: bool,
    count: u32,
    rest: u16,
}

impl Escape {
    /// The escape code of a symbol that is not one of the literals `first ..= last`.
    pub(crate) fn of(symbol: i32, first: i32, last: i32) -> Self {
        let below = symbol < first;
        let distance = if below {
            first.abs_diff(symbol)
        } else {
            symbol.abs_diff(last)
        };
        let count = distance.ilog2().min(Unary::MAX);
        Escape {
            below,
            count,
            rest: (distance & ((1 << count) - 1)) as u16,
        }
    }

    /// The symbol, given the literals `first ..= last`. It may lie beyond the limit of the tables.
    fn symbol(self, first: i32, last: i32) -> i32 {
        let distance = (1i32 << self.count) + i32::from(self.rest);
        if self.below {
            first - distance
        } else {
            last + distance
        }
    }

    /// Raw bits it takes.
    pub(crate) fn bits(self) -> u32 {
        1 + Unary::bits(self.count) + self.count
    }

    /// Steps of the coder, in reading order.
    pub(crate) fn slots(self) -> impl Iterator<Item = Slot> {
        let rest = (self.count > 0).then(|| Bits(self.count).slot(self.rest));
        [Bits(1).slot(u16::from(self.below)), Unary::slot(self.count)]
            .into_iter()
            .chain(rest)
    }
}

/// Reads what follows an escape bin of a row with the literals `first ..= last`.
#[inline(always)]
pub(crate) fn read(from: &mut RawReader<'_>, first: i32, last: i32) -> i32 {
    // By value, so that the state need not lie in memory for the loop over symbols.
    let (symbol, after) = read_cold(from.clone(), first, last);
    *from = after;
    symbol
}

// Rare, and large once inlined: kept out of the loop over symbols.
#[cold]
#[inline(never)]
fn read_cold<'a>(mut from: RawReader<'a>, first: i32, last: i32) -> (i32, RawReader<'a>) {
    let side = from.decode(Bits(1));
    let count = from.decode(Unary);
    let rest = match count {
        0 => 0,
        _ => from.decode(Bits(count)),
    };
    let escape = Escape {
        below: side == 1,
        count,
        rest,
    };
    (escape.symbol(first, last), from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_next_to_the_literals_take_two_bits() {
        for symbol in [-3, 6] {
            let escape = Escape::of(symbol, -2, 5);
            assert_eq!((escape.count, escape.rest, escape.bits()), (0, 0, 2));
            assert_eq!(escape.slots().count(), 2);
        }
    }

    #[test]
    fn every_symbol_comes_back() {
        for (first, last) in [
            (-2, 5),
            (0, 0),
            (-32_767, -32_767),
            (32_767, 32_767),
            (-32_767, 32_766),
        ] {
            for symbol in (-32_767..=32_767).filter(|s| !(first..=last).contains(s)) {
                assert_eq!(Escape::of(symbol, first, last).symbol(first, last), symbol);
            }
        }
    }

    #[test]
    fn the_largest_excess_fits_the_bounded_prefix() {
        let escape = Escape::of(32_767, -32_767, -32_767);
        assert_eq!(
            (escape.below, escape.count, escape.rest),
            (false, 15, 65_534 - 32_768)
        );
        assert_eq!(escape.bits(), 1 + 15 + 15);
    }
}
