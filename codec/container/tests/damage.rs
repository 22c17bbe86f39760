//! Damage of every kind: nothing damaged is accepted while the checksums stand, and nothing panics behind them.

mod common;

use common::{CLIP_FRAMES, Random, clip, plain, sample};
use kiln_container::{Container, Limits, ParseError, fuzz, peek, reseal};

fn parse(bytes: &[u8]) -> Result<Container<'_>, ParseError> {
    Container::parse(bytes, &Limits::default())
}

/// Samples whose damage is tried exhaustively.
fn samples() -> [Vec<u8>; 4] {
    [plain(), sample(), clip(Some(CLIP_FRAMES)), clip(None)]
        .map(|container| container.write().unwrap())
}

#[test]
fn every_truncation_is_recognised_as_one() {
    for bytes in samples() {
        for len in 0..bytes.len() {
            let parsed = parse(&bytes[..len]);
            assert!(
                matches!(parsed, Err(ParseError::Truncated { .. })),
                "{len} bytes: {parsed:?}"
            );
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    for intact in samples() {
        for bit in 0..intact.len() * 8 {
            let mut bytes = intact.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(
                parse(&bytes).is_err(),
                "bit {} of byte {}",
                bit % 8,
                bit / 8
            );
        }
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    for intact in samples() {
        for at in 0..intact.len() {
            for change in 1..=u8::MAX {
                let mut bytes = intact.clone();
                bytes[at] ^= change;
                assert!(parse(&bytes).is_err(), "byte {at} ^ {change:#04x}");
            }
        }
    }
}

#[test]
fn resealing_carries_damage_of_the_payload_past_the_checksums() {
    for container in [sample(), clip(None)] {
        let intact = container.write().unwrap();
        let payload = &container.frames[0].streams.concat();
        let start = intact
            .windows(payload.len())
            .position(|window| window == payload)
            .unwrap();
        for at in start..start + payload.len() {
            let mut bytes = intact.clone();
            bytes[at] ^= 0x55;
            assert!(parse(&bytes).is_err());
            assert!(reseal(&mut bytes));
            let mut parsed = parse(&bytes).unwrap();
            assert_ne!(parsed, container);
            let streams = container.frames[0].streams.clone();
            parsed.frames[0].streams = streams;
            assert_eq!(parsed, container);
        }
    }
}

#[test]
fn resealing_carries_damage_of_the_head_past_the_checksums() {
    let mut bytes = plain().write().unwrap();
    bytes[15] = 101;
    assert!(reseal(&mut bytes));
    assert_eq!(parse(&bytes).unwrap().header.width, 101);
}

#[test]
fn resealing_says_when_a_file_cannot_be_made_right() {
    let intact = sample().write().unwrap();
    let mut cut = intact[..intact.len() - 1].to_vec();
    assert!(!reseal(&mut cut));
    assert!(matches!(parse(&cut), Err(ParseError::Truncated { .. })));
    let mut long = [&intact[..], &[0]].concat();
    assert!(!reseal(&mut long));
    assert!(matches!(parse(&long), Err(ParseError::Damaged { .. })));
    assert!(!reseal(&mut intact[..20].to_vec()));
    assert!(!reseal(&mut b"something else entirely".to_vec()));
}

#[test]
fn random_bytes_hold_the_properties() {
    let mut random = Random(1);
    for _ in 0..20_000 {
        let len = random.below(120);
        let mut bytes = random.bytes(len);
        fuzz::parse_any(&bytes);
        // Behind a valid start the fields that follow are reached too.
        let start = clip(None).write().unwrap();
        let keep = random.below(start.len());
        bytes.splice(..0, start[..keep].iter().copied());
        fuzz::parse_any(&bytes);
        fuzz::read_any(&bytes);
        fuzz::parse_resealed(&bytes);
        let _ = peek(&bytes);
    }
}

#[test]
fn mutated_files_hold_the_properties() {
    let samples = samples();
    let mut random = Random(2);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..60_000 {
        let mut bytes = samples[round % samples.len()].clone();
        for _ in 0..=random.below(4) {
            random.mutate(&mut bytes);
        }
        fuzz::parse_any(&bytes);
        fuzz::read_any(&bytes);
        fuzz::parse_resealed(&bytes);
        reseal(&mut bytes);
        match parse(&bytes) {
            Ok(_) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    // The relation between parsing and writing is only tested by files that are accepted.
    assert!(
        accepted > 5_000 && refused > 5_000,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn built_files_hold_the_properties() {
    let mut random = Random(3);
    for _ in 0..5_000 {
        let len = random.below(3_000);
        fuzz::write_any(&random.bytes(len));
    }
}
