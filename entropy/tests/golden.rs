//! The worked example of CODING.md, byte for byte: a change here is a change of the file format.

use kiln_entropy::{Checksum, Reader, RowSpec, Symbols, Tables, Writer};

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
const CHECKSUM: u32 = 0x4dc1_14cb;

fn tables() -> Tables {
    Tables::new(ROWS, 1, 1000).unwrap()
}

#[test]
fn the_writer_makes_these_bytes() {
    let (rows, mut symbols): (Vec<u8>, Vec<i16>) = PAIRS.into_iter().unzip();
    let mut writer = Writer::new();
    writer.code_all(&tables(), &rows, &mut symbols).unwrap();
    assert_eq!(writer.finish(), BYTES);
}

#[test]
fn the_reader_finds_these_symbols() {
    let (rows, symbols): (Vec<u8>, Vec<i16>) = PAIRS.into_iter().unzip();
    let mut read = vec![0; rows.len()];
    let mut reader = Reader::new(&BYTES).unwrap();
    reader.code_all(&tables(), &rows, &mut read).unwrap();
    reader.finish().unwrap();
    assert_eq!(read, symbols);
    let mut sum = Checksum::new();
    sum.update_i16(&read);
    assert_eq!(sum.finish(), CHECKSUM);
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
