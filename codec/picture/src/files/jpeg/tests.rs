//! Both decoders against what djpeg makes of a corpus: see `tests/data/jpeg_corpus.py`.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::segments::Segments;
use super::{libjpeg, portable};
use crate::{LoadOptions, PictureError, Warning, load};

/// A file, and what djpeg makes of it.
struct Case {
    name: String,
    file: Vec<u8>,
    /// 0, 2 with warnings, 1 refused.
    exit_code: u8,
    /// Over the samples.
    crc: u32,
}

fn corpus() -> Vec<Case> {
    let archive = &include_bytes!("../../../tests/data/jpeg-corpus.zip")[..];
    let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        let mut file = archive.by_name(name).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let expected = String::from_utf8(read("expected.csv")).unwrap();
    let cases = expected.lines().skip(1).map(|line| {
        let [name, exit_code, crc] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        Case {
            name: name.to_owned(),
            file: read(name),
            exit_code: exit_code.parse().unwrap(),
            crc: u32::from_str_radix(crc, 16).unwrap(),
        }
    });
    cases.collect()
}

#[test]
fn every_file_reads_as_djpeg_reads_it() {
    let (mut equal, mut warned, mut refused) = (0, 0, 0);
    for case in corpus() {
        let is_warned = match load(&case.file, &LoadOptions::default()) {
            Ok(loaded) => {
                let samples = loaded.picture.image.as_bytes();
                // djpeg gives up on a segment that is cut short; here it is left out.
                if case.exit_code != 1 {
                    assert_eq!(crc32fast::hash(samples), case.crc, "{}", case.name);
                }
                let is_damage = |w: &Warning| matches!(w, Warning::Damaged { .. });
                loaded.warnings.iter().any(is_damage)
            }
            Err(PictureError::Decode { .. }) if case.exit_code == 1 => {
                refused += 1;
                continue;
            }
            Err(error) => panic!("{}: {error}", case.name),
        };
        assert_eq!(is_warned, case.exit_code != 0, "{}", case.name);
        match is_warned {
            true => warned += 1,
            false => equal += 1,
        }
    }
    println!("{equal} equal, {warned} read with a warning, {refused} refused");
    assert_eq!((equal, warned, refused), (199, 46, 1));
}

/// The decoder in Rust rounds otherwise, and must be near wherever it does not refuse.
#[test]
fn the_portable_decoder_is_near_or_refuses() {
    let (mut near, mut refused, mut damaged) = (0, 0, 0);
    for case in corpus() {
        let decoded = Segments::scan(&case.file).and_then(|segments| {
            let frame = segments.frame.as_ref().unwrap();
            portable::decode(&case.file, &segments, frame)
        });
        match decoded {
            Ok((image, _)) => {
                let reference = samples_of(&case);
                assert_eq!(image.as_bytes().len(), reference.len(), "{}", case.name);
                let differences = image.as_bytes().iter().zip(reference);
                let worst = differences.map(|(a, b)| a.abs_diff(b)).max();
                assert!(worst <= Some(7), "{}: {worst:?}", case.name);
                near += 1;
            }
            Err(PictureError::Unsupported(_)) => refused += 1,
            Err(_) => {
                assert_ne!(case.exit_code, 0, "{}", case.name);
                damaged += 1;
            }
        }
    }
    println!("{near} near, {refused} refused by name, {damaged} refused as damaged");
    assert_eq!((near, refused, damaged), (20, 206, 20));
}

/// What libjpeg makes of a file, which the other test compares with djpeg.
fn samples_of(case: &Case) -> Vec<u8> {
    let segments = Segments::scan(&case.file).unwrap();
    let (image, _) = libjpeg::decode(&case.file, segments.frame.as_ref().unwrap()).unwrap();
    image.into_bytes()
}
