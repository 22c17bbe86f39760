//! Bytes that were written once must keep their meaning, and stay the ones that are written.

mod common;

use common::{Dice, HOP, picture, samples, shape, size};
use kiln_fitted::{Depth, Shape, Size, checksum};

/// Length and content of all streams, the checksum, and the samples.
fn digest(shape: Shape, size: Size, seed: u64) -> String {
    let (parameters, latents, streams) = picture(shape, size, &mut Dice(seed));
    let fnv = |values: &mut dyn Iterator<Item = u16>| {
        values.fold(0xcbf2_9ce4_8422_2325u64, |hash, value| {
            (hash ^ u64::from(value)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let bytes: Vec<u8> = streams.concat();
    let samples = samples(&parameters, &latents, size, Depth::Sixteen);
    format!(
        "{:?} {:016x} {:08x} {:016x}",
        streams.iter().map(Vec::len).collect::<Vec<_>>(),
        fnv(&mut bytes.iter().map(|&b| b.into())),
        checksum(&parameters, &latents),
        fnv(&mut samples.iter().copied()),
    )
}

#[test]
fn pictures_stay_the_same() {
    let any = shape(&mut Dice(3));
    for (shape, size, seed, expected) in [
        (
            HOP,
            size(50, 61),
            1,
            "[1437, 516] 7fc62fc7593540b6 7e2a75fd cab0cf17aeb24183",
        ),
        (
            HOP,
            size(1, 1),
            2,
            "[1250, 13] 3062c776562e86d8 b49b42f0 fabeafa8d8517afc",
        ),
        (
            any,
            size(40, 33),
            3,
            "[519, 1207] 02c11a5b20c06a83 620832bf 3631c14f00bb58d9",
        ),
    ] {
        assert_eq!(digest(shape, size, seed), expected);
    }
}

#[test]
fn the_smallest_picture_byte_for_byte() {
    let shape = Shape {
        channels: 1,
        levels: 2,
        hyper: 1,
        contexts: 2,
        features: 1,
        hidden: 1,
        width: 2,
        convolutions: 1,
    };
    let (_, _, streams) = picture(shape, size(3, 4), &mut Dice(9));
    let hex: Vec<String> = streams
        .iter()
        .map(|stream| stream.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    assert_eq!(
        hex,
        [
            "ef0037684e50d82a198a6166e04f8bd02daa37f6ffa621563511a579ddb2ade941558c4e6cfec43ac24a246ff6eb9b95c9945095e739e4ec506a1f8d68083d643195901451e8f6fd9eea847cc5b5a052a1d1",
            "8b82842b84ffffff5fffbfdfe8fff7c767ffff83fc8a3f2e15ffefebbeffbf1f2af22b704cffdffba2f71ecbd6"
        ]
    );
}
