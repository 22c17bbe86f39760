//! Residuals as decisions, each by a mixture of contexts.

use kiln_entropy::{CodeError, Coder};

use crate::mix::{Counter, Weights, mixed};

/// Contexts that are mixed.
pub(crate) const CONTEXTS: usize = 4;
/// Decisions that a context holds: zero, sign, and for each sign nine of a class.
const NODES: usize = 20;
/// Decisions of a class that are told apart.
const CLASS_NODES: u32 = 9;
/// The largest class of magnitudes: residuals have less than 20 bits.
const CLASSES: u32 = 19;

/// Adaptive model of residuals.
pub(crate) struct Residuals {
    counters: Vec<Counter>,
    /// Where the counters of each set of contexts begin.
    bases: [usize; CONTEXTS],
    weights: Vec<[Weights<CONTEXTS>; NODES]>,
    /// Counters of the bits below a class, for each channel.
    low: Vec<[[Counter; 32]; CLASSES as usize + 1]>,
}

impl Residuals {
    /// Room for so many contexts in each of the four sets, so many sets of weights and so many channels.
    pub(crate) fn new(sizes: [usize; CONTEXTS], sets: usize, channels: usize) -> Self {
        let (mut bases, mut total) = ([0; CONTEXTS], 0);
        for (base, size) in bases.iter_mut().zip(sizes) {
            *base = total;
            total += size * NODES;
        }
        Self {
            counters: vec![Counter::EVEN; total],
            bases,
            weights: vec![[Weights::new(6000); NODES]; sets],
            low: vec![[[Counter::EVEN; 32]; CLASSES as usize + 1]; channels],
        }
    }

    /// Codes a residual of a channel: whether it is 0, its sign, and the class and the bits of its magnitude.
    #[inline(always)]
    pub(crate) fn code<K: Coder>(
        &mut self,
        coder: &mut K,
        channel: usize,
        contexts: [usize; CONTEXTS],
        set: usize,
        value: i32,
    ) -> Result<i32, CodeError> {
        let places: [usize; CONTEXTS] =
            std::array::from_fn(|i| self.bases[i] + contexts[i] * NODES);
        let weights = &mut self.weights[set];
        let counters = &mut self.counters;
        let mut node = |node: usize, bit: bool| {
            let at = places.map(|place| place + node);
            mixed(coder, counters, at, &mut weights[node], 255, bit)
        };
        if !node(0, value != 0)? {
            return Ok(0);
        }
        let is_negative = node(1, value < 0)?;
        let first = 2 + if is_negative { CLASS_NODES } else { 0 };
        let magnitude = value.unsigned_abs().max(1);
        let mut class = 0;
        while class < CLASSES {
            let at = first + class.min(CLASS_NODES - 1);
            if !node(at as usize, magnitude >> class > 1)? {
                break;
            }
            class += 1;
        }
        let low = &mut self.low[channel][class as usize];
        let mut found = 1u32;
        for bit in (0..class).rev() {
            // The highest bit depends on the sign, the second on the highest, and all others on nothing.
            let place = match class - bit {
                1 => u32::from(is_negative),
                2 => 2 | found & 1,
                _ => 4 + bit,
            };
            let one = low[place as usize].code(coder, magnitude >> bit & 1 == 1, 255)?;
            found = found << 1 | u32::from(one);
        }
        Ok(if is_negative {
            -(found as i32)
        } else {
            found as i32
        })
    }
}
