//! Bytes of a realistic mix of rows against their ideal cost.

mod common;

use common::{Random, gaussian_mix};
use kiln_entropy::{Coder, Estimate, Rows, Writer};

#[test]
fn within_a_thousandth_of_the_ideal_cost() {
    let mix = gaussian_mix();
    for (seed, count) in [(1, 100), (2, 10_000), (3, 500_000)] {
        let (mut rows, mut symbols) = mix.draw(&mut Random(seed), count);
        let bytes = mix.write(&rows, &symbols).len() as f64;
        let mut estimate = Estimate::new();
        estimate
            .code(&mut Rows::new(&mix.tables), &mut rows, &mut symbols)
            .unwrap();
        let ideal = estimate.bits / 8.0;
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
