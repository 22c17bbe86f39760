//! Residuals as decisions, each by a mixture of contexts.

use kiln_entropy::{CodeError, Coder};

use crate::mix::{Counter, Weights, mixed};

/// Contexts that are mixed.
pub(crate) const CONTEXTS: usize = 4;
/// Decisions that a context holds.
const NODES: usize = 32;
/// The largest class of magnitudes.
const CLASSES: u32 = 19;

/// Where the first decision of a value has its counters.
pub(crate) type Places = [usize; CONTEXTS];

/// Adaptive model of residuals.
pub(crate) struct Residuals {
    counters: Vec<Counter>,
    mask: [usize; CONTEXTS],
    base: [usize; CONTEXTS],
    weights: Vec<Weights<CONTEXTS>>,
    low: Vec<Counter>,
}

impl Residuals {
    /// Room for so many contexts, powers of two, in each of the four sets, and so many sets of weights.
    pub(crate) fn new(sizes: [usize; CONTEXTS], sets: usize) -> Self {
        let (mut base, mut total) = ([0; CONTEXTS], 0);
        for (base, size) in base.iter_mut().zip(sizes) {
            *base = total;
            total += size * NODES;
        }
        Self {
            counters: vec![Counter::EVEN; total],
            mask: sizes.map(|size| size - 1),
            base,
            weights: vec![Weights::new(6000); sets * NODES],
            low: vec![Counter::EVEN; 32 * 32],
        }
    }

    #[inline(always)]
    fn node<K: Coder>(
        &mut self,
        coder: &mut K,
        at: &Places,
        set: usize,
        node: usize,
        bit: bool,
    ) -> Result<bool, CodeError> {
        let mut places = [0; CONTEXTS];
        for i in 0..CONTEXTS {
            places[i] = self.base[i] + (at[i] & self.mask[i]) * NODES + node;
        }
        mixed(
            coder,
            &mut self.counters,
            places,
            &mut self.weights[set * NODES + node],
            255,
            bit,
        )
    }

    /// Codes a residual: whether it is 0, its sign, and the class and the bits of its magnitude.
    #[inline(always)]
    pub(crate) fn code<K: Coder>(
        &mut self,
        coder: &mut K,
        at: &Places,
        set: usize,
        value: i32,
    ) -> Result<i32, CodeError> {
        if !self.node(coder, at, set, 0, value != 0)? {
            return Ok(0);
        }
        let negative = self.node(coder, at, set, 1, value < 0)?;
        let side = if negative { 9 } else { 0 };
        let magnitude = value.unsigned_abs().max(1);
        let mut class = 0;
        while class < CLASSES
            && self.node(
                coder,
                at,
                set,
                side + 2 + class.min(8) as usize,
                magnitude >> class > 1,
            )?
        {
            class += 1;
        }
        let mut found = 1u32;
        for bit in (0..class).rev() {
            let one = magnitude >> bit & 1 == 1;
            let one = if bit + 1 == class {
                self.node(coder, at, set, 19 + class.min(12) as usize, one)?
            } else {
                let second = bit + 2 == class;
                let place = (class << 5 | if second { found & 1 } else { 2 + bit }) as usize;
                self.low[place].code(coder, one, 255)?
            };
            found = found << 1 | u32::from(one);
        }
        Ok(if negative {
            -(found as i32)
        } else {
            found as i32
        })
    }
}
