//! Binary decisions, on which all of this layer's coding rests.

use kiln_entropy::{CodeError, Coder, RawReader, Slot, Slots, SymbolModel};

/// A decision between 0 and 1. The place is the probability of 1, out of 65536, and not 0.
pub(crate) struct Binary;

#[inline(always)]
fn slot(ones: u16, symbol: i32) -> Option<Slot> {
    match symbol {
        0 => Slot::new(ones, 0u16.wrapping_sub(ones)),
        1 => Slot::new(0, ones),
        _ => None,
    }
}

impl SymbolModel for Binary {
    type At = u16;

    #[inline(always)]
    fn write(&mut self, at: &mut u16, symbol: i32, out: &mut Slots) -> Result<(), CodeError> {
        out.push(slot(*at, symbol).ok_or(CodeError::Impossible { symbol })?);
        Ok(())
    }

    #[inline(always)]
    fn read(&mut self, at: &mut u16, from: &mut RawReader<'_>) -> Result<i32, CodeError> {
        from.find(|quantile| {
            let symbol = i32::from(quantile < *at);
            Some((symbol, slot(*at, symbol)?))
        })
    }

    #[inline(always)]
    fn follow(&mut self, _: &mut u16, _: i32) -> Result<(), CodeError> {
        Ok(())
    }

    fn place(at: u16) -> u64 {
        at.into()
    }

    /// Within 1 % of a bit: a parabola stands for the logarithm between powers of two.
    #[inline(always)]
    fn bits(&self, at: u16, symbol: i32) -> f64 {
        let freq = if symbol == 1 {
            u32::from(at)
        } else {
            65536 - u32::from(at)
        };
        f64::from(bits(freq))
    }
}

/// `16 - log2(freq)`, within 0.01, for `freq` in 1 ..= 65536.
#[inline(always)]
fn bits(freq: u32) -> f32 {
    let whole = freq.leading_zeros();
    let part = (freq << whole << 1) as f32 * (1.0 / 4_294_967_296.0);
    whole as f32 - 15.0 - part * (1.0 + 0.346 * (1.0 - part))
}

/// One decision: `bit` goes in where it is known, and comes back.
#[inline(always)]
pub(crate) fn decide<K: Coder>(coder: &mut K, ones: u16, bit: bool) -> Result<bool, CodeError> {
    let mut symbol = i32::from(bit);
    coder.code_one(&mut Binary, ones, &mut symbol)?;
    Ok(symbol != 0)
}
