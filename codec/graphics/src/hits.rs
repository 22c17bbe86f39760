//! Pixels whose colour followed the same neighbours before, or is that of a neighbour.

use kiln_entropy::{CodeError, Coder};

use crate::around::{Around, scramble};
use crate::mix::{Counter, Weights, mixed};

/// Contexts that are mixed.
const INPUTS: usize = 6;
/// Candidates: from both tables, W, N, NE and NW.
const SOURCES: usize = 6;
/// Bits of an index into a table of colours, and of one into the counters of hashed contexts.
const INDEX: u32 = 16;
/// How many counters each context has.
const SIZES: [usize; INPUTS] = [
    SOURCES << 12,
    SOURCES << 10,
    1 << INDEX,
    1 << INDEX,
    SOURCES << 10,
    1 << INDEX,
];
/// Where they begin.
const BASES: [usize; INPUTS] = {
    let mut bases = [0; INPUTS];
    let mut i = 1;
    while i < INPUTS {
        bases[i] = bases[i - 1] + SIZES[i - 1];
        i += 1;
    }
    bases
};
/// Outcomes in a row after which a colour is as sure as can be.
const SURE: u64 = 15;

/// What followed some neighbours when they were last seen. In one number: the colour in 48 bits, a check of the
/// hash in 8, and how often it followed in a row in 8.
#[derive(Clone, Copy, Default)]
struct Entry(u64);

impl Entry {
    fn new(colour: u64, check: u64, trust: u64) -> Self {
        Self(colour | check << 48 | trust << 56)
    }
}

/// What a table says about a pixel.
#[derive(Clone, Copy)]
struct Memory {
    index: usize,
    check: u64,
    colour: Option<u64>,
    trust: u64,
}

impl Memory {
    /// Five classes of trust.
    fn class(self) -> usize {
        match self.trust {
            0 | 1 => self.trust as usize,
            2 | 3 => 2,
            SURE => 4,
            _ => 3,
        }
    }
}

/// What both tables say.
pub(crate) struct Memories([Memory; 2]);

impl Memories {
    /// Whether anything is known.
    #[inline(always)]
    pub(crate) fn any(&self) -> bool {
        self.0.iter().any(|memory| memory.colour.is_some())
    }
}

/// Adaptive model of colours that come again.
pub(crate) struct Hits {
    tables: [Vec<Entry>; 2],
    counters: Vec<Counter>,
    weights: Vec<Weights<INPUTS>>,
    /// Whether the last pixels were the first candidate (0) or not (1), the newest in bit 0.
    history: usize,
}

impl Hits {
    pub(crate) fn new() -> Self {
        let table = vec![Entry::default(); 1 << INDEX];
        Self {
            tables: [table.clone(), table],
            counters: vec![Counter::EVEN; SIZES.iter().sum()],
            weights: vec![Weights::new(5000); SOURCES << 5],
            history: 0,
        }
    }

    /// What followed the same eight, and the same three neighbours before.
    #[inline(always)]
    pub(crate) fn look(&self, around: &Around) -> Memories {
        let hashes = [around.hash(1, 8), around.hash(2, 3)];
        Memories(std::array::from_fn(|table| {
            let (index, check) = (
                (hashes[table] >> (64 - INDEX)) as usize,
                hashes[table] >> 32 & 255,
            );
            let entry = self.tables[table][index].0;
            let trust = entry >> 56;
            let is_known = trust > 0 && entry >> 48 & 255 == check;
            Memory {
                index,
                check,
                colour: is_known.then_some(entry & 0xFFFF_FFFF_FFFF),
                trust: if is_known { trust } else { 0 },
            }
        }))
    }

    /// Learns the colour that followed.
    #[inline(always)]
    pub(crate) fn learn(&mut self, memories: &Memories, colour: u64) {
        for (table, memory) in self.tables.iter_mut().zip(&memories.0) {
            let (colour, trust) = match memory.colour {
                Some(known) if known == colour => (colour, (memory.trust + 1).min(SURE)),
                Some(known) if memory.trust > 3 => (known, memory.trust / 4),
                _ => (colour, 1),
            };
            table[memory.index] = Entry::new(colour, memory.check, trust);
        }
    }

    /// Whether the colour is one of the candidates: that one if so.
    #[inline(always)]
    pub(crate) fn code<K: Coder>(
        &mut self,
        coder: &mut K,
        around: &Around,
        memories: &Memories,
        actual: u64,
    ) -> Result<Option<u64>, CodeError> {
        let [long, short] = memories.0;
        let [w, n, nw, ne, ..] = around.0;
        let trusts = long.class() * 5 + short.class();
        let equal = around.equal();
        let hashes = [around.hash(3, 4), around.hash(4, 10), around.hash(5, 2)];
        let (mut hit, mut tried, mut rank) = (None, [None; SOURCES], 0);
        let candidates = [
            long.colour,
            short.colour,
            Some(w),
            Some(n),
            Some(ne),
            Some(nw),
        ];
        for (source, candidate) in candidates.into_iter().enumerate() {
            let Some(colour) = candidate else { continue };
            if tried[..rank].contains(&candidate) {
                continue;
            }
            tried[rank] = candidate;
            rank += 1;
            let agree =
                usize::from(long.colour == candidate) | usize::from(short.colour == candidate) << 1;
            let hashed = |hash: u64| {
                let mixed = scramble(hash ^ scramble(colour << 3 | source as u64));
                (mixed >> (64 - INDEX)) as usize
            };
            let at = [
                BASES[0] + (source << 12 | agree << 10 | around.mask(colour)),
                BASES[1] + (source << 10 | trusts << 5 | (self.history & 7) << 2 | agree),
                BASES[2] + hashed(hashes[0]),
                BASES[3] + hashed(hashes[1]),
                BASES[4] + (source << 10 | equal << 3 | rank),
                BASES[5] + hashed(hashes[2]),
            ];
            let weights = &mut self.weights[source << 5 | trusts];
            if mixed(
                coder,
                &mut self.counters,
                at,
                weights,
                127,
                colour == actual,
            )? {
                hit = candidate;
                break;
            }
        }
        self.history = self.history << 1 | usize::from(hit.is_none() || rank > 1);
        Ok(hit)
    }
}
