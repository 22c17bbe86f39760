//! Trellis-coded quantisation: what the symbols of a chain stand for, and the search for those of the least bits and error.
//!
//! Two quantisers share a step; which of them a latent has, follows from the parities of the symbols before it in its chain
//! (see [`kiln_entropy::Chained`]). The points of a whole chain lie denser than those of one quantiser: Marcellin and Fischer,
//! "Trellis coded quantization of memoryless and Gauss-Markov sources" (1990); with tables for each quantiser, Fischer and
//! Wang, "Entropy-constrained trellis-coded quantization" (1992). The search is the encoder's alone: a decoder takes
//! whatever symbol it reads.

use kiln_entropy::{FEEDBACK, INPUT, STATES, Tables};
use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use crate::nets::exact::{MEAN_BITS, RESIDUAL_MAX, STEP};

/// Bits that one unit of squared error of y is worth, y times its gain.
///
/// The networks were trained with this value, which the reference repeats: see models/reference/EXPERIMENTS.md.
pub const BITS_PER_ERROR: f64 = 9.0;

/// Magnitudes whose costs are kept ready: all literals of the widest row in use so far.
const READY: i32 = 320;
/// A step, in units of y times its gain.
const WIDTH: f32 = STEP as f32 / (1 << MEAN_BITS) as f32;
/// Choices at a link: two quantisers, two parities.
const CHOICES: usize = 4;
/// States of either quantiser.
const HALF: usize = STATES / 2;
/// Links between two turns that keep the sums of a search small.
const REBASE: usize = 64;

/// The quantiser of the state before this one.
fn quantiser_before(state: usize) -> usize {
    state / HALF
}

/// The state from which a symbol of this parity leads to `state`: [`kiln_entropy::next_state`] undone.
fn before(state: usize, parity: usize) -> usize {
    let quantiser = quantiser_before(state);
    2 * (state ^ (quantiser * usize::from(FEEDBACK)) ^ (parity * usize::from(INPUT))) + quantiser
}

/// What a symbol of a quantiser (0 or 1) stands for, in fixed point.
pub(crate) fn value(symbol: i16, quantiser: u8) -> i32 {
    let symbol = i32::from(symbol);
    symbol * STEP - symbol.signum() * i32::from(quantiser) * (STEP / 2)
}

/// Bits of every likely symbol of every row of y.
#[derive(Clone, Debug)]
pub(crate) struct Costs {
    tables: Tables,
    /// [rows of the bank][2 * READY + 1]
    bits: Vec<f32>,
}

impl Costs {
    pub(crate) fn new(tables: &Tables) -> Self {
        let bits = (0..tables.len() as u16)
            .flat_map(|row| (-READY..=READY).map(move |s| tables.cost_bits(row, s) as f32))
            .collect();
        Self {
            tables: tables.clone(),
            bits,
        }
    }

    /// Bits of a symbol in a row of the bank; infinite where it cannot be coded.
    pub(crate) fn bits(&self, row: u8, symbol: i32) -> f32 {
        if (-READY..=READY).contains(&symbol) {
            let width = 2 * READY as usize + 1;
            self.bits[usize::from(row) * width + (symbol + READY) as usize]
        } else {
            self.tables.cost_bits(row.into(), symbol) as f32
        }
    }

    /// Whether symbols of the row are coded at all.
    pub(crate) fn is_coded(&self, row: u8) -> bool {
        u16::from(row) >= self.tables.skip_below()
    }

    /// Rows for each quantiser.
    fn half(&self) -> u8 {
        (self.tables.len() / 2) as u8
    }
}

/// A latent in a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// What its residual should be.
    pub(crate) target: f32,
    /// The row that its network names.
    pub(crate) row: u8,
}

/// A symbol and the row of the bank that codes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) symbol: i16,
    pub(crate) row: u8,
}

/// Noise on the costs of a search, so that it takes worse choices at times.
pub(crate) struct Noise {
    /// Bits.
    pub(crate) temperature: f32,
    pub(crate) random: Xoshiro256PlusPlus,
}

impl Noise {
    /// A number from a Gumbel distribution, times the temperature.
    fn draw(&mut self) -> f32 {
        let u: f32 = self.random.random::<f32>().clamp(1e-9, 1.0 - 1e-7);
        self.temperature * (-u.ln()).ln()
    }
}

/// The best symbol of each choice at a link, and its cost.
#[derive(Clone, Copy)]
struct Choices {
    symbols: [i16; CHOICES],
    costs: [f32; CHOICES],
}

/// Searches chains, one after another, in memory that it keeps.
pub(crate) struct Trellis<'a> {
    costs: &'a Costs,
    symbols: Vec<[i16; CHOICES]>,
    /// For each link a bit for each state: the parity of the symbol on the best way into it.
    ways: Vec<u64>,
}

impl<'a> Trellis<'a> {
    pub(crate) fn new(costs: &'a Costs) -> Self {
        Self {
            costs,
            symbols: Vec::new(),
            ways: Vec::new(),
        }
    }

    /// The symbols of a whole chain of the least bits plus `weight` times squared error, by Viterbi's algorithm. Links that
    /// are not coded get 0 and do not move the chain on.
    pub(crate) fn run(
        &mut self,
        links: &[Link],
        weight: f32,
        mut noise: Option<&mut Noise>,
        out: &mut Vec<Chosen>,
    ) {
        self.symbols.clear();
        self.ways.clear();
        let mut total = [f32::INFINITY; STATES];
        total[0] = 0.0;
        for link in links.iter().filter(|l| self.costs.is_coded(l.row)) {
            let mut here = choices(self.costs, *link, weight);
            if let Some(noise) = noise.as_deref_mut() {
                here.costs.iter_mut().for_each(|c| *c += noise.draw());
            }
            let (next, ways) = extend(&total, &here.costs);
            total = next;
            self.ways.push(ways);
            self.symbols.push(here.symbols);
            if self.ways.len().is_multiple_of(REBASE) {
                let least = total.into_iter().fold(f32::INFINITY, f32::min);
                total.iter_mut().for_each(|t| *t -= least);
            }
        }
        let mut state = (1..STATES).fold(0, |a, b| if total[b] < total[a] { b } else { a });
        let from = out.len();
        let mut back = self.ways.iter().zip(&self.symbols).rev();
        out.extend(links.iter().rev().map(|link| {
            let coded = self.costs.is_coded(link.row);
            let Some((ways, symbols)) = coded.then(|| back.next()).flatten() else {
                return Chosen {
                    symbol: 0,
                    row: link.row,
                };
            };
            let parity = (ways >> state & 1) as usize;
            let quantiser = quantiser_before(state);
            state = before(state, parity);
            let choice = 2 * quantiser + parity;
            Chosen {
                symbol: symbols[choice],
                row: link.row + quantiser as u8 * self.costs.half(),
            }
        }));
        out[from..].reverse();
    }
}

/// One turn of Viterbi's algorithm: the least cost of each state after a link, and the parity that leads there.
fn extend(total: &[f32; STATES], costs: &[f32; CHOICES]) -> ([f32; STATES], u64) {
    let mut next = [0.0; STATES];
    let mut ways = 0;
    // Every other state has the same quantiser, and each quantiser leads to one half of the states.
    for (quantiser, next) in next.chunks_exact_mut(HALF).enumerate() {
        let from: [f32; HALF] = std::array::from_fn(|i| total[2 * i + quantiser]);
        let even = costs[2 * quantiser];
        let odd = costs[2 * quantiser + 1];
        let mut taken = 0u64;
        for (i, next) in next.iter_mut().enumerate() {
            // The high bit of the feedback is what leads to the upper half.
            let from_even = i ^ (quantiser * (usize::from(FEEDBACK) % HALF));
            let (a, b) = (
                from[from_even] + even,
                from[from_even ^ usize::from(INPUT)] + odd,
            );
            *next = if b < a { b } else { a };
            taken |= u64::from(b < a) << i;
        }
        ways |= taken << (quantiser * HALF);
    }
    (next, ways)
}

/// The best symbols near a target: the point below it, its neighbours, and zero, which is often the cheapest.
fn choices(costs: &Costs, link: Link, weight: f32) -> Choices {
    let most = RESIDUAL_MAX as f32;
    // Beyond the limit all symbols would seem equally far.
    let size = (link.target.abs() / WIDTH).min(most);
    let sign = if link.target < 0.0 { -1 } else { 1 };
    let mut found = Choices {
        symbols: [0; CHOICES],
        costs: [f32::INFINITY; CHOICES],
    };
    for quantiser in 0..2 {
        let row = link.row + quantiser * costs.half();
        let offset = 0.5 * f32::from(quantiser);
        let low = (size + offset).floor() as i32;
        for k in [low, low + 1, low - 1, 0] {
            if !(0..=RESIDUAL_MAX).contains(&k) {
                continue;
            }
            let point = if k == 0 { 0.0 } else { k as f32 - offset };
            let e = (size - point) * WIDTH;
            let cost = costs.bits(row, sign * k) + weight * e * e;
            let choice = usize::from(2 * quantiser) + (k & 1) as usize;
            if cost < found.costs[choice] {
                found.costs[choice] = cost;
                found.symbols[choice] = (sign * k) as i16;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_entropy::{Chained, ChainedRow, RowSpec, SymbolModel, freeze, next_state};
    use rand::SeedableRng;

    /// Three rows for each quantiser, of which the first is not coded.
    fn costs() -> Costs {
        let rows: Vec<Vec<u16>> = [0.3, 1.0, 30.0, 0.3, 1.0, 30.0]
            .iter()
            .map(|s| freeze::row(&freeze::gaussian(*s, 14)).unwrap())
            .collect();
        let specs = rows.iter().map(|freqs| RowSpec { first: -14, freqs });
        Costs::new(&Tables::new(specs, 1, RESIDUAL_MAX).unwrap())
    }

    fn links(n: usize, size: f32) -> Vec<Link> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(n as u64);
        (0..n)
            .map(|_| Link {
                target: (random.random::<f32>() - 0.5) * size,
                row: random.random_range(0..3),
            })
            .collect()
    }

    fn run(costs: &Costs, links: &[Link], weight: f32) -> Vec<Chosen> {
        let mut out = Vec::new();
        Trellis::new(costs).run(links, weight, None, &mut out);
        out
    }

    fn total(costs: &Costs, links: &[Link], chosen: &[Chosen], weight: f32) -> f32 {
        links
            .iter()
            .zip(chosen)
            .filter(|(l, _)| costs.is_coded(l.row))
            .map(|(l, c)| {
                let quantiser = u8::from(c.row >= costs.half());
                let e = l.target - value(c.symbol, quantiser) as f32 / 64.0;
                costs.bits(c.row, c.symbol.into()) + weight * e * e
            })
            .sum()
    }

    /// The chain that `symbols` make, if they may stand where they do.
    fn chain(costs: &Costs, links: &[Link], symbols: &[i16]) -> Vec<Chosen> {
        let named = links.iter().map(|l| ChainedRow {
            row: l.row.into(),
            chain: 0,
        });
        let mut at: Vec<ChainedRow> = named.collect();
        Chained::new(&costs.tables, 1)
            .follow_all(&mut at, symbols)
            .unwrap();
        at.into_iter()
            .zip(symbols)
            .map(|(at, &symbol)| Chosen {
                symbol,
                row: at.row as u8,
            })
            .collect()
    }

    #[test]
    fn symbols_stand_for_points_of_their_quantiser() {
        let points = |quantiser| [-2, -1, 0, 1, 2].map(|k| value(k, quantiser));
        assert_eq!(points(0), [-2 * STEP, -STEP, 0, STEP, 2 * STEP]);
        let half = STEP / 2;
        assert_eq!(points(1), [-3 * half, -half, 0, half, 3 * half]);
    }

    #[test]
    fn ways_back_are_ways_there() {
        for (state, parity) in (0..STATES).flat_map(|s| [(s, 0), (s, 1)]) {
            let from = before(state, parity);
            assert_eq!(from % 2, quantiser_before(state));
            assert_eq!(usize::from(next_state(from as u8, parity as i16)), state);
        }
    }

    #[test]
    fn rows_are_those_that_a_decoder_comes_to() {
        let costs = costs();
        for (n, size, weight) in [
            (1, 3.0, 9.0),
            (70, 8.0, 9.0),
            (500, 90.0, 2.0),
            (300, 1e6, 5.0),
        ] {
            let links = links(n, size);
            let found = run(&costs, &links, weight);
            let symbols: Vec<i16> = found.iter().map(|c| c.symbol).collect();
            assert_eq!(found, chain(&costs, &links, &symbols), "{n} {size}");
        }
    }

    #[test]
    fn no_chain_of_five_is_better() {
        let costs = costs();
        for seed in 0..20 {
            let links = links(5 + seed, 5.0)[seed..].to_vec();
            for weight in [1.0, 9.0, 40.0] {
                let best = total(&costs, &links, &run(&costs, &links, weight), weight);
                for code in 0..5i32.pow(5) {
                    let symbols: Vec<i16> = (0..5)
                        .map(|i| (code / 5i32.pow(i) % 5 - 2) as i16)
                        .zip(&links)
                        .map(|(s, l)| if costs.is_coded(l.row) { s } else { 0 })
                        .collect();
                    let other = total(&costs, &links, &chain(&costs, &links, &symbols), weight);
                    assert!(other > best - 1e-3, "{symbols:?} {other} {best}");
                }
            }
        }
    }

    #[test]
    fn it_beats_the_uniform_quantiser_of_as_many_bits() {
        // Uniform residuals in a wide row: all symbols cost alike, and only the error counts. Points every 1.25 alone
        // leave 1.25^2 / 12.
        let costs = costs();
        let links: Vec<Link> = links(4000, 20.0)
            .into_iter()
            .map(|l| Link { row: 2, ..l })
            .collect();
        let found = run(&costs, &links, 1e4);
        let error: f32 = links
            .iter()
            .zip(&found)
            .map(|(l, c)| (l.target - value(c.symbol, c.row / 3) as f32 / 64.0).powi(2))
            .sum();
        let gain = 10.0 * (WIDTH * WIDTH / 12.0 / (error / 4000.0)).log10();
        // 1.27 dB are known for 64 states and a uniform source; zero, a point of both quantisers, adds to it here.
        assert!((1.1..1.5).contains(&gain), "{gain} dB");
    }

    #[test]
    fn what_is_not_coded_is_zero_and_sizes_are_bounded() {
        let costs = costs();
        let of = |target, row| run(&costs, &[Link { target, row }], 9.0)[0];
        assert_eq!(of(70.0, 0), Chosen { symbol: 0, row: 0 });
        for target in [1e9, -1e9, 8191.4 * WIDTH, f32::INFINITY] {
            assert!(
                i32::from(of(target, 2).symbol).abs() <= RESIDUAL_MAX,
                "{target}"
            );
        }
        assert_eq!(i32::from(of(1e9, 2).symbol), RESIDUAL_MAX);
    }

    #[test]
    fn noise_is_that_of_the_seed() {
        let costs = costs();
        let links = links(200, 4.0);
        let run = |seed| {
            let mut noise = Noise {
                temperature: 1.0,
                random: Xoshiro256PlusPlus::seed_from_u64(seed),
            };
            let mut out = Vec::new();
            Trellis::new(&costs).run(&links, 9.0, Some(&mut noise), &mut out);
            out
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
