//! The worked examples of CODING.md, byte for byte: a change here is a change of the file format.

mod common;

use common::{read, write};
use kiln_entropy::{
    Alphabet, Chained, ChainedRow, Checksum, Coder, Components, CurveSpec, Curves, Follow, Laplace,
    LaplaceAt, Mixture, RowSpec, Rows, SymbolModel, Tables, Uniform,
};

const ROWS: [RowSpec; 3] = [
    RowSpec {
        first: 0,
        freqs: &[65_535, 1],
    },
    RowSpec {
        first: -1,
        freqs: &[16_384, 32_768, 8_192, 8_192],
    },
    RowSpec {
        first: -2,
        freqs: &[1_000, 6_000, 50_000, 6_000, 2_000, 536],
    },
];
const PAIRS: [(u8, i16); 12] = [
    (1, 0),
    (0, 0),
    (2, 0),
    (2, -1),
    (1, 1),
    (1, -1),
    (2, 9),
    (0, 0),
    (1, -2),
    (2, 1),
    (1, 0),
    (2, -300),
];
const BYTES: [u8; 10] = [0xca, 0x70, 0x12, 0x51, 0xe2, 0x02, 0x0c, 0xff, 0x8f, 0x81];
const CHECKSUM: u32 = 0xac34_d2b9;

fn tables() -> Tables {
    Tables::new(ROWS, 1, 1000).unwrap()
}

#[test]
fn the_writer_makes_these_bytes() {
    let (rows, symbols): (Vec<u8>, Vec<i16>) = PAIRS.into_iter().unzip();
    assert_eq!(write(Rows::new(&tables()), &rows, &symbols).unwrap(), BYTES);
}

#[test]
fn the_reader_finds_these_symbols() {
    let (rows, symbols): (Vec<u8>, Vec<i16>) = PAIRS.into_iter().unzip();
    let read = read(Rows::new(&tables()), &rows, &BYTES).unwrap();
    assert_eq!(read, symbols);
    assert_eq!(checksum(&symbols), CHECKSUM);
}

fn checksum(symbols: &[i16]) -> u32 {
    let mut sum = Checksum::new();
    sum.update_i16(symbols);
    sum.finish()
}

/// The bytes and the checksum of an example, here and in the document.
fn check_example<M: SymbolModel + Clone>(
    model: M,
    at: &[M::At],
    symbols: &[i16],
    bytes: &str,
    sum: u32,
) {
    let written = write(model.clone(), at, symbols).unwrap();
    let hex: Vec<String> = written.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex.join(" "), bytes);
    assert_eq!(read(model, at, &written).unwrap(), symbols);
    assert_eq!(checksum(symbols), sum);
    let text = include_str!("../CODING.md");
    assert!(text.contains(&format!("\n{bytes}\n")), "bytes");
    assert!(text.contains(&format!("`{sum:#010x}`")), "checksum");
}

#[test]
fn chained_rows_make_these_bytes() {
    let [skipped, narrow, wide] = ROWS;
    let tables = Tables::new([skipped, narrow, skipped, wide], 1, 1000).unwrap();
    let (at, symbols): (Vec<_>, Vec<i16>) = [
        (1, 0, 1),
        (1, 1, 0),
        (1, 0, -1),
        (0, 1, 0),
        (1, 0, 2),
        (1, 0, 0),
        (1, 1, -3),
        (1, 0, 1),
        (1, 1, 1),
        (1, 0, -1),
    ]
    .map(|(row, chain, symbol)| (ChainedRow { row, chain }, symbol))
    .into_iter()
    .unzip();
    let model = Chained::new(&tables, 2);
    check_example(
        model.clone(),
        &at,
        &symbols,
        "dc d7 33 72 43 0e",
        0xbb50_adf3,
    );
    let (mut at, mut symbols) = (at, symbols);
    Follow.code(&mut { model }, &mut at, &mut symbols).unwrap();
    let rows: Vec<u16> = at.iter().map(|at| at.row).collect();
    assert_eq!(rows, [1, 1, 1, 0, 3, 1, 1, 3, 1, 1]);
}

#[test]
fn equally_likely_symbols_make_these_bytes() {
    let (at, symbols): (Vec<_>, Vec<i16>) = [
        (10, 7),
        (32, 21),
        (1, 0),
        (1000, 999),
        (40_000, 39_999),
        (65_536, 65_535),
        (300, 12),
    ]
    .map(|(count, index)| (Alphabet::new(count).unwrap(), Alphabet::symbol(index)))
    .into_iter()
    .unzip();
    assert_eq!(symbols, [7, 21, 0, 999, -25_537, -1, 12]);
    let bytes = "c9 be 15 24 80 04 f7 ff b2 4e";
    check_example(Uniform, &at, &symbols, bytes, 0x5edc_5d83);
}

#[test]
fn mixtures_make_these_bytes() {
    let curves = Curves::new(
        [
            CurveSpec {
                first: -64,
                shift: 4,
                steps: &[300, 2500, 12_000, 17_968, 17_968, 12_000, 2500, 300],
            },
            CurveSpec {
                first: -512,
                shift: 6,
                steps: &[
                    10, 90, 500, 2000, 5000, 9000, 11_000, 10_336, 8600, 7000, 5000, 3500, 2000,
                    1000, 400, 100,
                ],
            },
        ],
        1000,
    )
    .unwrap();
    let at = Components {
        weights: [24_576, 8192],
        means: [80, -640],
        rows: [0, 1],
    };
    let symbols = [1, 2, 0, -9, 1, -20, 5];
    let bytes = "77 47 ec 7c cc 03 56 2d e8 0e";
    check_example(
        Mixture::new(&curves),
        &[at; 7],
        &symbols,
        bytes,
        0xe0e8_aabb,
    );
    assert_eq!(Checksum::combine([0xe0e8_aabb, 0]), 0x4b9b_0af0);
}

#[test]
fn laplace_distributions_make_these_bytes() {
    let (at, symbols): (Vec<LaplaceAt>, Vec<i16>) = [
        (20, 320, 0),
        (20, 320, 2),
        (-300, 256, -5),
        (0, 0, 0),
        (0, 0, 40),
        (8128, 640, -127),
        (33, 400, 3),
    ]
    .map(|(mean, scale, symbol)| (LaplaceAt { mean, scale }, symbol))
    .into_iter()
    .unzip();
    let lefts: Vec<String> = (-12..=12)
        .map(|symbol| Laplace::quantiles(at[0], symbol).unwrap())
        .map(|(left, right)| {
            if right == 65_535 {
                format!("{left} {right}")
            } else {
                left.to_string()
            }
        })
        .collect();
    assert!(include_str!("../CODING.md").contains(&format!("\n{}\n", lefts.join(" "))));
    check_example(
        Laplace::new(127),
        &at,
        &symbols,
        "2a 53 e7 43 01 a2 db 1e a6",
        0x8636_064c,
    );
}

#[test]
fn the_specification_shows_the_same_example() {
    let text = include_str!("../CODING.md");
    let hex: Vec<String> = BYTES.iter().map(|b| format!("{b:02x}")).collect();
    assert!(text.contains(&hex.join(" ")), "bytes");
    assert!(text.contains(&format!("{CHECKSUM:08x}")), "checksum");
    let pairs: Vec<String> = PAIRS
        .iter()
        .map(|(row, symbol)| format!("({row}, {symbol})"))
        .collect();
    assert!(
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains(&pairs.join(" ")),
        "pairs"
    );
    for row in ROWS {
        let freqs: Vec<String> = row.freqs.iter().map(u16::to_string).collect();
        assert!(
            text.contains(&format!("| {} | {} |", row.first, freqs.join(", "))),
            "rows"
        );
    }
}
