//! Symbols under Laplace distributions whose means and scales a network computes.

mod frozen;

use crate::coder::{BLOCK, check_lengths};
use crate::escape::{self, Escape};
use crate::models::MEAN_BITS;
use crate::models::laplace::frozen::{KNOTS, RATE_BITS, RATES, SCALES};
use crate::{CodeError, RawReader, Slot, Slots, SymbolModel};

/// Literals on one side of the middle one at most.
const RADIUS_MAX: u32 = 255;
/// Literals reach where the tail has halved so often, if [`RADIUS_MAX`] allows.
const HALVINGS: u32 = 16;
/// Bins beside the middle one that are tried one after the other before the rest is halved.
const NEAR: u32 = 6;
/// Half a symbol, in 64ths.
const HALF: i32 = 1 << (MEAN_BITS - 1);

/// Where a symbol is coded: the parameters of its distribution.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaplaceAt {
    /// The mean, in 64ths of a symbol.
    pub mean: i16,
    /// The scale `b`, 0 to [`Laplace::LARGEST_SCALE`]: `ln b = (scale - 320) / 64`.
    pub scale: u16,
}

/// Codes each symbol under a Laplace distribution, with frozen integers in place of `exp`.
///
/// The literals are the symbols around the mean, up to 16 halvings of the tail; all others follow an escape.
///
/// ```
/// use kiln_entropy::{Coder, Laplace, LaplaceAt, Reader, Writer};
///
/// # fn main() -> Result<(), kiln_entropy::CodeError> {
/// // Mean 0.5 and b = 1; mean -3 and b = 1/e.
/// let mut at = [LaplaceAt { mean: 32, scale: 320 }, LaplaceAt { mean: -192, scale: 256 }];
/// let mut model = Laplace::new(127);
/// let mut writer = Writer::new();
/// writer.code(&mut model, &mut at, &mut [2, -100])?;
/// let bytes = writer.finish();
///
/// let (mut reader, mut read) = (Reader::new(&bytes)?, [0; 2]);
/// reader.code(&mut model, &mut at, &mut read)?;
/// reader.finish()?;
/// assert_eq!(read, [2, -100]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Laplace {
    limit: i32,
}

impl Laplace {
    /// The largest [`LaplaceAt::scale`].
    pub const LARGEST_SCALE: u16 = SCALES as u16 - 1;

    /// Symbols of at most this magnitude; one above 32767 counts as 32767, one below 1 as 1.
    pub const fn new(limit: i32) -> Self {
        let limit = if limit < 1 {
            1
        } else if limit > i16::MAX as i32 {
            i16::MAX as i32
        } else {
            limit
        };
        Self { limit }
    }

    /// The quantiles of a symbol that is a literal: the first, and the one after the last. For estimates of many symbols.
    ///
    /// The scale must not be above [`Laplace::LARGEST_SCALE`]; one that is counts as it.
    #[inline]
    pub fn quantiles(at: LaplaceAt, symbol: i32) -> Option<(u32, u32)> {
        let view = View::new(LaplaceAt {
            scale: at.scale.min(Self::LARGEST_SCALE),
            ..at
        });
        let bin = view.bin(symbol);
        (bin < view.literals).then(|| (view.left(bin), view.left(bin + 1)))
    }
}

/// What the tables hold of a scale.
#[derive(Clone, Copy)]
struct Scale {
    rate: u32,
    radius: u32,
}

const fn make_scales() -> [Scale; SCALES] {
    let mut scales = [Scale { rate: 0, radius: 0 }; SCALES];
    let mut i = 0;
    while i < SCALES {
        let rate = RATES[i];
        let radius = (HALVINGS << (RATE_BITS - MEAN_BITS)).div_ceil(rate);
        scales[i] = Scale {
            rate,
            radius: if radius > RADIUS_MAX {
                RADIUS_MAX
            } else {
                radius
            },
        };
        i += 1;
    }
    scales
}

static SCALE: [Scale; SCALES] = make_scales();

/// The literals of a place and where their slots lie.
#[derive(Clone, Copy)]
struct View {
    mean: i32,
    rate: u32,
    first: i32,
    /// 3 to 511.
    literals: u32,
}

impl View {
    /// The scale must be one that there is.
    #[inline(always)]
    fn new(at: LaplaceAt) -> Self {
        let Scale { rate, radius } = SCALE[usize::from(at.scale)];
        let mean = i32::from(at.mean);
        Self {
            mean,
            rate,
            first: ((mean + HALF) >> MEAN_BITS) - radius as i32,
            literals: 2 * radius + 1,
        }
    }

    #[inline(always)]
    fn checked(at: LaplaceAt) -> Result<Self, CodeError> {
        if at.scale > Laplace::LARGEST_SCALE {
            return Err(CodeError::UnknownRow {
                row: at.scale,
                rows: SCALES,
            });
        }
        Ok(Self::new(at))
    }

    fn last(&self) -> i32 {
        self.first + self.literals as i32 - 1
    }

    /// The left end of a bin; the last one, `literals`, is the escape. Grows by at least 1 from bin to bin.
    #[inline(always)]
    fn left(&self, bin: u32) -> u32 {
        if bin == 0 {
            return 0;
        }
        let edge = ((self.first + bin as i32) << MEAN_BITS) - HALF - self.mean;
        bin + (((65_535 - self.literals) * below(edge, self.rate)) >> 16)
    }

    /// The slot of a bin; none for a bin that there is not.
    #[inline(always)]
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
    #[inline(always)]
    fn bin(&self, symbol: i32) -> u32 {
        (symbol.wrapping_sub(self.first) as u32).min(self.literals)
    }

    /// The left ends of the middle bin and of the one after it.
    #[inline(always)]
    fn middle(&self) -> (u32, u32) {
        let middle = self.literals / 2;
        (self.left(middle), self.left(middle + 1))
    }

    /// The bin that holds a quantile, and its slot, given [`View::middle`].
    #[inline(always)]
    fn find(&self, quantile: u16, middle: (u32, u32)) -> (u32, Option<Slot>) {
        let q = u32::from(quantile);
        let (left, right) = middle;
        let (bin, (left, right)) = if q < left {
            self.find_below(q, left)
        } else if q < right {
            (self.literals / 2, middle)
        } else {
            self.find_above(q, right)
        };
        (bin, Slot::new(left as u16, (right - left) as u16))
    }

    /// The bin left of the middle that holds a quantile, and its ends.
    #[inline]
    fn find_below(&self, quantile: u32, mut right: u32) -> (u32, (u32, u32)) {
        let mut end = self.literals / 2;
        // Most are near.
        for _ in 0..NEAR.min(end) {
            let left = self.left(end - 1);
            if left <= quantile {
                return (end - 1, (left, right));
            }
            (end, right) = (end - 1, left);
        }
        let (mut bin, mut left) = (0, 0);
        while end - bin > 1 {
            let between = bin + (end - bin) / 2;
            let value = self.left(between);
            if value <= quantile {
                (bin, left) = (between, value);
            } else {
                (end, right) = (between, value);
            }
        }
        (bin, (left, right))
    }

    /// The bin right of the middle that holds a quantile, and its ends.
    #[inline]
    fn find_above(&self, quantile: u32, mut left: u32) -> (u32, (u32, u32)) {
        let mut bin = self.literals / 2 + 1;
        for _ in 0..NEAR.min(self.literals - bin) {
            let right = self.left(bin + 1);
            if quantile < right {
                return (bin, (left, right));
            }
            (bin, left) = (bin + 1, right);
        }
        let (mut end, mut right) = (self.literals + 1, 1 << 16);
        while end - bin > 1 {
            let between = bin + (end - bin) / 2;
            let value = self.left(between);
            if value <= quantile {
                (bin, left) = (between, value);
            } else {
                (end, right) = (between, value);
            }
        }
        (bin, (left, right))
    }
}

/// The mass below an edge, in 64ths of a symbol from the mean, out of 65536.
#[inline(always)]
fn below(edge: i32, rate: u32) -> u32 {
    // The window keeps this below 2^32: see the test.
    let halvings = edge.unsigned_abs().wrapping_mul(rate);
    let part = halvings & ((1 << RATE_BITS) - 1);
    let knot = (part >> 16) as usize;
    let (left, right) = (KNOTS[knot], KNOTS[knot + 1]);
    let tail = left - (((left - right) * (part & 0xFFFF)) >> 16);
    // From 2^20 to 2^15: half of the mass is on either side.
    let tail = tail.checked_shr(5 + (halvings >> RATE_BITS)).unwrap_or(0);
    if edge < 0 { tail } else { (1 << 16) - tail }
}

impl SymbolModel for Laplace {
    type At = LaplaceAt;

    /// # Errors
    /// [`CodeError::UnknownRow`] for a scale that there is not, [`CodeError::SymbolBeyondLimit`].
    #[inline]
    fn write(&mut self, at: &mut LaplaceAt, symbol: i32, out: &mut Slots) -> Result<(), CodeError> {
        let limit = self.limit;
        if !(-limit..=limit).contains(&symbol) {
            return Err(CodeError::SymbolBeyondLimit { symbol, limit });
        }
        let view = View::checked(*at)?;
        let bin = view.bin(symbol);
        out.push(view.slot(bin).ok_or(CodeError::Impossible { symbol })?);
        if bin == view.literals {
            out.extend(Escape::of(symbol, view.first, view.last()).slots());
        }
        Ok(())
    }

    /// # Errors
    /// [`CodeError::UnknownRow`] for a scale that there is not, [`CodeError::EscapeBeyondLimit`] for any symbol that
    /// is.
    #[inline]
    fn read(&mut self, at: &mut LaplaceAt, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
        let view = View::checked(*at)?;
        let middle = view.middle();
        let bin = from.find(|quantile| {
            let (bin, slot) = view.find(quantile, middle);
            Some((bin, slot?))
        })?;
        self.symbol(&view, bin, from)
    }

    /// # Errors
    /// [`CodeError::UnknownRow`] for a scale that there is not.
    fn follow(&mut self, at: &mut LaplaceAt, _symbol: i32) -> Result<(), CodeError> {
        View::checked(*at).map(drop)
    }

    /// The mean in the low 16 bits, the scale above.
    fn place(at: LaplaceAt) -> u64 {
        u64::from(at.mean as u16) | u64::from(at.scale) << 16
    }

    fn bits(&self, at: LaplaceAt, symbol: i32) -> f64 {
        let limit = self.limit;
        let Ok(view) = View::checked(at) else {
            return f64::INFINITY;
        };
        if !(-limit..=limit).contains(&symbol) {
            return f64::INFINITY;
        }
        let bin = view.bin(symbol);
        let bits = view.slot(bin).map_or(f64::INFINITY, Slot::bits);
        if bin == view.literals {
            bits + f64::from(Escape::of(symbol, view.first, view.last()).bits())
        } else {
            bits
        }
    }

    /// What does not depend on the coder's state, the slot of the middle bin, is computed ahead for many symbols.
    fn read_all(
        &mut self,
        at: &mut [LaplaceAt],
        symbols: &mut [i16],
        from: &mut RawReader<'_>,
    ) -> Result<(), CodeError> {
        check_lengths(at, symbols)?;
        let mut middles = [(0u32, 0u32); BLOCK];
        for (at, symbols) in at.chunks(BLOCK).zip(symbols.chunks_mut(BLOCK)) {
            for (middle, &at) in middles.iter_mut().zip(at) {
                *middle = View::checked(at)?.middle();
            }
            for ((&at, symbol), &middle) in at.iter().zip(symbols).zip(&middles) {
                let bin = from.find(|quantile| {
                    let (left, right) = middle;
                    let q = u32::from(quantile);
                    if left <= q && q < right {
                        let slot = Slot::new(left as u16, (right - left) as u16)?;
                        return Some((None, slot));
                    }
                    let (bin, slot) = View::new(at).find(quantile, middle);
                    Some((Some(bin), slot?))
                })?;
                let read = match bin {
                    None => self.within((i32::from(at.mean) + HALF) >> MEAN_BITS)?,
                    Some(bin) => self.symbol(&View::new(at), bin, from)?,
                };
                *symbol = read as i16;
            }
        }
        Ok(())
    }
}

impl Laplace {
    /// The symbol of a bin that was read.
    #[inline(always)]
    fn symbol(self, view: &View, bin: u32, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
        self.within(if bin < view.literals {
            view.first + bin as i32
        } else {
            escape::read(from, view.first, view.last())
        })
    }

    #[inline(always)]
    fn within(self, symbol: i32) -> Result<i32, CodeError> {
        let limit = self.limit;
        if (-limit..=limit).contains(&symbol) {
            Ok(symbol)
        } else {
            Err(CodeError::EscapeBeyondLimit { symbol, limit })
        }
    }
}

#[cfg(test)]
mod tests;
