//! Random parameters of every model, and symbols that can be written with them.

use kiln_entropy::{
    Alphabet, ChainedRow, Components, CurveSpec, Curves, Laplace, LaplaceAt, RowSpec, Tables,
    WEIGHT_TOTAL,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// What makes a bank of tables.
#[derive(Clone, Debug)]
pub struct Bank {
    limit: i32,
    skip_below: u16,
    rows: Vec<(i32, Vec<u16>)>,
}

impl Bank {
    pub fn tables(&self) -> Tables {
        let specs = self.rows.iter().map(|(first, freqs)| RowSpec {
            first: *first,
            freqs,
        });
        Tables::new(specs, self.skip_below, self.limit).unwrap()
    }
}

/// Frequencies in proportion to the weights, each at least 1; the rounding goes to the last.
fn frequencies(weights: &[u32]) -> Vec<u16> {
    let free = 65_536 - weights.len() as u64;
    let sum = weights.iter().map(|&w| u64::from(w)).sum::<u64>().max(1);
    let mut freqs: Vec<u16> = weights
        .iter()
        .map(|&w| (1 + free * u64::from(w) / sum) as u16)
        .collect();
    let rest = 65_536 - freqs.iter().map(|&f| u64::from(f)).sum::<u64>();
    *freqs.last_mut().unwrap() += rest as u16;
    freqs
}

fn weight() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 1..100u32, 1..1_000_000u32]
}

fn limit() -> impl Strategy<Value = i32> {
    prop_oneof![Just(32_767), 1..50i32, 1..=32_767i32]
}

fn row(limit: i32) -> impl Strategy<Value = (i32, Vec<u16>)> {
    (-limit..=limit, vec(weight(), 2..80)).prop_map(move |(first, mut weights)| {
        // As many literals as fit below the limit, then the escape.
        weights.truncate((limit - first) as usize + 2);
        (first, frequencies(&weights))
    })
}

fn bank() -> impl Strategy<Value = Bank> {
    limit().prop_flat_map(|limit| {
        vec(row(limit), 2..8).prop_flat_map(move |rows| {
            let count = rows.len() as u16;
            (0..=count, Just(rows)).prop_map(move |(skip_below, rows)| Bank {
                limit,
                skip_below,
                rows,
            })
        })
    })
}

/// What a symbol is picked by.
type Choice = (Index, i32, i32, u8);

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    vec(
        (any::<Index>(), any::<i32>(), any::<i32>(), 0..12u8),
        0..300,
    )
}

/// A symbol near `literals` of them from `first` on, anywhere, or at the limits.
fn symbol(limit: i32, first: i32, literals: i32, (_, near, far, kind): Choice) -> i16 {
    let symbol = match kind {
        0 => limit,
        1 => -limit,
        2 => far % (limit + 1),
        _ => (first + near.rem_euclid(literals + 3) - 1).clamp(-limit, limit),
    };
    symbol as i16
}

/// One of the first `rows` of a bank and a symbol that may be written in it.
fn row_and_symbol(bank: &Bank, rows: usize, choice: Choice) -> (u8, i16) {
    let row = choice.0.index(rows);
    let (first, freqs) = &bank.rows[row];
    let symbol = match row < usize::from(bank.skip_below) {
        true => 0,
        false => symbol(bank.limit, *first, freqs.len() as i32 - 1, choice),
    };
    (row as u8, symbol)
}

pub fn bank_and_symbols() -> impl Strategy<Value = (Bank, Vec<u8>, Vec<i16>)> {
    (bank(), choices()).prop_map(|(bank, choices)| {
        let pairs = choices
            .into_iter()
            .map(|choice| row_and_symbol(&bank, bank.rows.len(), choice));
        let (rows, symbols) = pairs.unzip();
        (bank, rows, symbols)
    })
}

/// Symbols of five chains.
pub fn bank_and_chains() -> impl Strategy<Value = (Bank, Vec<ChainedRow>, Vec<i16>)> {
    (bank(), choices()).prop_map(|(bank, choices)| {
        let pairs = choices.into_iter().map(|choice| {
            let (row, symbol) = row_and_symbol(&bank, bank.rows.len() / 2, choice);
            let chain = choice.2.rem_euclid(5) as u16;
            let row = row.into();
            (ChainedRow { row, chain }, symbol)
        });
        let (at, symbols) = pairs.unzip();
        (bank, at, symbols)
    })
}

/// Symbols that few models can write.
pub fn wrong_symbol() -> impl Strategy<Value = i32> {
    prop_oneof![Just(i32::MIN), Just(i32::MAX), any::<i32>()]
}

/// Alphabets and their symbols.
pub fn indices() -> impl Strategy<Value = (Vec<Alphabet>, Vec<i16>)> {
    let count = prop_oneof![
        1..=65_536u32,
        1..300u32,
        (0..=16u32).prop_map(|width| 1 << width)
    ];
    vec((count, any::<u32>()), 0..300).prop_map(|choices| {
        let pairs = choices.into_iter().map(|(count, index)| {
            let index = (index % count) as u16;
            (Alphabet::new(count).unwrap(), Alphabet::symbol(index))
        });
        pairs.unzip()
    })
}

/// What makes a bank of curves.
#[derive(Clone, Debug)]
pub struct CurveBank {
    limit: i32,
    rows: Vec<(i32, u8, Vec<u16>)>,
}

impl CurveBank {
    pub fn bank(&self) -> Curves {
        let specs = self.rows.iter().map(|(first, shift, steps)| CurveSpec {
            first: *first,
            shift: *shift,
            steps,
        });
        Curves::new(specs, self.limit).unwrap()
    }
}

pub fn parameters_of_curves() -> impl Strategy<Value = CurveBank> {
    let row = (-3_000..3_000i32, 0..=8u8, vec(weight(), 2..200))
        .prop_map(|(first, shift, weights)| (first, shift, frequencies(&weights)));
    (limit(), vec(row, 1..6)).prop_map(|(limit, rows)| CurveBank { limit, rows })
}

/// Mixtures of three curves, and symbols near their means, anywhere, or at the limits.
pub fn mixtures(
    curves: CurveBank,
) -> impl Strategy<Value = (CurveBank, Vec<Components<3>>, Vec<i16>)> {
    let mean = prop_oneof![-2_000..2_000i32, -2_000_000..2_000_000i32, any::<i32>()];
    let components = (
        any::<[u16; 3]>(),
        [mean.clone(), mean.clone(), mean],
        any::<[Index; 3]>(),
    );
    let choice = (any::<Index>(), any::<i32>(), any::<i32>(), 0..12u8);
    vec((components, choice), 0..40).prop_map(move |choices| {
        let pairs = choices.into_iter().map(|((shares, means, rows), choice)| {
            let at = Components {
                weights: Components::weights(shares),
                means,
                rows: rows.map(|row| row.index(curves.rows.len()) as u16),
            };
            assert_eq!(at.weights.iter().sum::<u16>(), WEIGHT_TOTAL);
            let near = (means[choice.0.index(3)] >> 6).clamp(-40_000, 40_000);
            (at, symbol(curves.limit, near - 20, 40, choice))
        });
        let (at, symbols) = pairs.unzip();
        (curves.clone(), at, symbols)
    })
}

/// A limit, and places and symbols within it.
pub fn laplace_distributions() -> impl Strategy<Value = (i32, Vec<LaplaceAt>, Vec<i16>)> {
    limit().prop_flat_map(|limit| {
        let reach = limit.min(511) as i16;
        let at = (-reach * 64..=reach * 64, 0..=Laplace::LARGEST_SCALE)
            .prop_map(|(mean, scale)| LaplaceAt { mean, scale });
        let symbol = prop_oneof![
            4 => -limit.min(10)..=limit.min(10),
            1 => -limit..=limit,
        ];
        vec((at, symbol), 0..200).prop_map(move |pairs| {
            let (at, symbols) = pairs.into_iter().map(|(at, s)| (at, s as i16)).unzip();
            (limit, at, symbols)
        })
    })
}
