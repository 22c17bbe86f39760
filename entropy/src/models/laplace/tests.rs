use proptest::prelude::*;

use super::*;
use crate::{Coder, Reader, Writer};

fn places() -> impl Strategy<Value = LaplaceAt> {
    (any::<i16>(), 0..=Laplace::LARGEST_SCALE).prop_map(|(mean, scale)| LaplaceAt { mean, scale })
}

/// Slots of all bins in order must hold 0..65536 without gap, and both their ends must lead to them.
fn assert_partition(at: LaplaceAt) {
    let view = View::checked(at).unwrap();
    let middle = view.middle();
    let mut next = 0;
    for bin in 0..=view.literals {
        let slot = view.slot(bin).unwrap();
        assert_eq!(u32::from(slot.left), next, "{at:?}");
        next += u32::from(slot.freq.get());
        for quantile in [slot.left, (next - 1) as u16] {
            assert_eq!(view.find(quantile, middle), (bin, Some(slot)), "{at:?}");
        }
    }
    assert_eq!(next, 1 << 16, "{at:?}");
}

/// The exact probability of a symbol.
fn probability(at: LaplaceAt, symbol: i32) -> f64 {
    let scale = scale(at.scale);
    let below = |edge: f64| {
        let tail = (-edge.abs() / scale).exp() / 2.0;
        if edge < 0.0 { tail } else { 1.0 - tail }
    };
    let x = f64::from(symbol) - f64::from(at.mean) / 64.0;
    // On the left side differences keep their digits.
    let x = -x.abs();
    below(x + 0.5) - below(x - 0.5)
}

fn scale(scale: u16) -> f64 {
    ((f64::from(scale) - 320.0) / 64.0).exp()
}

#[test]
fn frozen_numbers_are_the_rounded_ones() {
    for (index, &rate) in RATES.iter().enumerate() {
        let exact = f64::from(1 << RATE_BITS) / (64.0 * scale(index as u16) * 2f64.ln());
        assert_eq!(f64::from(rate), exact.round(), "{index}");
    }
    for (index, &knot) in KNOTS.iter().enumerate() {
        let exact = f64::from(1 << 20) * (-(index as f64) / 64.0).exp2();
        assert_eq!(f64::from(knot), exact.round(), "{index}");
    }
}

#[test]
fn every_scale_fits_32_bits_and_holds_the_whole_range() {
    for scale in 0..=Laplace::LARGEST_SCALE {
        let Scale { rate, radius } = SCALE[usize::from(scale)];
        assert!((1..=RADIUS_MAX).contains(&radius));
        // No edge is further from the mean than the window and half a symbol.
        let furthest = u64::from(radius + 1) << MEAN_BITS;
        assert!(furthest * u64::from(rate) < 1 << 32, "{scale}");
        for mean in [-32, -31, -1, 0, 1, 17, 31, 32, i16::MIN, i16::MAX] {
            assert_partition(LaplaceAt { mean, scale });
        }
    }
}

#[test]
fn the_mass_below_grows() {
    for scale in (0..=Laplace::LARGEST_SCALE).step_by(5) {
        let Scale { rate, radius } = SCALE[usize::from(scale)];
        let furthest = (radius as i32 + 1) << MEAN_BITS;
        let mut last = 0;
        for edge in -furthest..=furthest {
            let mass = below(edge, rate);
            assert!(mass >= last, "{scale} {edge}");
            // Mirrored, and half at the mean.
            assert_eq!(mass + below(-edge, rate), 1 << 16);
            last = mass;
        }
    }
}

#[test]
fn little_is_lost_against_the_exact_distribution() {
    for scale in (0..=550).step_by(10) {
        for mean in [0, 7, 20, 32] {
            let at = LaplaceAt { mean, scale };
            let model = Laplace::new(32_767);
            let (mut ideal, mut real) = (0.0, 0.0);
            for symbol in -1000..=1000 {
                let p = probability(at, symbol);
                if p > 0.0 {
                    ideal -= p * p.log2();
                    real += p * model.bits(at, symbol);
                }
            }
            // A thousandth, and what slots of one quantile for what never comes take.
            assert!(
                real < ideal * 1.001 + 1.5e-4,
                "{at:?}: {real} bits for {ideal}"
            );
        }
    }
    let sure = LaplaceAt { mean: 0, scale: 0 };
    assert!(Laplace::new(9).bits(sure, 0) < 7e-5);
}

#[test]
fn each_error() {
    let mut model = Laplace::new(100);
    let mut out = Slots::default();
    let mut wrong = LaplaceAt {
        mean: 0,
        scale: 641,
    };
    let unknown = CodeError::UnknownRow {
        row: 641,
        rows: 641,
    };
    assert_eq!(model.write(&mut wrong, 0, &mut out), Err(unknown.clone()));
    assert_eq!(model.follow(&mut wrong, 0), Err(unknown.clone()));
    assert_eq!(model.bits(wrong, 0), f64::INFINITY);
    let mut reader = Reader::new(&[]).unwrap();
    assert_eq!(
        reader.code(&mut model, &mut [wrong], &mut [0]),
        Err(unknown)
    );

    let mut at = LaplaceAt::default();
    for symbol in [-101, 101] {
        let beyond = CodeError::SymbolBeyondLimit { symbol, limit: 100 };
        assert_eq!(model.write(&mut at, symbol, &mut out), Err(beyond));
        assert_eq!(model.bits(at, symbol), f64::INFINITY);
        // A literal, and an escape.
        for mean in [0, 64 * 100] {
            let at = LaplaceAt { mean, scale: 100 };
            let mut writer = Writer::new();
            writer
                .code(&mut Laplace::new(500), &mut [at], &mut [symbol as i16])
                .unwrap();
            let bytes = writer.finish();
            let beyond = CodeError::EscapeBeyondLimit { symbol, limit: 100 };
            for single in [false, true] {
                let mut reader = Reader::new(&bytes).unwrap();
                let read = if single {
                    reader.code_one(&mut model, at, &mut 0).map(drop)
                } else {
                    reader.code(&mut model, &mut [at], &mut [0])
                };
                assert_eq!(read, Err(beyond.clone()));
            }
        }
    }
}

proptest! {
    #[test]
    fn slots_hold_the_whole_range(at in places()) {
        assert_partition(at);
    }

    #[test]
    fn quantiles_are_those_of_the_slot(at in places(), symbol in -600..=600) {
        let view = View::checked(at).unwrap();
        let bin = view.bin(symbol);
        let expected = (bin < view.literals).then(|| {
            let slot = view.slot(bin).unwrap();
            (u32::from(slot.left), u32::from(slot.left) + u32::from(slot.freq.get()))
        });
        prop_assert_eq!(Laplace::quantiles(at, symbol), expected);
    }
}
