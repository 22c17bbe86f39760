//! Pixels that are equal to another one: a neighbour, or what followed the same neighbours before.

use kiln_entropy::{CodeError, Coder};

use crate::mix::{Counter, Weights, mixed};
use crate::rows::PAD;

const INPUTS: usize = 6;
const BITS: u32 = 16;
const HASHED: u32 = 16;

/// The neighbours of a pixel, whole colours.
pub(crate) struct Around {
    pub(crate) near: [u64; 10],
}

impl Around {
    #[inline(always)]
    pub(crate) fn of(x: usize, cur: &[u64], up: &[u64], top: &[u64]) -> Self {
        let i = x + PAD;
        Self {
            near: [
                cur[i - 1],
                up[i],
                up[i - 1],
                up[i + 1],
                cur[i - 2],
                top[i],
                up[i + 2],
                up[i - 2],
                top[i + 1],
                top[i - 1],
            ],
        }
    }

    /// Which neighbours are equal to each other.
    #[inline(always)]
    pub(crate) fn equal(&self) -> usize {
        let [w, n, nw, ne, ww, nn, nee, ..] = self.near;
        let pairs = [
            (w, n),
            (w, nw),
            (n, nw),
            (n, ne),
            (w, ww),
            (n, nn),
            (ne, nee),
        ];
        let bits = pairs
            .iter()
            .enumerate()
            .map(|(bit, (a, b))| usize::from(a == b) << bit);
        bits.sum()
    }

    /// Which neighbours have this colour.
    #[inline(always)]
    pub(crate) fn mask(&self, colour: u64) -> usize {
        let bits = self
            .near
            .iter()
            .enumerate()
            .map(|(bit, &near)| usize::from(near == colour) << bit);
        bits.sum()
    }

    fn hash(&self, count: usize, salt: u64) -> u64 {
        let mut sum = salt;
        for (i, &colour) in self.near[..count].iter().enumerate() {
            sum = sum.wrapping_add(
                colour
                    .wrapping_add(1)
                    .wrapping_mul(KEYS[i])
                    .rotate_left(17 + i as u32),
            );
        }
        sum = sum.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (sum ^ sum >> 29).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }
}

const KEYS: [u64; 10] = [
    0x9E37_79B9_7F4A_7C15,
    0xBF58_476D_1CE4_E5B9,
    0x94D0_49BB_1331_11EB,
    0xD6E8_FEB8_6659_FD93,
    0xFF51_AFD7_ED55_8CCD,
    0xC4CE_B9FE_1A85_EC53,
    0x8796_5BAB_C0F3_5B2D,
    0xA3B1_9535_4A39_B70D,
    0xE703_7ED1_A0B4_28DB,
    0x8EBC_6AF0_9C88_C6E3,
];

/// An entry: the colour in 48 bits, a check of 8, a confidence of 8.
fn entry(colour: u64, check: u64, trust: u64) -> u64 {
    colour | check << 48 | trust << 56
}

pub(crate) struct Hits {
    tables: [Vec<u64>; 2],
    counters: Vec<Counter>,
    weights: Vec<Weights<INPUTS>>,
    history: usize,
}

/// What the tables say.
pub(crate) struct Memory {
    slot: usize,
    check: u64,
    pub(crate) colour: Option<u64>,
    pub(crate) trust: usize,
}

const BASES: [usize; INPUTS] = {
    let sizes = [
        6 << 12,
        6 << 10,
        1 << HASHED,
        1 << HASHED,
        6 << 10,
        1 << HASHED,
    ];
    let mut base = [0; INPUTS];
    let mut i = 1;
    while i < INPUTS {
        base[i] = base[i - 1] + sizes[i - 1];
        i += 1;
    }
    base
};

impl Hits {
    pub(crate) fn new() -> Self {
        Self {
            tables: [vec![0; 1 << BITS], vec![0; 1 << BITS]],
            counters: vec![Counter::EVEN; BASES[INPUTS - 1] + (1 << HASHED)],
            weights: vec![Weights::new(5000); 6 * 64],
            history: 0,
        }
    }

    fn recall(&self, table: usize, hash: u64) -> Memory {
        let (slot, check) = ((hash >> (64 - BITS)) as usize, hash >> 32 & 255);
        let found = self.tables[table][slot];
        let known = found >> 48 & 255 == check && found >> 56 > 0;
        Memory {
            slot,
            check,
            colour: known.then_some(found & 0xFFFF_FFFF_FFFF),
            trust: if known { (found >> 56) as usize } else { 0 },
        }
    }

    fn remember(&mut self, table: usize, memory: &Memory, colour: u64) {
        let trust = match memory.colour {
            Some(known) if known == colour => (memory.trust + 1).min(15),
            Some(known) if memory.trust > 3 => {
                self.tables[table][memory.slot] =
                    entry(known, memory.check, memory.trust as u64 / 4);
                return;
            }
            _ => 1,
        };
        self.tables[table][memory.slot] = entry(colour, memory.check, trust as u64);
    }

    /// What followed the same neighbours before.
    #[inline(always)]
    pub(crate) fn look(&self, around: &Around) -> [Memory; 2] {
        [
            self.recall(0, around.hash(8, 1)),
            self.recall(1, around.hash(3, 2)),
        ]
    }

    /// Whether the colour is one of the candidates: its colour if so. `None` if it is another.
    #[inline(always)]
    pub(crate) fn code<K: Coder>(
        &mut self,
        coder: &mut K,
        around: &Around,
        memory: &[Memory; 2],
        actual: u64,
    ) -> Result<Option<u64>, CodeError> {
        let near = &around.near;
        let candidates = [
            memory[0].colour,
            memory[1].colour,
            Some(near[0]),
            Some(near[1]),
            Some(near[3]),
            Some(near[2]),
        ];
        let trust = |t: usize| [0, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4][t];
        let trusts = trust(memory[0].trust) * 5 + trust(memory[1].trust);
        let equal = around.equal();
        let hashes = [around.hash(4, 3), around.hash(10, 4), around.hash(2, 5)];
        let mut result = None;
        let mut tried = [None; 6];
        let mut rank = 0;
        for (source, candidate) in candidates.into_iter().enumerate() {
            let Some(colour) = candidate else { continue };
            if tried[..rank].contains(&candidate) {
                continue;
            }
            tried[rank] = candidate;
            rank += 1;
            let mask = around.mask(colour);
            let agree = usize::from(memory[0].colour == candidate)
                | usize::from(memory[1].colour == candidate) << 1;
            let hashed = |hash: u64| {
                ((hash ^ colour.wrapping_mul(KEYS[0]) ^ source as u64).wrapping_mul(KEYS[1])
                    >> (64 - HASHED)) as usize
            };
            let at = [
                BASES[0] + (source << 12 | agree << 10 | mask),
                BASES[1] + (source << 10 | trusts << 5 | (self.history & 7) << 2 | agree),
                BASES[2] + hashed(hashes[0]),
                BASES[3] + hashed(hashes[1]),
                BASES[4] + (source << 10 | equal << 3 | rank),
                BASES[5] + hashed(hashes[2]),
            ];
            let set = source << 6 | trusts;
            if mixed(
                coder,
                &mut self.counters,
                at,
                &mut self.weights[set],
                127,
                colour == actual,
            )? {
                result = candidate;
                break;
            }
        }
        self.history = self.history << 1 | usize::from(result.is_none() || rank > 1);
        Ok(result)
    }

    /// Learns the colour that followed.
    pub(crate) fn learn(&mut self, memory: &[Memory; 2], colour: u64) {
        self.remember(0, &memory[0], colour);
        self.remember(1, &memory[1], colour);
    }
}
