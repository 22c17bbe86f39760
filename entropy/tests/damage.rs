//! How much damage the end of a stream gives away before any checksum is looked at.

mod common;

use common::{Random, gaussian_mix};

const SYMBOLS: usize = 400;

#[test]
fn single_wrong_rows_are_noticed_or_harmless() {
    let mix = gaussian_mix();
    let mut random = Random(11);
    let (mut trials, mut missed) = (0, 0);
    for _ in 0..200 {
        let (rows, symbols) = mix.draw(&mut random, SYMBOLS);
        let bytes = mix.write(&rows, &symbols);
        for _ in 0..100 {
            let mut wrong = rows.clone();
            let at = random.next() as usize % SYMBOLS;
            // A neighbour, as from a network that is off by one unit, is the hardest to notice.
            wrong[at] = if wrong[at] == 0 { 1 } else { wrong[at] - 1 };
            trials += 1;
            missed += usize::from(mix.read(&wrong, &bytes).is_ok_and(|read| read != symbols));
        }
    }
    println!("{missed} of {trials} wrong rows gave wrong symbols and a good end");
    assert!(missed * 1000 <= trials, "{missed} of {trials}");
}

#[test]
fn truncations_are_noticed() {
    let mix = gaussian_mix();
    let mut random = Random(12);
    let (mut trials, mut missed) = (0, 0);
    for _ in 0..50 {
        let (rows, symbols) = mix.draw(&mut random, SYMBOLS);
        let bytes = mix.write(&rows, &symbols);
        for len in 0..bytes.len() {
            trials += 1;
            missed += usize::from(mix.read(&rows, &bytes[..len]).is_ok());
        }
    }
    println!("{missed} of {trials} truncations ended well");
    assert!(missed * 1000 <= trials, "{missed} of {trials}");
}

#[test]
fn single_wrong_bits_are_noticed() {
    let mix = gaussian_mix();
    let mut random = Random(13);
    let (mut trials, mut missed) = (0, 0);
    for _ in 0..10 {
        let (rows, symbols) = mix.draw(&mut random, SYMBOLS);
        let bytes = mix.write(&rows, &symbols);
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            trials += 1;
            missed += usize::from(mix.read(&rows, &wrong).is_ok());
        }
    }
    println!("{missed} of {trials} wrong bits gave a good end");
    assert!(missed * 1000 <= trials, "{missed} of {trials}");
}

#[test]
fn appended_bytes_are_noticed() {
    let mix = gaussian_mix();
    let (rows, symbols) = mix.draw(&mut Random(14), SYMBOLS);
    let bytes = mix.write(&rows, &symbols);
    for extra in 1..=16 {
        let longer: Vec<u8> = bytes
            .iter()
            .copied()
            .chain((0..extra).map(|i: u8| i.wrapping_mul(37)))
            .collect();
        assert!(mix.read(&rows, &longer).is_err(), "{extra} bytes more");
    }
}
