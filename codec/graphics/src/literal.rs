//! Colours that are none of the candidates, bit by bit.

use kiln_entropy::{CodeError, Coder};

use crate::hits::Around;
use crate::mix::{Counter, Weights, mixed};

const INPUTS: usize = 6;

pub(crate) struct Literals {
    counters: Vec<Counter>,
    weights: Vec<Weights<INPUTS>>,
    bits: u32,
    slots: u32,
}

impl Literals {
    pub(crate) fn new(bits: u32) -> Self {
        let slots = 16;
        Self {
            counters: vec![Counter::EVEN; 16 << slots],
            weights: vec![Weights::new(4500); 3 * 16],
            bits,
            slots,
        }
    }

    #[inline(always)]
    pub(crate) fn code<K: Coder, const C: usize>(
        &mut self,
        coder: &mut K,
        around: &Around,
        median: i32,
        sample: [u16; C],
    ) -> Result<[u16; C], CodeError> {
        let mask = (1u32 << self.bits) - 1;
        let order: [usize; 3] = if C == 3 { [1, 0, 2] } else { [0; 3] };
        let mut result = [0u16; C];
        let mut before = 0u64;
        let [w, n, nw, ne, ..] = around.near;
        for c in 0..C {
            let base = if c == 0 {
                0
            } else {
                u32::from(result[order[0]])
            };
            let symbol = u32::from(sample[order[c]]).wrapping_sub(base) & mask;
            let key = before * 4 + c as u64;
            let h = |a: u64, b: u64, salt: u64| {
                let sum = key
                    .wrapping_add(salt << 56)
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    .wrapping_add(a.wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(25))
                    .wrapping_add(b.wrapping_mul(0x94D0_49BB_1331_11EB).rotate_left(41));
                let sum = (sum ^ sum >> 31).wrapping_mul(0xD6E8_FEB8_6659_FD93);
                sum ^ sum >> 28
            };
            let contexts = [
                h(0, 0, 1),
                h(w, 0, 2),
                h(0, n, 3),
                h(w, n, 4),
                if c == 0 {
                    h(median as u64, 0, 5)
                } else {
                    c as u64
                },
                h(w ^ nw << 9, n ^ ne << 7, 6),
            ];
            let mut found = 0u32;
            let mut node = 1usize;
            let mut slots = [0usize; INPUTS];
            for bit in (0..self.bits).rev() {
                let depth = self.bits - 1 - bit;
                if depth % 4 == 0 {
                    node = 1;
                    for (slot, context) in slots.iter_mut().zip(contexts) {
                        let sum = (context ^ u64::from(found) << 8 ^ u64::from(depth))
                            .wrapping_mul(0xFF51_AFD7_ED55_8CCD);
                        *slot = ((sum >> (64 - self.slots)) as usize) << 4;
                        let check = Counter::check(sum as u32);
                        if self.counters[*slot] != check {
                            self.counters[*slot..*slot + 16].fill(Counter::EVEN);
                            self.counters[*slot] = check;
                        }
                    }
                }
                let at = slots.map(|slot| slot + node);
                let one = mixed(
                    coder,
                    &mut self.counters,
                    at,
                    &mut self.weights[c << 4 | depth as usize & 15],
                    30,
                    symbol >> bit & 1 == 1,
                )?;
                found = found << 1 | u32::from(one);
                node = node << 1 | usize::from(one);
            }
            result[order[c]] = (found.wrapping_add(base) & mask) as u16;
            before = before << 17 | u64::from(found) + 1;
        }
        Ok(result)
    }
}
