//! What each coder does with the symbols that pass.

mod common;

use common::{Random, gaussian_mix, read, write};
use kiln_entropy::{
    Alphabet, Chained, ChainedRow, Checksum, CodeError, Coder, Estimate, Follow, Limited, Reader,
    Recorder, Replay, RowSpec, Rows, Tables, Tally, Uniform, Writer,
};

const CHAINS: usize = 3;

/// Two pairs of rows, of which the first is not coded.
fn tables() -> Tables {
    let rows: [&[u16]; 4] = [
        &[65_535, 1],
        &[20_000, 30_000, 10_000, 5_536],
        &[1, 65_535],
        &[10_000, 40_000, 10_000, 5_536],
    ];
    Tables::new(rows.map(|freqs| RowSpec { first: -1, freqs }), 1, 1000).unwrap()
}

/// Places and symbols of some chains, among them escapes and symbols that are not coded.
fn chained() -> (Vec<ChainedRow>, Vec<i16>) {
    let mut random = Random(3);
    (0..500u16)
        .map(|i| {
            let row = u16::from(!random.next().is_multiple_of(4));
            let symbol = match random.next() % 40 {
                _ if row == 0 => 0,
                0 => -700,
                kind => (kind % 4) as i16 - 1,
            };
            let chain = i / 7 % CHAINS as u16;
            (ChainedRow { row, chain }, symbol)
        })
        .unzip()
}

/// One body of code: blocks and single symbols in turn, over two models.
fn code(
    coder: &mut impl Coder,
    tables: &Tables,
    at: &mut [ChainedRow],
    symbols: &mut [i16],
) -> Result<(), CodeError> {
    let mut model = Chained::new(tables, CHAINS);
    for (at, symbols) in at.chunks_mut(31).zip(symbols.chunks_mut(31)) {
        coder.code(&mut model, at, symbols)?;
        let three = Alphabet::new(3).unwrap();
        let mut index = i32::from(symbols[0] & 1);
        coder.code_one(&mut Uniform, three, &mut index)?;
    }
    Ok(())
}

/// Bytes, places and symbols of [`code`].
fn written() -> (Vec<u8>, Vec<ChainedRow>, Vec<i16>) {
    let (mut at, mut symbols) = chained();
    let mut writer = Writer::new();
    code(&mut writer, &tables(), &mut at, &mut symbols).unwrap();
    (writer.finish(), at, symbols)
}

/// How many symbols [`code`] codes.
fn total() -> usize {
    500 + 500usize.div_ceil(31)
}

#[test]
fn a_recorder_keeps_what_passes_in_either_direction() {
    let (bytes, used, symbols) = written();
    let (mut at, _) = chained();
    let mut reader = Recorder::new(Reader::new(&bytes).unwrap());
    code(&mut reader, &tables(), &mut at, &mut vec![9; 500]).unwrap();
    let (reader, read) = reader.into_parts();
    reader.finish().unwrap();

    let (mut at, mut again) = chained();
    let mut writer = Recorder::new(Writer::new());
    code(&mut writer, &tables(), &mut at, &mut again).unwrap();
    let (writer, written) = writer.into_parts();
    assert_eq!((writer.finish(), &written), (bytes, &read));

    // The first block, a symbol of the alphabet of three, and the next block.
    let mut expected: Vec<u64> = used.iter().map(|at| at.row.into()).collect();
    expected.insert(31, 3);
    assert!(
        read.places
            .iter()
            .take(63)
            .eq(expected.into_iter().take(63))
    );
    let mut expected = symbols.clone();
    expected.insert(31, symbols[0] & 1);
    assert_eq!(read.symbols[..63], expected[..63]);
    assert_eq!((read.places.len(), read.symbols.len()), (total(), total()));
}

#[test]
fn a_replay_over_a_writer_writes_what_was_recorded() {
    let (bytes, used, symbols) = written();
    let (mut at, mut known) = chained();
    let mut recorder = Recorder::new(Follow);
    code(&mut recorder, &tables(), &mut at, &mut known).unwrap();
    let (Follow, record) = recorder.into_parts();
    assert_eq!(at, used);

    let (mut at, mut found) = (chained().0, vec![9; 500]);
    let mut replay = Replay::new(&record.symbols, Writer::new());
    code(&mut replay, &tables(), &mut at, &mut found).unwrap();
    assert_eq!((replay.left(), &at, &found), (0, &used, &symbols));
    let (writer, list) = replay.into_parts();
    assert_eq!((writer.finish(), list), (bytes, &record.symbols));
}

#[test]
fn a_replay_without_coding_comes_to_the_same_places() {
    let (_, used, symbols) = written();
    let (mut at, mut found) = (chained().0, vec![9; 500]);
    let tables = tables();
    let mut model = Chained::new(&tables, CHAINS);
    let mut replay = Replay::new(symbols.clone(), Follow);
    replay.code(&mut model, &mut at, &mut found).unwrap();
    assert_eq!((at, found), (used, symbols));
}

#[test]
fn a_list_that_ends_is_an_error_or_goes_on_with_zeros() {
    let bits = Alphabet::bits(4).unwrap();
    let known = [5, 6, 7];
    let mut symbols = [9; 2];
    let mut replay = Replay::new(&known, Follow);
    replay
        .code(&mut Uniform, &mut [bits; 2], &mut symbols)
        .unwrap();
    assert_eq!((symbols, replay.left()), ([5, 6], 1));
    let more = replay
        .clone()
        .code(&mut Uniform, &mut [bits; 2], &mut symbols);
    assert_eq!(more, Err(CodeError::Exhausted));
    let mut symbol = 9;
    replay.code_one(&mut Uniform, bits, &mut symbol).unwrap();
    assert_eq!(symbol, 7);
    let more = replay.code_one(&mut Uniform, bits, &mut symbol);
    assert_eq!(more, Err(CodeError::Exhausted));

    let mut replay = Replay::padded(&known, Follow);
    let mut symbols = [9; 5];
    replay
        .code(&mut Uniform, &mut [bits; 5], &mut symbols)
        .unwrap();
    assert_eq!((symbols, replay.left()), ([5, 6, 7, 0, 0], 0));
    replay.code_one(&mut Uniform, bits, &mut symbol).unwrap();
    assert_eq!(symbol, 0);
}

#[test]
fn a_tally_is_equal_in_both_directions_and_however_symbols_are_cut() {
    let (bytes, _, _) = written();
    let (mut at, mut symbols) = chained();
    let mut writer = Recorder::new(Tally::new(Writer::new()));
    code(&mut writer, &tables(), &mut at, &mut symbols).unwrap();
    let (writer, record) = writer.into_parts();
    let (writer, written) = writer.into_parts();
    assert_eq!(writer.finish(), bytes);

    let mut reader = Tally::new(Reader::new(&bytes).unwrap());
    code(&mut reader, &tables(), &mut chained().0, &mut vec![9; 500]).unwrap();
    let (_, read) = reader.into_parts();
    let mut sum = Checksum::new();
    sum.update_i16(&record.symbols);
    assert_eq!((read, sum.finish()), (written, written));

    let mut other = Tally::new(Follow);
    symbols[499] ^= 1;
    code(&mut other, &tables(), &mut chained().0, &mut symbols).unwrap();
    assert_ne!(other.into_parts().1, written);
}

#[test]
fn a_limited_reader_stops_where_its_budget_ends() {
    let mix = gaussian_mix();
    let (rows, symbols) = mix.draw(&mut Random(5), 100);
    let bytes = mix.write(&rows, &symbols);
    for budget in [0, 1, 40, 59, 60, 61, 99, 100, 1000] {
        let mut model = Rows::new(&mix.tables);
        let mut limited = Limited::new(Reader::new(&bytes).unwrap(), budget);
        let mut found = [9; 100];
        let (first, rest) = found.split_at_mut(60);
        limited
            .code(&mut model, &mut rows[..60].to_vec(), first)
            .unwrap();
        for (&row, symbol) in rows[60..].iter().zip(rest) {
            let mut one = 9;
            limited.code_one(&mut model, row, &mut one).unwrap();
            *symbol = one as i16;
        }
        let count = budget.min(100);
        assert_eq!(found[..count], symbols[..count], "{budget}");
        assert!(found[count..].iter().all(|s| *s == 0), "{budget}");
        let (reader, left) = limited.into_parts();
        assert_eq!(left, budget - count);
        assert_eq!(reader.finish().is_ok(), count == 100, "{budget}");
    }
    let lengths = Limited::new(Follow, 1).code(&mut Uniform, &mut [], &mut [0; 2]);
    let (places, symbols) = (0, 2);
    assert_eq!(lengths, Err(CodeError::Lengths { places, symbols }));
}

#[test]
fn an_estimate_adds_up_bits_and_symbols() {
    let (mut at, mut symbols) = chained();
    let mut estimate = Estimate::new();
    code(&mut estimate, &tables(), &mut at, &mut symbols).unwrap();
    let (bytes, used, _) = written();
    let rows = used.iter().zip(&symbols);
    let rows: f64 = rows
        .map(|(at, &s)| tables().cost_bits(at.row, s.into()))
        .sum();
    let expected = rows + 3f64.log2() * (total() - 500) as f64;
    assert!(
        (estimate.bits - expected).abs() < 0.1,
        "{estimate:?} {expected}"
    );
    assert_eq!(estimate.symbols, total() as u64);
    assert!((bytes.len() as f64 - estimate.bits / 8.0) < 3.1);
}

#[test]
fn coders_wrap_borrowed_coders() {
    let bits = [Alphabet::bits(9).unwrap(); 3];
    let mut writer = Writer::new();
    for symbols in [[1, 2, 3], [400, 500, 511]] {
        let mut tally = Tally::new(&mut writer);
        tally
            .code(&mut Uniform, &mut bits.to_vec(), &mut symbols.clone())
            .unwrap();
        tally.code_one(&mut Uniform, bits[0], &mut 0).unwrap();
    }
    let expected = [1, 2, 3, 0, 400, 500, 511, 0];
    let bits = [bits[0]; 8];
    let bytes = writer.finish();
    assert_eq!(write(Uniform, &bits, &expected).unwrap(), bytes);
    assert_eq!(read(Uniform, &bits, &bytes).unwrap(), expected);
}
