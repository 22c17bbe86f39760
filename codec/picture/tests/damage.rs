//! Every file of the test data, cut and changed at random: each ends in a picture or an error, soon and within limits.

#[path = "../../tests/common/allocation.rs"]
mod allocation;
mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::Random;
use kiln_picture::{Limits, LoadOptions, PictureError, load};

/// Bytes that may be allocated: the limit of memory and of metadata, and room for what is small.
const MOST_MEMORY: u64 = 2 << 20;
const MOST_METADATA: u64 = 1 << 14;
const ROOM: usize = 3 << 20;
/// The decoder of WebP allocates what seven partitions claim, 24 bits each, before it finds that they are not there.
const ROOM_OF_WEBP: usize = 7 << 24;

/// Far more than any of these files takes, and far less than a decoder that does not end.
const LONGEST: Duration = Duration::from_secs(10);

fn files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .filter(|(name, _)| {
            let ending = name.rsplit('.').next();
            ending.is_some_and(|e| ["jpg", "png", "webp", "pam"].contains(&e))
        })
        .collect();
    files.sort();
    let generated = [
        ("a.bmp", image::ImageFormat::Bmp),
        ("a.gif", image::ImageFormat::Gif),
        ("a.qoi", image::ImageFormat::Qoi),
        ("a.tga", image::ImageFormat::Tga),
        ("a.tif", image::ImageFormat::Tiff),
        ("a.ppm", image::ImageFormat::Pnm),
    ];
    for (name, format) in generated {
        let image = image::RgbImage::from_fn(19, 13, |x, y| {
            image::Rgb([(x * 13) as u8, (y * 19) as u8, (x * y) as u8])
        });
        let image = match format {
            image::ImageFormat::Gif => image::DynamicImage::from(image).to_rgba8().into(),
            _ => image::DynamicImage::from(image),
        };
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        files.push((name.to_owned(), bytes.into_inner()));
    }
    assert!(files.len() > 20, "{}", files.len());
    files
}

/// Counts of what came of the files.
#[derive(Default)]
struct Tally {
    read: usize,
    warned: usize,
    refused: usize,
    panicked: usize,
}

impl Tally {
    fn check(&mut self, name: &str, bytes: &[u8]) {
        let limits = Limits::default()
            .with_max_pixels(1 << 16)
            .with_max_memory(MOST_MEMORY)
            .with_max_metadata(MOST_METADATA);
        let options = LoadOptions::default()
            .with_limits(limits)
            .with_first_frame(true);
        let start = Instant::now();
        let (held, loaded) = allocation::most_held_here(|| load(bytes, &options));
        let time = start.elapsed();
        assert!(time < LONGEST, "{name} took {time:?}");
        let room = if name.ends_with("webp") {
            ROOM_OF_WEBP
        } else {
            ROOM
        };
        assert!(
            held < MOST_MEMORY as usize + room,
            "{name} took {held} bytes"
        );
        match loaded {
            Ok(loaded) => {
                let image = &loaded.picture.image;
                let pixels = u64::from(image.width()) * u64::from(image.height());
                assert!((1..=1 << 16).contains(&pixels), "{name}");
                self.read += 1;
                self.warned += usize::from(!loaded.warnings.is_empty());
            }
            Err(error) => {
                self.panicked += usize::from(matches!(error, PictureError::Panicked { .. }));
                // For people: no names of types and no braces of debug formatting.
                let text = error.to_string();
                assert!(
                    !text.contains([':', '{']) || !text.contains(" { "),
                    "{text}"
                );
                self.refused += 1;
            }
        }
    }
}

#[test]
fn files_cut_anywhere_end_in_a_picture_or_an_error() {
    let mut tally = Tally::default();
    for (name, file) in files() {
        let step = (file.len() / 150).max(1);
        for end in (0..=file.len()).step_by(step) {
            tally.check(&name, &file[..end]);
        }
    }
    let Tally { read, refused, .. } = tally;
    println!(
        "{read} read, {} with a warning, {refused} refused",
        tally.warned
    );
    // Without libjpeg, no file that is cut short is read.
    let least = if cfg!(feature = "libjpeg") { 500 } else { 1 };
    assert!(
        read > least && refused > 2_000,
        "{read} read, {refused} refused"
    );
    assert_eq!(tally.panicked, 0);
}

#[test]
fn files_changed_anywhere_end_in_a_picture_or_an_error() {
    let mut random = Random(3);
    let mut tally = Tally::default();
    for (name, file) in files() {
        for _ in 0..300 {
            let mut bytes = file.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = [0x00, 0x01, 0x7F, 0x80, 0xFF][random.below(5)],
                    2 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, random.below(256) as u8),
                }
            }
            tally.check(&name, &bytes);
        }
    }
    let Tally { read, refused, .. } = tally;
    println!(
        "{read} read, {} with a warning, {refused} refused",
        tally.warned
    );
    println!("{} of these by a panic of a decoder", tally.panicked);
    assert!(
        read > 1_000 && refused > 1_000,
        "{read} read, {refused} refused"
    );
}

/// Work that grows with the square of what a file holds would be felt here.
#[test]
fn a_great_many_parts_are_gone_through_in_little_time() {
    let letters = |n: usize, at: usize| b'a' + (n / 26_usize.pow(at as u32) % 26) as u8;
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend(common::chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0"));
    let mut jpeg = vec![0xFF, 0xD8];
    let mut webp = Vec::new();
    let mut names = Vec::new();
    for n in 0..200_000 {
        let name = [letters(n, 0), letters(n, 1), b'Q', letters(n, 2)];
        names.push(name);
        png.extend(common::chunk(&name, b""));
        let word = [&name[..], &n.to_string().into_bytes()].concat();
        jpeg.extend(common::segment(0xE5, &[&word]));
    }
    for name in &names {
        webp.push((name, &b""[..]));
    }
    let tally = &mut Tally::default();
    tally.check("many.png", &png);
    tally.check("many.jpg", &jpeg);
    tally.check("many.webp", &common::riff(&webp));
    assert_eq!(tally.refused, 3);
}
