//! Whatever is written comes back, through either way of calling, for any model, places and symbols; and whatever is
//! read is something that could have been written.

mod common;
mod parameters;

use std::fmt::Debug;

use common::{read, write};
use kiln_entropy::{
    Chained, CodeError, Coder, Estimate, Follow, Laplace, Mixture, Reader, RowSpec, Rows,
    SymbolModel, Tables, Uniform, Writer,
};
use parameters::{
    bank_and_chains, bank_and_symbols, indices, laplace_distributions, mixtures,
    parameters_of_curves, wrong_symbol,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Both ways of calling give the same bytes, symbols and places, in every direction, and about as many bytes as
/// estimated.
fn check_round_trip<M>(model: M, at: &[M::At], symbols: &[i16]) -> Result<(), TestCaseError>
where
    M: SymbolModel + Clone,
    M::At: PartialEq + Debug,
{
    let bytes = write(model.clone(), at, symbols).unwrap();
    prop_assert_eq!(&read(model.clone(), at, &bytes).unwrap(), &symbols);

    let (mut writer, mut reader) = (Writer::new(), Reader::new(&bytes).unwrap());
    let mut models = [model.clone(), model.clone(), model.clone()];
    let mut used = Vec::new();
    for (&at, &symbol) in at.iter().zip(symbols) {
        let mut symbol = i32::from(symbol);
        let written = writer.code_one(&mut models[0], at, &mut symbol).unwrap();
        let mut found = 99;
        let read = reader.code_one(&mut models[1], at, &mut found).unwrap();
        let followed = Follow.code_one(&mut models[2], at, &mut symbol).unwrap();
        prop_assert_eq!(found, symbol);
        prop_assert_eq!((read, followed), (written, written));
        used.push(written);
    }
    reader.finish().unwrap();
    prop_assert_eq!(&writer.finish(), &bytes);

    let (mut places, mut symbols) = (at.to_vec(), symbols.to_vec());
    let mut estimate = Estimate::new();
    estimate
        .code(&mut model.clone(), &mut places, &mut symbols)
        .unwrap();
    prop_assert_eq!(places, used);
    prop_assert_eq!(estimate.symbols, at.len() as u64);
    // 2.04 bytes for the start, less than one to fill the last, and the coder's own loss.
    let (bytes, ideal) = (bytes.len() as f64, estimate.bits / 8.0);
    prop_assert!(bytes <= ideal * 1.0005 + 3.1, "{} for {}", bytes, ideal);
    prop_assert!(bytes >= ideal * 0.9995, "{} for {}", bytes, ideal);
    Ok(())
}

/// Any bytes give symbols that can be written at these places, or an error that says that the data is damaged.
fn check_any_bytes<M>(model: M, at: &[M::At], bytes: &[u8]) -> Result<(), TestCaseError>
where
    M: SymbolModel + Clone,
{
    let Ok(mut reader) = Reader::new(bytes) else {
        return Ok(());
    };
    let mut symbols = vec![99; at.len()];
    match reader.code(&mut model.clone(), &mut at.to_vec(), &mut symbols) {
        Ok(()) => {
            let written = write(model, at, &symbols).unwrap();
            // Only one stream stands for these symbols, so that one that ends well must be it.
            if reader.finish().is_ok() {
                prop_assert_eq!(written, bytes);
            }
        }
        Err(CodeError::Exhausted | CodeError::EscapeBeyondLimit { .. }) => {}
        Err(error) => prop_assert!(false, "{error}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn rows((bank, rows, symbols) in bank_and_symbols(), bytes in vec(any::<u8>(), 0..200)) {
        let tables = bank.tables();
        check_round_trip(Rows::new(&tables), &rows, &symbols)?;
        check_any_bytes(Rows::new(&tables), &rows, &bytes)?;
        let wide: Vec<u16> = rows.iter().map(|&row| row.into()).collect();
        check_round_trip(Rows::new(&tables), &wide, &symbols)?;
        prop_assert_eq!(
            write(Rows::new(&tables), &wide, &symbols),
            write(Rows::new(&tables), &rows, &symbols)
        );
    }

    #[test]
    fn chained_rows((bank, at, symbols) in bank_and_chains(), bytes in vec(any::<u8>(), 0..200)) {
        let tables = bank.tables();
        check_round_trip(Chained::new(&tables, 5), &at, &symbols)?;
        check_any_bytes(Chained::new(&tables, 5), &at, &bytes)?;
    }

    #[test]
    fn equally_likely_symbols((at, symbols) in indices(), bytes in vec(any::<u8>(), 0..200)) {
        check_round_trip(Uniform, &at, &symbols)?;
        check_any_bytes(Uniform, &at, &bytes)?;
    }

    #[test]
    fn mixtures_of_curves(
        (curves, at, symbols) in parameters_of_curves().prop_flat_map(mixtures),
        bytes in vec(any::<u8>(), 0..200),
    ) {
        let curves = curves.bank();
        check_round_trip(Mixture::new(&curves), &at, &symbols)?;
        check_any_bytes(Mixture::new(&curves), &at, &bytes)?;
    }

    #[test]
    fn laplace(
        (limit, at, symbols) in laplace_distributions(),
        bytes in vec(any::<u8>(), 0..200),
    ) {
        check_round_trip(Laplace::new(limit), &at, &symbols)?;
        check_any_bytes(Laplace::new(limit), &at, &bytes)?;
    }

    /// A model with a state may be called with symbols, places and lengths that make no sense.
    #[test]
    fn nonsense_is_refused((bank, at, symbols) in bank_and_chains(), wrong in wrong_symbol()) {
        let tables = bank.tables();
        let short = &at[..at.len() / 2];
        for (at, symbols) in [(short, &symbols[..]), (&at[..], &symbols[..symbols.len() / 2])] {
            let is_equal = at.len() == symbols.len();
            prop_assert_eq!(write(Chained::new(&tables, 5), at, symbols).is_ok(), is_equal);
            let mut followed = at.to_vec();
            let follow = Chained::new(&tables, 5).follow_all(&mut followed, symbols);
            prop_assert_eq!(follow.is_ok(), is_equal);
        }
        for at in &at {
            let _ = Writer::new().code_one(&mut Chained::new(&tables, 1), *at, &mut { wrong });
        }
    }
}

/// Random bytes hardly ever end well, so streams of three bytes are tried one after the other.
#[test]
fn a_stream_that_ends_well_is_the_only_one_for_its_symbols() {
    let freqs = [20_000, 30_000, 10_000, 5_536];
    let spec = RowSpec {
        first: -1,
        freqs: &freqs,
    };
    let tables = Tables::new([spec], 0, 100).unwrap();
    let mut rows = Rows::new(&tables);
    let mut complete = 0;
    for start in 0..4_000_000u32 {
        let bytes = &start.to_le_bytes()[..3];
        let Ok(mut reader) = Reader::new(bytes) else {
            continue;
        };
        let mut writer = Writer::new();
        let mut symbol = 0;
        while reader.code_one(&mut rows, 0u8, &mut symbol).is_ok() {
            writer.code_one(&mut rows, 0, &mut symbol).unwrap();
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
