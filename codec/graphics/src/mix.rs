//! Adaptive probabilities and their mixture.

use kiln_entropy::{CodeError, Coder};

use crate::binary::decide;
use crate::logistic::{squash, stretch};

/// The most that a counter counts; beyond, it forgets exponentially.
const COUNTS: usize = 256;

/// `4096 / (2 * n + 3)`: the share of a step towards the outcome after `n` outcomes, out of 2048.
const fn make_rates() -> [u16; COUNTS] {
    let mut rates = [0; COUNTS];
    let mut n = 0;
    while n < COUNTS {
        rates[n] = (4096 / (2 * n + 3)) as u16;
        n += 1;
    }
    rates
}

static RATES: [u16; COUNTS] = make_rates();

/// An adaptive probability of 1: its upper 22 bits are the probability, its lower 10 count outcomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter(u32);

impl Counter {
    pub(crate) const EVEN: Self = Self(1 << 31);

    /// Not a probability, but a number in the place of one.
    pub(crate) const fn check(number: u16) -> Self {
        Self(number as u32)
    }

    /// The probability out of 65536.
    #[inline(always)]
    pub(crate) fn ones(self) -> u32 {
        self.0 >> 16
    }

    #[inline(always)]
    pub(crate) fn update(&mut self, bit: bool, limit: u32) {
        let (p, n) = ((self.0 >> 10) as i32, self.0 & 1023);
        let target = if bit { (1 << 22) - 1 } else { 0 };
        let step = (((target - p) >> 3) * i32::from(RATES[n as usize & (COUNTS - 1)])) >> 8;
        self.0 = ((p + step) as u32) << 10 | (n + u32::from(n < limit));
    }

    /// A decision by this counter alone.
    #[inline(always)]
    pub(crate) fn code<K: Coder>(
        &mut self,
        coder: &mut K,
        bit: bool,
        limit: u32,
    ) -> Result<bool, CodeError> {
        let bit = decide(coder, self.ones().clamp(LEAST, 65536 - LEAST) as u16, bit)?;
        self.update(bit, limit);
        Ok(bit)
    }
}

/// The smallest probability of a decision by a single counter, out of 65536.
const LEAST: u32 = 8;

/// Weights of a mixture of `N` probabilities, in 16384ths.
#[derive(Clone, Copy)]
pub(crate) struct Weights<const N: usize>([i32; N]);

impl<const N: usize> Weights<N> {
    pub(crate) fn new(each: i32) -> Self {
        Self([each; N])
    }
}

/// A decision by the mixture of `N` counters.
#[inline(always)]
pub(crate) fn mixed<K: Coder, const N: usize>(
    coder: &mut K,
    counters: &mut [Counter],
    at: [usize; N],
    weights: &mut Weights<N>,
    limit: u32,
    bit: bool,
) -> Result<bool, CodeError> {
    let mut inputs = [0i32; N];
    let mut dot = 0i32;
    for i in 0..N {
        inputs[i] = stretch(counters[at[i]].ones());
        dot += inputs[i] * weights.0[i];
    }
    let p = squash(dot >> 14);
    let bit = decide(coder, p, bit)?;
    let error = (i32::from(bit) << 16) - i32::from(p);
    for i in 0..N {
        let w = weights.0[i] + ((inputs[i] * error + (1 << 17)) >> 18);
        weights.0[i] = w.clamp(-(1 << 17), 1 << 17);
        counters[at[i]].update(bit, limit);
    }
    Ok(bit)
}
