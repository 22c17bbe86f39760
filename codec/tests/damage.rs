//! Damaged and hostile files: each ends in a picture or an error, soon, whatever checksums say.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use common::{KINDS, Random, encode, model, of_kind, photo, plain};
use kiln::picture::Metadata;
use kiln::{Alpha, ColorKind, Decoder, Depth, Error, ErrorKind, Limits, Picture, Target, fuzz};
use kiln_container::{
    Boxes, Container, Feature, Frame, Header, MAX_LEVEL, ParseError, expected_chunks, reseal,
};
use kiln_models::device::DeviceInfo;
use kiln_models::{BUNDLED, ModelError};
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
        decoder_set: model().decoder_set(),
        width,
        height,
        color: ColorKind::Rgb,
        alpha: Alpha::None,
        depth: Depth::Eight,
    }
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
        assert!(self.slowest < Duration::from_secs(2), "{:?}", self.slowest);
    }
}

const PICTURE: &str = "a picture";
const CHECKSUM: &str = "refused by the checksum of symbols";
const CODE: &str = "refused by the entropy decoder";
const ALPHA: &str = "refused by the alpha channel, after all symbols";

fn outcome_of<T>(result: &Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => PICTURE,
        Err(Error::Symbols(ModelError::Checksum { .. })) => CHECKSUM,
        Err(Error::Symbols(ModelError::Code(_))) => CODE,
        Err(Error::Symbols(_)) => "refused for other reasons of symbols",
        Err(Error::Picture(_)) => ALPHA,
        Err(Error::WrongWeights { .. }) => "refused for other weights",
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
    let Header { width, height, .. } = container.header;
    let chunks = &mut container.frames[0].chunks;
    chunks.resize(expected_chunks(width, height) as usize, Cow::Borrowed(&[]));
    container.write().unwrap()
}

/// A valid header of any size within the limit, mostly small, with chunks of noise.
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
    let chunks = expected_chunks(header.width, header.height);
    let chunks = (0..chunks).map(|_| {
        let len = random.below(100);
        Cow::Owned(random.bytes(len))
    });
    let chunks = chunks.collect();
    let (level, symbols_crc) = (random.below(64) as u8, random.word() as u32);
    let frame = Frame {
        level,
        symbols_crc,
        chunks,
    };
    write(header, frame)
}

/// Damage behind right checksums.
fn sealed(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let seed = &seeds[random.below(seeds.len())];
    let change_chunk = |random: &mut Random, container: &mut Container, keep_length| {
        let chunks = &mut container.frames[0].chunks;
        let index = random.below(chunks.len());
        mutate(random, chunks[index].to_mut(), keep_length);
    };
    match random.below(16) {
        0 => rewritten(random, seed, |random, c| {
            c.frames[0].symbols_crc ^= 1 << random.below(32);
        }),
        1 => noise(random),
        // Behind a hyper latent that is right, noise has the networks choose its tables.
        2 => {
            let seed = extreme(random.word());
            rewritten(random, &seed, |random, c| {
                let len = random.below(200);
                c.frames[0].chunks[1] = Cow::Owned(random.bytes(len));
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
        }),
        5 => rewritten(random, seed, |random, c| {
            c.header.color = [ColorKind::Grey, ColorKind::Rgb][random.below(2)];
            c.header.depth = [Depth::Eight, Depth::Sixteen][random.below(2)];
        }),
        // The hyper latent of one picture with the latent of another.
        6 => {
            let other = parse(&seeds[random.below(seeds.len())]).frames[0].chunks[1].to_vec();
            rewritten(random, seed, |_, c| {
                c.frames[0].chunks[1] = Cow::Owned(other.clone());
            })
        }
        7 | 8 => rewritten(random, seed, |random, c| change_chunk(random, c, false)),
        // A single bit late in the stream, so that most symbols are as they were.
        9..=11 => {
            let mut bytes = seed.clone();
            let at = bytes.len() - 1 - random.below(bytes.len() / 8);
            bytes[at] ^= 1 << random.below(8);
            reseal(&mut bytes);
            bytes
        }
        12 | 13 => rewritten(random, seed, |random, c| change_chunk(random, c, true)),
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
    assert!(tally.count(&[CHECKSUM]) >= 500 && tally.count(&[ALPHA]) > 0);
}

/// A file such as only a hostile encoder makes: latents of any magnitude, and every checksum right.
fn extreme(seed: u64) -> Vec<u8> {
    static MODEL: OnceLock<kiln_models::Model> = OnceLock::new();
    let model =
        MODEL.get_or_init(|| kiln_models::Model::load(BUNDLED, &DeviceInfo::cpu()).unwrap());
    let mut random = Random(seed);
    // Now and then several stripes.
    let (wide, high) = if random.below(8) == 0 {
        (16, 1200)
    } else {
        (80, 80)
    };
    let (width, height) = (1 + random.below(wide), 1 + random.below(high));
    let scale = 10_f32.powi(random.below(7) as i32 - 1);
    let (h, w) = kiln_models::grid(height, width);
    let y =
        Array3::from_shape_simple_fn((h, model.config().latents, w), || match random.below(64) {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => f32::NEG_INFINITY,
            _ => scale * (random.word() as i32 as f32 / i32::MAX as f32),
        });
    let level = random.below(64) as u8;
    let coded = model.encode_latents(&y.into(), level).unwrap();
    let mut header = header(width as u32, height as u32);
    header.depth = [Depth::Eight, Depth::Sixteen][random.below(2)];
    let frame = Frame {
        level,
        symbols_crc: coded.checksum,
        chunks: coded.chunks.into_iter().map(Cow::Owned).collect(),
    };
    write(header, frame)
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
fn every_truncation_of_a_chunk_is_refused_by_the_entropy_decoder() {
    for seed in photos() {
        let lengths = parse(seed).frames[0]
            .chunks
            .iter()
            .map(|c| c.len())
            .collect::<Vec<_>>();
        let cuts: Vec<(usize, usize)> = lengths
            .iter()
            .enumerate()
            .flat_map(|(chunk, &len)| (0..len).map(move |len| (chunk, len)))
            .collect();
        let tally = run_all(cuts.len(), |case| {
            let (chunk, len) = cuts[case];
            rewritten(&mut Random(0), seed, |_, c| {
                c.frames[0].chunks[chunk].to_mut().truncate(len);
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
        let Error::WrongWeights { needed, have } = error else {
            panic!("{error:?}");
        };
        assert_eq!(have, model().decoder_set());
        assert_eq!(needed, bytes[DECODER_SET..DECODER_SET + 8]);
        assert_eq!(error.kind(), ErrorKind::Weights);
        for set in [needed, have] {
            let name: String = set.iter().map(|b| format!("{b:02x}")).collect();
            assert!(error.to_string().contains(&name), "{error}");
        }
    }
}

#[test]
fn another_architecture_is_unsupported_whatever_the_weights() {
    let mut bytes = photos()[1].clone();
    bytes[ARCHITECTURE] = 200;
    assert!(reseal(&mut bytes));
    let error = decoder().decode(&bytes).unwrap_err();
    assert!(
        matches!(
            error,
            Error::File(ParseError::Unsupported {
                what: Feature::Architecture(200)
            })
        ),
        "{error:?}"
    );
}

thread_local! {
    /// Bytes requested by this thread. A constant initialiser without a destructor: counting allocates nothing.
    static REQUESTED: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with a count of the bytes that each thread asks for.
struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged; the count beside it touches no memory of its.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTED.set(REQUESTED.get() + layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, hence from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn sizes_over_a_limit_are_refused_before_anything_is_allocated() {
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
        let frame = Frame {
            level: 0,
            symbols_crc: 0,
            chunks: vec![Cow::Borrowed(&[][..]); expected_chunks(width, height) as usize],
        };
        let bytes = write(header(width, height), frame);
        let decoder = Decoder::new(model()).with_limits(limits);
        let before = REQUESTED.get();
        let result = decoder.decode(&bytes);
        let requested = REQUESTED.get() - before;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{width}x{height}: {error}");
        assert!(error.to_string().contains(&limit.to_string()), "{error}");
        // The list of stage times is all there is.
        assert!(requested < 1000, "{width}x{height}: {requested} bytes");
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
    let frame = Frame {
        level: 0,
        symbols_crc: 0,
        chunks: vec![Cow::Borrowed(&[][..]); expected_chunks(1000, 1000) as usize],
    };
    let bytes = write(header(1000, 1000), frame);
    let error = decoder().decode(&bytes).unwrap_err();
    assert!(
        matches!(error, Error::Symbols(ModelError::Code(_))),
        "{error:?}"
    );
}
