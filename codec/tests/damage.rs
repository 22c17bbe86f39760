//! Damaged and hostile files: each ends in a picture or an error, soon, whatever checksums say.

#[path = "common/allocation.rs"]
mod allocation;
mod common;
#[path = "common/graphics.rs"]
mod graphics;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use common::{KINDS, Random, encode, model, of_kind, photo, plain};
use kiln::picture::Metadata;
use kiln::{
    Alpha, ColorKind, Decoder, DecoderSet, Depth, Error, ErrorKind, Limits, Picture, Target, fuzz,
};
use kiln_container::{Boxes, Container, Frame, FrameKind, Header, MAX_LEVEL, ParseError, reseal};
use kiln_models::arch::base::{CELL, Config, STRIPE_ROWS};
use kiln_models::seam::{Architecture, Given, Size};
use kiln_models::seam::{Places, Unwatched};
use kiln_models::{BUNDLED, ModelError, Weights};
use ndarray::Array3;

const MAX_PIXELS: u64 = 1_000_000;
/// Offset of the architecture, of the decoder set and of the width in a file.
const ARCHITECTURE: usize = 5;
const DECODER_SET: usize = 6;
const WIDTH: usize = 15;

fn decoder() -> Decoder {
    Decoder::new(model()).with_limits(Limits::default().with_max_pixels(MAX_PIXELS))
}

/// Three intact files: grey, colour, and colour with alpha and a profile.
fn photos() -> &'static [Vec<u8>; 3] {
    static FILES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    FILES.get_or_init(|| {
        let opaque = |_, _| u16::MAX;
        let grey = of_kind(&photo(14, 33, 40), KINDS[0], opaque);
        let color = photo(19, 64, 48).into();
        let clear = of_kind(&photo(23, 40, 40), KINDS[3], |x, y| {
            (x * y * 41 + x * 300) as u16
        });
        let tagged = Picture {
            image: clear,
            metadata: Metadata {
                icc: Some(Random(7).bytes(200)),
                ..Metadata::default()
            },
        };
        [
            encode(&plain(grey), Target::Quality(60)).bytes,
            encode(&plain(color), Target::Quality(40)).bytes,
            encode(&tagged, Target::Quality(80)).bytes,
        ]
    })
}

fn parse(bytes: &[u8]) -> Container<'_> {
    Container::parse(bytes, &kiln_container::Limits::default()).unwrap()
}

/// The header of a file that these weights decode.
fn header(width: u32, height: u32) -> Header {
    Header {
        architecture: 4,
        decoder_set: model().decoder_set().0,
        width,
        height,
        color: ColorKind::Rgb,
        alpha: Alpha::None,
        depth: Depth::Eight,
        portable: true,
        sequence: None,
    }
}

/// A frame without alpha.
fn frame(level: u8, symbols_crc: u32, streams: Vec<Cow<'_, [u8]>>) -> Frame<'_> {
    Frame {
        kind: FrameKind::Intra,
        level,
        symbols_crc,
        graphics: None,
        alpha: None,
        streams,
    }
}

/// Streams that a picture of this height has.
fn streams_of(height: u32) -> usize {
    1 + (height as usize).div_ceil(CELL * STRIPE_ROWS)
}

/// As many empty streams as a picture has.
fn empty(height: u32) -> Frame<'static> {
    let streams = vec![Cow::Borrowed(&[][..]); streams_of(height)];
    frame(0, 0, streams)
}

fn write(header: Header, frame: Frame<'_>) -> Vec<u8> {
    let container = Container {
        header,
        boxes: Boxes::default(),
        frames: vec![frame],
    };
    container.write().unwrap()
}

/// What became of the files, counted.
#[derive(Default, Debug)]
struct Tally {
    outcomes: BTreeMap<&'static str, usize>,
    slowest: Duration,
    failures: Vec<String>,
}

impl Tally {
    /// Decodes one file under the eyes of the properties.
    fn run(&mut self, decoder: &Decoder, bytes: &[u8], case: usize) {
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| fuzz::decode_any(decoder, bytes)));
        self.slowest = self.slowest.max(start.elapsed());
        match outcome {
            Ok(result) => *self.outcomes.entry(outcome_of(&result)).or_default() += 1,
            Err(_) => self.failures.push(format!("case {case}: {bytes:02x?}")),
        }
    }

    fn add(&mut self, other: Self) {
        for (name, count) in other.outcomes {
            *self.outcomes.entry(name).or_default() += count;
        }
        self.slowest = self.slowest.max(other.slowest);
        self.failures.extend(other.failures);
    }

    fn count(&self, names: &[&str]) -> usize {
        names
            .iter()
            .filter_map(|name| self.outcomes.get(name))
            .sum()
    }

    /// Checks what holds for every set of files: no panic, and an end in time.
    fn check(&self, files: usize) {
        println!("{files} files, the slowest took {:?}", self.slowest);
        for (name, count) in &self.outcomes {
            println!("{count:6} {name}");
        }
        assert!(self.failures.is_empty(), "{:#?}", self.failures);
        assert_eq!(self.outcomes.values().sum::<usize>(), files);
        // Many times what the slowest file takes on an idle machine: what ends at all ends soon.
        assert!(self.slowest < Duration::from_secs(10), "{:?}", self.slowest);
    }
}

const PICTURE: &str = "a picture";
const CHECKSUM: &str = "refused by the checksum of symbols";
const CODE: &str = "refused by the entropy decoder";
const STREAMS: &str = "refused for the number of its streams";
const FITTED: &str = "refused for its networks or their latents";
const ALPHA: &str = "refused by the alpha channel or the graphics layer";

fn outcome_of<T>(result: &Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => PICTURE,
        Err(Error::Symbols(ModelError::Checksum { .. })) => CHECKSUM,
        Err(Error::Symbols(ModelError::Code(_))) => CODE,
        Err(Error::Symbols(ModelError::Streams { .. })) => STREAMS,
        Err(Error::Symbols(_)) => "refused for other reasons of symbols",
        Err(Error::Picture(_) | Error::Graphics(_)) => ALPHA,
        Err(Error::Fitted(_)) => FITTED,
        Err(Error::NoWeights { .. }) => "refused for other weights",
        Err(Error::NotPortable { .. }) => "refused for not being portable",
        Err(Error::Sequence { .. }) => "refused for being a sequence",
        Err(error) if error.kind() == ErrorKind::Limit => "refused by a limit",
        Err(Error::File(_)) => "refused by the container",
        Err(_) => "refused otherwise",
    }
}

/// Decodes `make(0..count)` on all cores. Every worker has a pool of one thread, so that a case is timed alone.
fn run_all(count: usize, make: impl Fn(usize) -> Vec<u8> + Sync) -> Tally {
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        let (decoder, mut tally) = (decoder(), Tally::default());
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if case >= count {
                break;
            }
            tally.run(&decoder, &make(case), case);
        }
        total.lock().unwrap().add(tally);
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
                pool.unwrap().install(work);
            });
        }
    });
    total.into_inner().unwrap()
}

/// Changes a bit, a byte or a block, and the length where `keep_length` allows.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>, keep_length: bool) {
    if bytes.is_empty() {
        bytes.push(random.word() as u8);
        return;
    }
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(16)).min(bytes.len());
    match random.below(if keep_length { 4 } else { 8 }) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.word() as u8,
        2 => bytes[at..end].fill_with(|| random.word() as u8),
        3 => {
            let from = random.below(bytes.len() - (end - at) + 1);
            bytes.copy_within(from..from + (end - at), at);
        }
        4 => bytes.insert(at, random.word() as u8),
        5 => drop(bytes.drain(at..end)),
        6 => {
            let repeated = bytes[at..end].to_vec();
            bytes.splice(at..at, repeated);
        }
        _ => bytes.truncate(at),
    }
}

/// Changes something of a parsed file and writes it again: every length and checksum of the container is right.
fn rewritten(
    random: &mut Random,
    seed: &[u8],
    change: impl Fn(&mut Random, &mut Container),
) -> Vec<u8> {
    let mut container = parse(seed);
    change(random, &mut container);
    container.write().unwrap()
}

/// Gives a frame as many streams as its picture has.
fn fit(container: &mut Container) {
    let streams = streams_of(container.header.height);
    container.frames[0]
        .streams
        .resize(streams, Cow::Borrowed(&[]));
}

/// A valid header of any size within the limit, mostly small, with streams of noise.
fn noise(random: &mut Random) -> Vec<u8> {
    // Log-uniform sides: long thin pictures are as frequent as square ones.
    let bits = if random.below(4) == 0 { 20 } else { 12 };
    let pixels = 1 << random.below(bits);
    let width = 1 + random.below(pixels);
    let height = 1 + random.below((MAX_PIXELS as usize / width).min(pixels));
    let mut header = header(width as u32, height as u32);
    header.color = [ColorKind::Grey, ColorKind::Rgb][random.below(2)];
    header.alpha = [Alpha::None, Alpha::Opaque][random.below(2)];
    header.depth = [Depth::Eight, Depth::Sixteen][random.below(2)];
    let streams = (0..streams_of(header.height)).map(|_| {
        let len = random.below(100);
        Cow::Owned(random.bytes(len))
    });
    let streams = streams.collect();
    let (level, symbols_crc) = (random.below(64) as u8, random.word() as u32);
    write(header, frame(level, symbols_crc, streams))
}

/// Damage behind right checksums.
fn sealed(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let seed = &seeds[random.below(seeds.len())];
    let change_stream = |random: &mut Random, container: &mut Container, keep_length| {
        let streams = &mut container.frames[0].streams;
        let index = random.below(streams.len());
        mutate(random, streams[index].to_mut(), keep_length);
    };
    match random.below(18) {
        0 => rewritten(random, seed, |random, c| {
            c.frames[0].symbols_crc ^= 1 << random.below(32);
        }),
        1 => noise(random),
        // Behind a hyper latent that is right, noise has the networks choose its tables.
        2 => {
            let seed = extreme(random.word());
            rewritten(random, &seed, |random, c| {
                let len = random.below(200);
                c.frames[0].streams[1] = Cow::Owned(random.bytes(len));
            })
        }
        3 => rewritten(random, seed, |random, c| {
            c.frames[0].level = random.word() as u8 & MAX_LEVEL;
        }),
        // Other sizes, some of which have as many cells.
        4 => rewritten(random, seed, |random, c| {
            for side in [&mut c.header.width, &mut c.header.height] {
                *side = (*side + random.below(32) as u32).saturating_sub(16).max(1);
            }
            fit(c);
        }),
        5 => rewritten(random, seed, |random, c| {
            c.header.color = [ColorKind::Grey, ColorKind::Rgb][random.below(2)];
            c.header.depth = [Depth::Eight, Depth::Sixteen][random.below(2)];
        }),
        // The hyper latent of one picture with the latent of another.
        6 => {
            let other = parse(&seeds[random.below(seeds.len())]).frames[0].streams[1].to_vec();
            rewritten(random, seed, |_, c| {
                c.frames[0].streams[1] = Cow::Owned(other.clone());
            })
        }
        7 | 8 => rewritten(random, seed, |random, c| change_stream(random, c, false)),
        // A single bit late in the file, so that most symbols are as they were.
        9..=11 => {
            let mut bytes = seed.clone();
            let at = bytes.len() - 5 - random.below(bytes.len() / 8);
            bytes[at] ^= 1 << random.below(8);
            reseal(&mut bytes);
            bytes
        }
        12 | 13 => rewritten(random, seed, |random, c| change_stream(random, c, true)),
        // Another number of streams.
        14 => rewritten(random, seed, |random, c| {
            let streams = random.below(5);
            c.frames[0].streams.resize(streams, Cow::Borrowed(&[]));
        }),
        // The alpha channel, where there is one; in the others one appears.
        15 => rewritten(random, seed, |random, c| {
            c.header.alpha = Alpha::Coded;
            let alpha = c.frames[0].alpha.get_or_insert(Cow::Borrowed(&[0]));
            mutate(random, alpha.to_mut(), false);
            if alpha.is_empty() {
                c.frames[0].alpha = Some(Cow::Borrowed(&[0]));
            }
        }),
        // Anything, head and boxes included.
        _ => {
            let mut bytes = seed.clone();
            for _ in 0..=random.below(3) {
                mutate(random, &mut bytes, true);
            }
            reseal(&mut bytes);
            bytes
        }
    }
}

#[test]
fn mutated_files_end_in_a_picture_or_an_error() {
    const FILES: usize = 20_000;
    let seeds: Vec<Vec<u8>> = photos().iter().cloned().chain([extreme(0)]).collect();
    let tally = run_all(FILES, |case| {
        let mut random = Random(case as u64);
        if case % 2 == 0 {
            return sealed(&mut random, &seeds);
        }
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(3) {
            mutate(&mut random, &mut bytes, false);
        }
        bytes
    });
    tally.check(FILES);
    let ended = tally.count(&[PICTURE, CHECKSUM, ALPHA]);
    let reached = ended + tally.count(&[CODE]);
    println!("{reached} reached the entropy decoder, {ended} the checksum of symbols");
    assert!(reached >= 5_000, "{reached} reached the entropy decoder");
    assert!(ended >= 500, "{ended} reached the checksum of symbols");
    assert!(tally.count(&[CHECKSUM]) >= 500 && tally.count(&[ALPHA]) >= 100);
    assert!(tally.count(&[STREAMS]) >= 100);
}

/// Files with a graphics layer: text on a photograph, the whole of a drawing, grey of 16 bits with alpha.
fn layered() -> Vec<Vec<u8>> {
    let text = graphics::drawn("text-coloured").into_rgb8();
    let crop = |x, y| image::imageops::crop_imm(&text, x, y, 64, 40).to_image();
    let mixed = graphics::paste(photo(20, 96, 72), &crop(0, 0), 16, 16);
    let grey = of_kind(&crop(40, 30), KINDS[5], |x, y| {
        ((x / 9 + y / 7) * 5000) as u16
    });
    let files = [
        encode(&plain(mixed.into()), Target::Quality(80)).bytes,
        encode(&plain(crop(64, 64).into()), Target::Lossless).bytes,
        encode(&plain(grey), Target::Lossless).bytes,
    ];
    for file in &files {
        assert!(parse(file).frames[0].graphics.is_some());
    }
    files.into()
}

#[test]
fn mutated_layers_end_in_a_picture_or_an_error() {
    const FILES: usize = 6_000;
    let seeds = layered();
    let tally = run_all(FILES, |case| {
        let mut random = Random(case as u64);
        let seed = &seeds[random.below(seeds.len())];
        rewritten(&mut random, seed, |random, c| {
            match random.below(8) {
                // Sizes and kinds that the layer is not for.
                0 => {
                    c.header.width = (c.header.width + random.below(40) as u32).max(17) - 16;
                    c.header.height = (c.header.height + random.below(40) as u32).max(17) - 16;
                }
                1 => {
                    c.header.color = [ColorKind::Grey, ColorKind::Rgb][random.below(2)];
                    c.header.depth = [Depth::Eight, Depth::Sixteen][random.below(2)];
                }
                _ => {}
            }
            let layer = c.frames[0].graphics.get_or_insert(Cow::Borrowed(&[0]));
            for _ in 0..=random.below(2) {
                mutate(random, layer.to_mut(), false);
            }
            if layer.is_empty() {
                *layer = Cow::Borrowed(&[0]);
            }
        })
    });
    tally.check(FILES);
    assert!(tally.count(&[ALPHA]) >= FILES / 4, "{:?}", tally.outcomes);
}

/// Files with networks of their own: colour, grey of 16 bits with alpha, several bands, text in the layer.
fn fitted() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let options = |iterations| {
            kiln::EncodeOptions::default()
                .with_graphics(false)
                .with_fit(kiln::Fit::iterations(iterations))
        };
        let fit = |image: image::DynamicImage, options: &kiln::EncodeOptions| {
            let encoded = kiln::Encoder::new(model()).encode(&plain(image), options);
            encoded.unwrap().bytes
        };
        let text = graphics::drawn("text-coloured").into_rgb8();
        let text = image::imageops::crop_imm(&text, 0, 0, 64, 40).to_image();
        let mixed = graphics::paste(photo(20, 96, 72), &text, 16, 16);
        let grey = of_kind(&photo(14, 40, 33), KINDS[5], |x, y| {
            ((x / 9 + y / 7) * 5000) as u16
        });
        let files = vec![
            fit(photo(19, 64, 48).into(), &options(60)),
            fit(grey, &options(30)),
            fit(photo(4, 20, 300).into(), &options(30)),
            fit(mixed.into(), &options(30).with_graphics(true)),
        ];
        for file in &files {
            assert_eq!(parse(file).header.architecture, kiln::FITTED);
        }
        files
    })
}

#[test]
fn mutated_fits_end_in_a_picture_or_an_error() {
    const FILES: usize = 20_000;
    let seeds = fitted();
    let tally = run_all(FILES, |case| {
        let mut random = Random(case as u64);
        let seed = &seeds[random.below(seeds.len())];
        rewritten(&mut random, seed, |random, c| {
            // Now and then behind a checksum that is right by chance alone: most are found before it.
            match random.below(12) {
                0 => {
                    for side in [&mut c.header.width, &mut c.header.height] {
                        *side = (*side + random.below(32) as u32).saturating_sub(16).max(1);
                    }
                }
                1 => {
                    c.header.color = [ColorKind::Grey, ColorKind::Rgb][random.below(2)];
                    c.header.depth = [Depth::Eight, Depth::Sixteen][random.below(2)];
                }
                2 => c.header.decoder_set[random.below(8)] = random.word() as u8,
                3 => c.header.portable = random.below(2) == 0,
                4 => {
                    let streams = random.below(6);
                    c.frames[0].streams.resize(streams, Cow::Borrowed(&[]));
                }
                // Networks of one picture with the latents of another.
                5 => {
                    let other =
                        parse(&seeds[random.below(seeds.len())]).frames[0].streams[0].to_vec();
                    c.frames[0].streams[0] = Cow::Owned(other);
                }
                // The head and the networks.
                6..=8 => {
                    if let Some(stream) = c.frames[0].streams.first_mut() {
                        mutate(random, stream.to_mut(), false);
                    }
                }
                _ => {
                    let streams = &mut c.frames[0].streams;
                    let index = random.below(streams.len());
                    let keep_length = random.below(2) == 0;
                    mutate(random, streams[index].to_mut(), keep_length);
                }
            }
        })
    });
    tally.check(FILES);
    let (reached, pictures) = (tally.count(&[FITTED]), tally.count(&[PICTURE]));
    assert!(reached >= FILES / 2, "{:?}", tally.outcomes);
    // What says nothing of pixels, such as another depth.
    assert!((100..FILES / 4).contains(&pictures), "{:?}", tally.outcomes);
}

#[test]
fn every_bit_of_fitted_networks_may_be_wrong() {
    let seed = &fitted()[0];
    let length = parse(seed).frames[0].streams[0].len();
    let tally = run_all(8 * length, |case| {
        rewritten(&mut Random(0), seed, |_, c| {
            c.frames[0].streams[0].to_mut()[case / 8] ^= 1 << (case % 8);
        })
    });
    tally.check(8 * length);
    // Some fields of the head say nothing of values, such as the precision of pixels: the checksum of the frame covers them.
    assert!(tally.count(&[PICTURE]) <= length, "{:?}", tally.outcomes);
}

#[test]
fn every_truncation_of_a_fitted_stream_is_refused() {
    for seed in fitted() {
        let container = parse(seed);
        let lengths = container.frames[0].streams.iter().map(|s| s.len());
        let cuts: Vec<(usize, usize)> = lengths
            .enumerate()
            .flat_map(|(stream, len)| (0..len).map(move |len| (stream, len)))
            .collect();
        let tally = run_all(cuts.len(), |case| {
            let (stream, len) = cuts[case];
            rewritten(&mut Random(0), seed, |_, c| {
                c.frames[0].streams[stream].to_mut().truncate(len);
            })
        });
        tally.check(cuts.len());
        assert_eq!(tally.count(&[FITTED]), cuts.len(), "{:?}", tally.outcomes);
    }
}

#[test]
fn fits_that_claim_too_much_are_refused_before_anything_is_allocated() {
    let networks = parse(&fitted()[0]).frames[0].streams[0].to_vec();
    let defaults = Limits::default();
    for (width, height, limits) in [
        (10_000, 10_000, defaults.with_max_memory(1 << 28)),
        (100_000, 100_000, defaults),
        (1, 100_000_000, defaults.with_max_memory(1 << 28)),
        (100_000_000, 1, defaults.with_max_memory(1 << 28)),
    ] {
        let mut header = header(width, height);
        (header.architecture, header.decoder_set) = (kiln::FITTED, [0; 8]);
        let streams = vec![Cow::Owned(networks.clone()), Cow::Borrowed(&[][..])];
        let bytes = write(header, frame(0, 0, streams));
        let decoder = Decoder::without_weights().with_limits(limits);
        let (held, result) = allocation::most_held_here(|| decoder.decode(&bytes));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{width}x{height}: {error}");
        // The networks, which are small whatever the size.
        assert!(held < 1 << 20, "{width}x{height}: {held} bytes");
    }
}

/// The networks of the bundled weights, and the number of channels of y.
fn networks() -> (&'static dyn Architecture, usize) {
    static NETWORKS: OnceLock<(Box<dyn Architecture>, usize)> = OnceLock::new();
    let (networks, channels) = NETWORKS.get_or_init(|| {
        let weights = Weights::open(BUNDLED).unwrap();
        let config = Config::from_json(weights.config().unwrap()).unwrap();
        let networks = kiln_models::arch::open(weights, &Places::cpu()).unwrap();
        (networks, config.latents)
    });
    (networks.as_ref(), *channels)
}

/// A file such as only a hostile encoder makes: latents of any magnitude, and every checksum right.
fn extreme(seed: u64) -> Vec<u8> {
    let (networks, channels) = networks();
    let mut random = Random(seed);
    // Now and then several stripes.
    let (wide, high) = if random.below(8) == 0 {
        (16, 1200)
    } else {
        (80, 80)
    };
    let (width, height) = (1 + random.below(wide), 1 + random.below(high));
    let size = Size { height, width };
    let scale = 10_f32.powi(random.below(7) as i32 - 1);
    let (h, w) = size.cells(CELL);
    let y = Array3::from_shape_simple_fn((h, channels, w), || match random.below(64) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        _ => scale * (random.word() as i32 as f32 / i32::MAX as f32),
    });
    let level = random.below(64) as u8;
    let given = Given {
        level: networks.facts().levels.require(level).unwrap(),
        size,
        watch: &Unwatched,
    };
    let coded = networks.encode(&y.into(), &given).unwrap().value;
    let mut header = header(width as u32, height as u32);
    header.depth = [Depth::Eight, Depth::Sixteen][random.below(2)];
    let streams = coded.streams.into_iter().map(Cow::Owned).collect();
    write(header, frame(level, coded.checksum, streams))
}

#[test]
fn latents_of_any_magnitude_give_a_picture() {
    const FILES: usize = 200;
    let tally = run_all(FILES, |case| extreme(1 + case as u64));
    tally.check(FILES);
    assert_eq!(tally.count(&[PICTURE]), FILES);
}

#[test]
fn every_truncation_of_a_file_is_recognised_as_one() {
    let decoder = decoder();
    for bytes in photos() {
        for len in 0..bytes.len() {
            let error = decoder.decode(&bytes[..len]).unwrap_err();
            assert!(
                matches!(error, Error::File(ParseError::Truncated { .. })),
                "{len} bytes: {error:?}"
            );
        }
    }
}

#[test]
fn every_truncation_of_a_stream_is_refused_by_the_entropy_decoder() {
    for seed in photos() {
        let lengths = parse(seed).frames[0]
            .streams
            .iter()
            .map(|s| s.len())
            .collect::<Vec<_>>();
        let cuts: Vec<(usize, usize)> = lengths
            .iter()
            .enumerate()
            .flat_map(|(stream, &len)| (0..len).map(move |len| (stream, len)))
            .collect();
        let tally = run_all(cuts.len(), |case| {
            let (stream, len) = cuts[case];
            rewritten(&mut Random(0), seed, |_, c| {
                c.frames[0].streams[stream].to_mut().truncate(len);
            })
        });
        tally.check(cuts.len());
        assert_eq!(tally.count(&[CODE]), cuts.len());
    }
}

#[test]
fn a_wrong_checksum_of_symbols_is_the_only_thing_wrong() {
    for seed in photos() {
        let bytes = rewritten(&mut Random(0), seed, |_, c| c.frames[0].symbols_crc ^= 1);
        let error = decoder().decode(&bytes).unwrap_err();
        let needed = parse(seed).frames[0].symbols_crc ^ 1;
        assert!(
            matches!(error, Error::Symbols(ModelError::Checksum { found, needed: n })
                if n == needed && found == needed ^ 1),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Damaged);
    }
}

#[test]
fn files_of_other_weights_name_both() {
    let intact = &photos()[1];
    for bit in 0..64 {
        let mut bytes = intact.clone();
        bytes[DECODER_SET + bit / 8] ^= 1 << (bit % 8);
        assert!(reseal(&mut bytes));
        let error = decoder().decode(&bytes).unwrap_err();
        let Error::NoWeights {
            architecture,
            needed,
            have,
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(*architecture, 4);
        assert_eq!(needed.0, bytes[DECODER_SET..DECODER_SET + 8]);
        assert_eq!(have.as_slice(), [("base", model().decoder_set())]);
        assert_eq!(error.kind(), ErrorKind::Weights);
        for set in [*needed, model().decoder_set()] {
            assert!(error.to_string().contains(&set.to_string()), "{error}");
        }
    }
}

#[test]
fn another_architecture_is_not_decoded_whatever_the_weights() {
    for architecture in [1, 16, 200] {
        let mut bytes = photos()[1].clone();
        bytes[ARCHITECTURE] = architecture;
        assert!(reseal(&mut bytes));
        let error = decoder().decode(&bytes).unwrap_err();
        let set: DecoderSet = model().decoder_set();
        assert!(
            matches!(&error, Error::NoWeights { architecture: a, needed, .. }
                if *a == architecture && *needed == set),
            "{error:?}"
        );
        let named = match architecture {
            16 => "bmshj2018-hyperprior".into(),
            number => format!("architecture number {number}, which this version does not know"),
        };
        assert!(error.to_string().contains(&named), "{error}");
    }
    // 0 is no architecture.
    let mut bytes = photos()[1].clone();
    bytes[ARCHITECTURE] = 0;
    let error = decoder().decode(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[test]
fn sizes_over_a_limit_are_refused_before_anything_is_allocated() {
    // What the networks take is not counted here.
    model().open().unwrap();
    let defaults = Limits::default();
    let cases = [
        // Over the pixels, within any memory.
        (100_000, 100_000, defaults, defaults.max_pixels),
        (
            1001,
            1000,
            defaults.with_max_pixels(1_001_000 - 1),
            1_000_999,
        ),
        // As many pixels as are allowed, but sixteen times the cells of a square picture.
        (128_000_000, 1, defaults, 2 * defaults.max_pixels + 65_536),
        (1, 128_000_000, defaults, 2 * defaults.max_pixels + 65_536),
        // Over the memory.
        (10_000, 10_000, defaults.with_max_memory(1 << 30), 1 << 30),
    ];
    for (width, height, limits, limit) in cases {
        let bytes = write(header(width, height), empty(height));
        let decoder = Decoder::new(model()).with_limits(limits);
        let before = allocation::requested();
        let result = decoder.decode(&bytes);
        let requested = allocation::requested() - before;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{width}x{height}: {error}");
        assert!(error.to_string().contains(&limit.to_string()), "{error}");
        // The list of stage times is all there is, beside that of the streams, of which each takes a byte of the file.
        let allowed = 1000 + 100 * bytes.len();
        assert!(requested < allowed, "{width}x{height}: {requested} bytes");
    }
    // The size is read from the place where the tests of limits think it is.
    let mut bytes = photos()[0].clone();
    bytes.splice(WIDTH..WIDTH + 2, [0xA0, 0x8D, 0x06, 0xA0, 0x8D, 0x06]);
    let error = Decoder::new(model()).decode(&bytes).unwrap_err();
    assert!(
        matches!(
            error,
            Error::File(ParseError::Limit {
                value: 10_000_000_000,
                ..
            })
        ),
        "{error:?}"
    );
}

#[test]
fn the_largest_size_within_the_limits_is_not_refused_for_its_size() {
    let bytes = write(header(1000, 1000), empty(1000));
    let error = decoder().decode(&bytes).unwrap_err();
    assert!(
        matches!(error, Error::Symbols(ModelError::Code(_))),
        "{error:?}"
    );
}
