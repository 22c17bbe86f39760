//! Bytes of a realistic mix of rows against their ideal cost.

mod common;

use common::{Random, gaussian_mix};
use kiln_entropy::{Symbols, Writer};

#[test]
fn within_a_thousandth_of_the_ideal_cost() {
    let mix = gaussian_mix();
    for (seed, count) in [(1, 100), (2, 10_000), (3, 500_000)] {
        let (rows, mut symbols) = mix.draw(&mut Random(seed), count);
        let bits: f64 = rows
            .iter()
            .zip(&symbols)
            .map(|(&r, &s)| mix.tables.cost_bits(r.into(), s.into()))
            .sum();
        let mut writer = Writer::new();
        writer.code_all(&mix.tables, &rows, &mut symbols).unwrap();
        let (bytes, ideal) = (writer.finish().len() as f64, bits / 8.0);
        println!(
            "{count} symbols: {bytes} bytes, ideal {ideal:.1} ({:+.4} %)",
            (bytes / ideal - 1.0) * 100.0
        );
        assert!(bytes <= ideal * 1.001 + 20.0);
        assert!(bytes >= ideal);
    }
}

#[test]
fn an_empty_stream_takes_no_bytes() {
    assert!(Writer::new().finish().is_empty());
}
