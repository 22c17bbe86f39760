//! How much damage the end of a stream gives away before any checksum is looked at.

mod common;

use common::{GaussianMix, Random, gaussian_mix};
use kiln_entropy::{CodeError, Reader, Symbols, Writer};

const SYMBOLS: usize = 400;

fn write(mix: &GaussianMix, rows: &[u8], symbols: &mut [i16]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.code_all(&mix.tables, rows, symbols).unwrap();
    writer.finish()
}

fn read(mix: &GaussianMix, rows: &[u8], bytes: &[u8]) -> Result<Vec<i16>, CodeError> {
    let mut symbols = vec![0; rows.len()];
    let mut reader = Reader::new(bytes)?;
    reader.code_all(&mix.tables, rows, &mut symbols)?;
    reader.finish()?;
    Ok(symbols)
}

#[test]
fn single_wrong_rows_are_noticed_or_harmless() {
    let mix = gaussian_mix();
    let mut random = Random(11);
    let (mut trials, mut missed) = (0, 0);
    for _ in 0..200 {
        let (rows, mut symbols) = mix.draw(&mut random, SYMBOLS);
        let bytes = write(&mix, &rows, &mut symbols);
        for _ in 0..100 {
            let mut wrong = rows.clone();
            let at = random.next() as usize % SYMBOLS;
            // A neighbour, as from a network that is off by one unit, is the hardest to notice.
            wrong[at] = if wrong[at] == 0 { 1 } else { wrong[at] - 1 };
            trials += 1;
            missed += usize::from(read(&mix, &wrong, &bytes).is_ok_and(|read| read != symbols));
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
        let (rows, mut symbols) = mix.draw(&mut random, SYMBOLS);
        let bytes = write(&mix, &rows, &mut symbols);
        for len in 0..bytes.len() {
            trials += 1;
            missed += usize::from(read(&mix, &rows, &bytes[..len]).is_ok());
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
        let (rows, mut symbols) = mix.draw(&mut random, SYMBOLS);
        let bytes = write(&mix, &rows, &mut symbols);
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            trials += 1;
            missed += usize::from(read(&mix, &rows, &wrong).is_ok());
        }
    }
    println!("{missed} of {trials} wrong bits gave a good end");
    assert!(missed * 1000 <= trials, "{missed} of {trials}");
}

#[test]
fn appended_bytes_are_noticed() {
    let mix = gaussian_mix();
    let (rows, mut symbols) = mix.draw(&mut Random(14), SYMBOLS);
    let bytes = write(&mix, &rows, &mut symbols);
    for extra in 1..=16 {
        let longer: Vec<u8> = bytes
            .iter()
            .copied()
            .chain((0..extra).map(|i| i * 37))
            .collect();
        assert!(read(&mix, &rows, &longer).is_err(), "{extra} bytes more");
    }
}
