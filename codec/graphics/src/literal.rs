//! Colours that are none of the candidates, bit by bit.

use kiln_entropy::{CodeError, Coder};

use crate::around::{Around, hash, scramble};
use crate::mix::{Counter, Weights, mixed};

/// Contexts that are mixed.
const INPUTS: usize = 6;
/// Bits of an index into the groups of counters.
const INDEX: u32 = 16;
/// Bits of a symbol that share a group of counters.
const GROUP: u32 = 4;

/// The order in which samples are coded: green first.
const ORDER: [usize; 3] = [1, 0, 2];

/// Adaptive model of colours.
pub(crate) struct Literals {
    /// Groups of a check and the 15 counters of a tree of four decisions.
    counters: Vec<[Counter; 1 << GROUP]>,
    weights: Vec<Weights<INPUTS>>,
    /// Bits of a sample.
    bits: u32,
}

impl Literals {
    /// A model of samples up to `largest`.
    pub(crate) fn new(largest: u16) -> Self {
        Self {
            counters: vec![[Counter::EVEN; 1 << GROUP]; 1 << INDEX],
            weights: vec![Weights::new(4500); 3 << 4],
            bits: 16 - largest.max(1).leading_zeros(),
        }
    }

    /// Codes the samples of a pixel. `median` is a prediction of the first value.
    #[inline(always)]
    pub(crate) fn code<K: Coder, const C: usize>(
        &mut self,
        coder: &mut K,
        around: &Around,
        median: i32,
        samples: [u16; C],
    ) -> Result<[u16; C], CodeError> {
        let [w, n, nw, ne, ..] = around.0;
        let mask = u16::MAX >> (16 - self.bits);
        let (mut result, mut first, mut before) = ([0; C], 0, 0);
        let order: &[usize] = if C == 3 { &ORDER } else { &[0] };
        for (step, &c) in order.iter().enumerate() {
            let key = before << 2 | step as u64;
            let prior = if step == 0 {
                i64::from(median) as u64
            } else {
                0
            };
            let contexts = [
                hash(6, &[key]),
                hash(7, &[key, w]),
                hash(8, &[key, n]),
                hash(9, &[key, w, n]),
                hash(10, &[step as u64, prior]),
                hash(11, &[key, w, n, nw, ne]),
            ];
            let symbol = samples[c].wrapping_sub(first) & mask;
            let symbol = self.symbol(coder, step, contexts, symbol)?;
            result[c] = symbol.wrapping_add(first) & mask;
            if step == 0 {
                first = symbol;
            }
            before = (before << 17) + u64::from(symbol) + 1;
        }
        Ok(result)
    }

    /// Codes a symbol from its highest bit to its lowest.
    #[inline(always)]
    fn symbol<K: Coder>(
        &mut self,
        coder: &mut K,
        step: usize,
        contexts: [u64; INPUTS],
        symbol: u16,
    ) -> Result<u16, CodeError> {
        let (mut found, mut node, mut groups) = (0u16, 1, [0; INPUTS]);
        for depth in 0..self.bits {
            if depth % GROUP == 0 {
                node = 1;
                for (group, context) in groups.iter_mut().zip(contexts) {
                    let place = scramble(context ^ u64::from(found) << 8 ^ u64::from(depth));
                    *group = (place >> (64 - INDEX)) as usize;
                    let check = Counter::check(place as u16);
                    let counters = &mut self.counters[*group];
                    if counters[0] != check {
                        *counters = [Counter::EVEN; 1 << GROUP];
                        counters[0] = check;
                    }
                }
            }
            let at = groups.map(|group| group << GROUP | node);
            let weights = &mut self.weights[step << 4 | depth as usize];
            let bit = symbol >> (self.bits - 1 - depth) & 1 == 1;
            let bit = mixed(
                coder,
                self.counters.as_flattened_mut(),
                at,
                weights,
                30,
                bit,
            )?;
            found = found << 1 | u16::from(bit);
            node = node << 1 | usize::from(bit);
        }
        Ok(found)
    }
}
