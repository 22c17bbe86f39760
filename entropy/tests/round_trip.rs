//! Whatever is written comes back, through either way of calling, for any tables.

use kiln_entropy::{CodeError, Reader, RowSpec, Symbols, Tables, Writer};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Clone, Debug)]
struct Bank {
    limit: i32,
    skip_below: u16,
    rows: Vec<(i32, Vec<u16>)>,
}

impl Bank {
    fn tables(&self) -> Tables {
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

fn row(limit: i32) -> impl Strategy<Value = (i32, Vec<u16>)> {
    let weight = prop_oneof![Just(0), 1..100u32, 1..1_000_000u32];
    (-limit..=limit, vec(weight, 2..80)).prop_map(move |(first, mut weights)| {
        // As many literals as fit below the limit, then the escape.
        weights.truncate((limit - first) as usize + 2);
        (first, frequencies(&weights))
    })
}

fn bank() -> impl Strategy<Value = Bank> {
    prop_oneof![Just(32_767), 1..50i32, 1..=32_767i32].prop_flat_map(|limit| {
        vec(row(limit), 1..8).prop_flat_map(move |rows| {
            let count = rows.len() as u16;
            (0..=count, Just(rows)).prop_map(move |(skip_below, rows)| Bank {
                limit,
                skip_below,
                rows,
            })
        })
    })
}

/// A row and a symbol that may be written in it: near the literals, anywhere, or at the limits.
fn symbol(bank: &Bank, index: Index, near: i32, far: i32, kind: u8) -> (u8, i16) {
    let row = index.index(bank.rows.len());
    let (first, freqs) = &bank.rows[row];
    let symbol = match kind {
        _ if row < usize::from(bank.skip_below) => 0,
        0 => bank.limit,
        1 => -bank.limit,
        2 => far % (bank.limit + 1),
        _ => (first + near.rem_euclid(freqs.len() as i32 + 2) - 1).clamp(-bank.limit, bank.limit),
    };
    (row as u8, symbol as i16)
}

fn bank_and_symbols() -> impl Strategy<Value = (Bank, Vec<u8>, Vec<i16>)> {
    let choice = (any::<Index>(), any::<i32>(), any::<i32>(), 0..12u8);
    (bank(), vec(choice, 0..300)).prop_map(|(bank, choices)| {
        let pairs = choices
            .into_iter()
            .map(|(index, near, far, kind)| symbol(&bank, index, near, far, kind));
        let (rows, symbols) = pairs.unzip();
        (bank, rows, symbols)
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_ways_of_calling_agree((bank, rows, mut symbols) in bank_and_symbols()) {
        let tables = bank.tables();
        let mut all = Writer::new();
        all.code_all(&tables, &rows, &mut symbols).unwrap();
        let bytes = all.finish();
        let mut single = Writer::new();
        for (&row, &symbol) in rows.iter().zip(&symbols) {
            single.code(&tables, row.into(), &mut symbol.into()).unwrap();
        }
        prop_assert_eq!(&bytes, &single.finish());

        let mut reader = Reader::new(&bytes).unwrap();
        let mut read = vec![99; symbols.len()];
        reader.code_all(&tables, &rows, &mut read).unwrap();
        reader.finish().unwrap();
        prop_assert_eq!(&read, &symbols);

        let mut reader = Reader::new(&bytes).unwrap();
        for (&row, &symbol) in rows.iter().zip(&symbols) {
            let mut read = 99;
            reader.code(&tables, row.into(), &mut read).unwrap();
            prop_assert_eq!(read, i32::from(symbol));
        }
        reader.finish().unwrap();
    }

    #[test]
    fn bytes_stay_near_the_estimate((bank, rows, mut symbols) in bank_and_symbols()) {
        let tables = bank.tables();
        let cost = |(&row, &symbol): (&u8, &i16)| tables.cost_bits(row.into(), symbol.into());
        let bits: f64 = rows.iter().zip(&symbols).map(cost).sum();
        let mut writer = Writer::new();
        writer.code_all(&tables, &rows, &mut symbols).unwrap();
        let bytes = writer.finish().len() as f64;
        // 2.04 bytes for the start, less than one to fill the last, and the coder's own loss.
        prop_assert!(bytes <= bits / 8.0 * 1.0005 + 3.1, "{} bytes for {} bits", bytes, bits);
        prop_assert!(bytes >= bits / 8.0 * 0.9995, "{} bytes for {} bits", bytes, bits);
    }

    #[test]
    fn any_bytes_give_symbols_or_an_error(
        (bank, rows, _) in bank_and_symbols(),
        bytes in vec(any::<u8>(), 0..200),
    ) {
        let tables = bank.tables();
        let mut symbols = vec![0; rows.len()];
        let Ok(mut reader) = Reader::new(&bytes) else { return Ok(()) };
        match reader.code_all(&tables, &rows, &mut symbols) {
            Ok(()) => {
                prop_assert!(symbols.iter().all(|s| i32::from(*s).abs() <= bank.limit));
                // Only one stream stands for these symbols, so that one that ends well must be it.
                if reader.finish().is_ok() {
                    let mut writer = Writer::new();
                    writer.code_all(&tables, &rows, &mut symbols).unwrap();
                    prop_assert_eq!(writer.finish(), bytes);
                }
            }
            Err(CodeError::Exhausted | CodeError::EscapeBeyondLimit { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

/// Random bytes hardly ever end well, so streams of three bytes are tried one after the other.
#[test]
fn a_stream_that_ends_well_is_the_only_one_for_its_symbols() {
    let freqs = [20_000, 30_000, 10_000, 5_536];
    let tables = Tables::new(
        [RowSpec {
            first: -1,
            freqs: &freqs,
        }],
        0,
        100,
    )
    .unwrap();
    let mut complete = 0;
    for start in 0..4_000_000u32 {
        let bytes = &start.to_le_bytes()[..3];
        let Ok(mut reader) = Reader::new(bytes) else {
            continue;
        };
        let mut writer = Writer::new();
        let mut symbol = 0;
        while reader.code(&tables, 0, &mut symbol).is_ok() {
            writer.code(&tables, 0, &mut symbol).unwrap();
            if reader.clone().finish().is_ok() {
                assert_eq!(writer.clone().finish(), bytes);
                complete += 1;
            }
        }
    }
    assert!(
        complete > 10,
        "{complete} streams ended well: too few to test anything"
    );
}
