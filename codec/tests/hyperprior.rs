//! `bmshj2018-hyperprior` from pictures to files and back, with untrained weights: real symbols, and files that are not
//! portable. What its networks compute is held against CompressAI in `models/tests/hyperprior.rs`.

#[path = "common/allocation.rs"]
mod allocation;
mod common;
#[path = "common/seeded.rs"]
mod seeded;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use common::{Random, photo, plain};
use image::DynamicImage;
use kiln::threads::Threads;
use kiln::{
    Decoder, DeviceChoice, Effort, EncodeOptions, Encoded, Encoder, Error, ErrorKind, ExactChoice,
    Limits, Model, Picture, PixelDifference, Portability, Progress, Silent, Stage, Target,
    TileSize, devices, fuzz, info, picture, verify,
};
use kiln_container::{Container, Header, peek, reseal};
use kiln_models::seam::{Given, Places, Size, Unwatched};
use kiln_models::{ModelError, Weights, arch};
use seeded::Seeded;

/// Number of the architecture in a file.
const ARCHITECTURE: u8 = 16;
/// Place of the decoder set in a file.
const DECODER_SET: std::ops::Range<usize> = 6..14;
/// Place in a file, and bit, that says that it is not portable.
const NOT_PORTABLE: (usize, u8) = (14, 1 << 4);

/// Weights with few channels.
fn narrow() -> Seeded {
    Seeded::new(16, 24, 7)
}

fn model() -> Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| narrow().model()).clone()
}

/// Refuses what is not portable, as is the default.
fn strict() -> Decoder {
    Decoder::new(model())
}

fn decoder(model: Model) -> Decoder {
    Decoder::new(model).allow_not_portable(true)
}

fn encode(picture: &Picture) -> Encoded {
    let options = modelled().with_reconstruction(true);
    Encoder::new(model()).encode(picture, &options).unwrap()
}

/// A photo, and its file.
fn file() -> &'static (Picture, Encoded) {
    static FILE: OnceLock<(Picture, Encoded)> = OnceLock::new();
    FILE.get_or_init(|| {
        let picture = plain(photo(5, 300, 200).into());
        let encoded = encode(&picture);
        (picture, encoded)
    })
}

/// What the model alone makes of a picture: it is not trained, and the layer would take every block.
fn modelled() -> EncodeOptions {
    EncodeOptions::default().with_graphics(false)
}

/// How this machine is named in files that it writes.
fn this_device() -> String {
    format!("cpu ({}, {})", std::env::consts::ARCH, std::env::consts::OS)
}

fn difference(a: &DynamicImage, b: &DynamicImage) -> PixelDifference {
    PixelDifference::between(a, b).expect("pictures of one kind and size")
}

/// The pictures of the conformance set: colour and grey, 8 and 16 bits, with alpha, a pixel, lines, photographs.
fn sources() -> Vec<(String, Picture)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/source");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let file = std::fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (
                name,
                picture::load(&file, &Default::default()).unwrap().picture,
            )
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn pictures_of_every_kind_and_size_come_back_as_the_encoder_sees_them() {
    let mut pictures = sources();
    assert!(pictures.len() >= 15, "{}", pictures.len());
    for (width, height) in [(1, 1), (17, 31), (4000, 1), (1, 300), (64, 64), (65, 129)] {
        let picture = plain(photo(19, width, height).into());
        pictures.push((format!("{width}x{height}"), picture));
    }
    for (name, picture) in &pictures {
        let encoded = encode(picture);
        let Header {
            architecture,
            decoder_set,
            portable,
            ..
        } = peek(&encoded.bytes).unwrap();
        assert_eq!((architecture, portable), (ARCHITECTURE, false), "{name}");
        assert_eq!(decoder_set, model().decoder_set().0, "{name}");
        let expected = encoded.reconstruction.unwrap();
        let found = verify(&decoder(model()), &encoded.bytes, &expected, &Silent).unwrap();
        // On one machine there is nothing that may differ.
        assert_eq!(found.pixels.differing, 0, "{name}");
        assert_eq!(found.image.color(), picture.image.color(), "{name}");
        assert_eq!(common::alpha(&found.image), common::alpha(&picture.image));
    }
}

/// A model that makes nothing of a picture leaves it to the layer, and the file is portable then.
#[test]
fn pictures_that_this_model_codes_badly_are_coded_without_loss() {
    let drawn = image::RgbImage::from_fn(100, 80, |x, y| {
        image::Rgb(if (x / 3 + y / 5) % 3 == 0 {
            [20, 30, 200]
        } else {
            [250; 3]
        })
    });
    let picture = plain(drawn.into());
    let encoded = Encoder::new(model())
        .encode(&picture, &EncodeOptions::default())
        .unwrap();
    assert!(encoded.lossless && peek(&encoded.bytes).unwrap().portable);
    let decoded = Decoder::new(model()).decode(&encoded.bytes).unwrap();
    assert_eq!(decoded.picture, picture);
}

/// A test of symbols that are all 0 would prove nothing.
#[test]
fn symbols_are_lively() {
    let (picture, encoded) = file();
    let weights = narrow().file();
    let network = arch::open(Weights::open(&weights).unwrap(), &Places::cpu()).unwrap();
    let container = Container::parse(&encoded.bytes, &Default::default()).unwrap();
    let streams: Vec<&[u8]> = container.frames[0]
        .streams
        .iter()
        .map(AsRef::as_ref)
        .collect();
    let given = Given {
        level: network.facts().levels.last(),
        size: Size {
            height: picture.image.height() as usize,
            width: picture.image.width() as usize,
        },
        watch: &Unwatched,
    };
    let trace = network.trace(&streams, &given).unwrap();
    for (stream, name) in trace.streams.iter().zip(["z", "y"]) {
        let (symbols, places) = (&stream.symbols, &stream.places);
        // Beyond the literals of the widest row of z; rows of y are narrower for most of its symbols.
        let escapes = symbols.iter().filter(|s| s.abs() > 6).count();
        let zeros = symbols.iter().filter(|s| **s == 0).count();
        let different: std::collections::BTreeSet<_> = symbols.iter().collect();
        let rows: std::collections::BTreeSet<_> = places.iter().collect();
        println!(
            "{name}: {} symbols, {zeros} are 0, {} different, {} rows, {escapes} beyond 6",
            symbols.len(),
            different.len(),
            rows.len()
        );
        assert!(zeros < symbols.len() / 2, "{name}");
        assert!(
            escapes > 0 && different.len() > 10 && rows.len() > 10,
            "{name}"
        );
    }
}

#[test]
fn a_file_decodes_alike_in_tiles_of_any_size_and_on_any_number_of_threads() {
    // 1100 pixels are two tiles of h_s, whatever the tiles of g_s are.
    let picture = plain(photo(13, 1100, 300).into());
    let encoded = encode(&picture);
    let reference = decoder(model()).decode(&encoded.bytes).unwrap();
    for pixels in [64, 128, 512] {
        let tiled = model().with_tile(TileSize::new(pixels).unwrap());
        let decoded = decoder(tiled.clone()).decode(&encoded.bytes).unwrap();
        assert_eq!(
            decoded.about.latents_checksum,
            reference.about.latents_checksum
        );
        let found = difference(&decoded.picture.image, &reference.picture.image);
        println!("tiles of {pixels}: {:.5} of samples differ", found.share());
        assert!(found.within_one() && found.share() < 0.01, "{found:?}");

        // A last bit of a float may move a symbol to its neighbour, but never more than a few of them.
        let again = Encoder::new(tiled).encode(&picture, &modelled());
        let (have, expected) = (again.unwrap().bytes.len(), encoded.bytes.len());
        assert!(
            have.abs_diff(expected) * 1000 <= expected,
            "{have} for {expected} bytes"
        );
    }
    for count in [1, 3] {
        let threads = Threads::new(count).unwrap();
        let options = modelled();
        let encoder = Encoder::new(model()).with_threads(threads.clone());
        assert!(encoder.encode(&picture, &options).unwrap().bytes == encoded.bytes);
        let decoded = decoder(model())
            .with_threads(threads)
            .decode(&encoded.bytes);
        assert!(
            decoded.unwrap().picture == reference.picture,
            "{count} threads"
        );
    }
}

#[test]
fn a_decoder_refuses_the_file_unless_it_is_allowed_to_try() {
    let (_, encoded) = file();
    let error = strict().decode(&encoded.bytes).unwrap_err();
    let Error::NotPortable { device } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(device.as_deref(), Some(this_device().as_str()));
    assert_eq!(error.kind(), ErrorKind::NotPortable);
    assert!(error.to_string().contains(&this_device()), "{error}");

    let about = info(&encoded.bytes, &Limits::default()).unwrap();
    assert_eq!((about.portable, about.device), (false, Some(this_device())));
    let Portability::NotPortable { because } = model().portability().unwrap() else {
        panic!("found to be portable");
    };
    assert!(because.starts_with("h_s.0 and 2 more"), "{because}");

    let allowed = strict()
        .allow_not_portable(true)
        .decode(&encoded.bytes)
        .unwrap();
    let expected = &encoded.reconstruction.as_ref().unwrap().image;
    assert_eq!(difference(&allowed.picture.image, expected).differing, 0);
    assert!(allowed.about.warnings.is_empty());
}

/// The loader of the weights decides, and no file.
#[test]
fn a_file_that_claims_to_be_portable_is_refused_as_well() {
    let mut bytes = file().1.bytes.clone();
    let (at, bit) = NOT_PORTABLE;
    bytes[at] &= !bit;
    assert!(reseal(&mut bytes));
    assert!(peek(&bytes).unwrap().portable);
    let error = strict().decode(&bytes).unwrap_err();
    assert!(matches!(error, Error::NotPortable { device: Some(d) } if d == this_device()));
    let allowed = decoder(model()).decode(&bytes).unwrap();
    let expected = file().1.reconstruction.as_ref().unwrap();
    assert_eq!(allowed.about.latents_checksum, expected.latents_checksum);
}

/// One weight that differs stands for a machine whose arithmetic differs: it comes to other rows.
#[test]
fn another_machine_is_told_from_a_damaged_file() {
    let other = narrow().scaled("h_s.4.bias", 3, 1.5).model();
    let intact = &file().1.bytes;
    let error = decoder(other.clone()).decode(intact).unwrap_err();
    assert!(matches!(error, Error::NoWeights { .. }), "{error:?}");

    let mut bytes = intact.clone();
    bytes[DECODER_SET].copy_from_slice(&other.decoder_set().0);
    assert!(reseal(&mut bytes));
    let error = decoder(other).decode(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPortable);
    let Error::OtherMachine {
        writer,
        here,
        source,
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((writer, here), (this_device(), this_device()));
    assert!(matches!(
        source,
        ModelError::Code(_) | ModelError::Checksum { .. }
    ));
}

#[test]
fn effort_changes_nothing_and_says_so() {
    let (picture, encoded) = file();
    let options = modelled().with_effort(Effort::new(3).unwrap());
    let found = Encoder::new(model()).encode(picture, &options).unwrap();
    assert_eq!(
        found.warnings,
        ["bmshj2018-hyperprior has no search for better latents: effort 3 does what 0 does"]
    );
    assert!(encoded.warnings.is_empty());
    assert!(found.bytes == encoded.bytes);
}

#[test]
fn every_target_works_with_one_level() {
    let (picture, encoded) = file();
    let with = |target| {
        let options = modelled().with_target(target);
        Encoder::new(model()).encode(picture, &options)
    };
    let length = encoded.bytes.len() as u64;
    let pixels = f64::from(picture.image.width() * picture.image.height());
    let bpp = 8.0 * length as f64 / pixels;
    for target in [
        Target::Quality(0),
        Target::Quality(60),
        Target::Quality(100),
        Target::Level(0),
        Target::Bytes(length),
        Target::Bytes(u64::MAX),
        Target::Bpp(1.001 * bpp),
    ] {
        let found = with(target).unwrap();
        assert!(
            found.level == 0 && found.bytes == encoded.bytes,
            "{target:?}"
        );
    }
    for target in [Target::Bytes(length - 1), Target::Bpp(0.999 * bpp)] {
        let error = with(target).unwrap_err();
        let Error::OutOfReach { budget, least } = error else {
            panic!("{target:?}: {error:?}");
        };
        assert!(least == length && budget < length);
    }
    let error = with(Target::Level(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameter);
    assert_eq!(error.to_string(), "level 1 is outside 0..=0");
}

/// Keeps what is reported, and stops a stage.
#[derive(Default)]
struct Recorder {
    calls: Mutex<Vec<(Stage, u64, u64)>>,
    stop_at: Option<(Stage, u64)>,
}

impl Progress for Recorder {
    fn update(&self, stage: Stage, done: u64, total: u64) -> ControlFlow<()> {
        self.calls.lock().unwrap().push((stage, done, total));
        match self.stop_at {
            Some((stop, from)) if stop == stage && done >= from => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

#[test]
fn progress_covers_every_stage_and_stops_coding() {
    // Two tiles of h_s: coding can be stopped between them.
    let picture = plain(photo(8, 120, 1100).into());
    let options = modelled();
    let encoder = Encoder::new(model());
    let heard = Recorder::default();
    let bytes = encoder
        .encode_with(&picture, &options, &heard)
        .unwrap()
        .bytes;
    let heard_decoding = Recorder::default();
    decoder(model())
        .decode_with(&bytes, &heard_decoding)
        .unwrap();
    for (heard, stages) in [
        (heard, [Stage::Analyse, Stage::Code]),
        (heard_decoding, [Stage::Code, Stage::Synthesise]),
    ] {
        let calls = heard.calls.into_inner().unwrap();
        for stage in stages {
            let of_stage: Vec<_> = calls.iter().filter(|c| c.0 == stage).collect();
            let (_, last, total) = of_stage.last().unwrap();
            assert_eq!(last, total, "{stage}");
            let forward = of_stage.windows(2).all(|w| w[0].1 <= w[1].1);
            assert!(forward && of_stage.iter().all(|c| c.2 == *total), "{stage}");
        }
        let of_coding = calls.iter().filter(|c| c.0 == Stage::Code);
        assert!(
            of_coding.count() > 4,
            "coding takes long: it says how far it is"
        );
    }
    for from in [0, 500, 1100] {
        let stop = Recorder {
            stop_at: Some((Stage::Code, from)),
            ..Recorder::default()
        };
        let encoded = encoder.encode_with(&picture, &options, &stop);
        assert!(matches!(encoded, Err(Error::Cancelled)), "{from}");
        let decoded = decoder(model()).decode_with(&bytes, &stop);
        assert!(matches!(decoded, Err(Error::Cancelled)), "{from}");
        let calls = stop.calls.into_inner().unwrap();
        assert!(calls.iter().all(|c| c.0 != Stage::Synthesise), "{from}");
    }
}

/// A file whose streams are others, with checksums of the container that are right.
fn with_streams(bytes: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut container = Container::parse(bytes, &Default::default()).unwrap();
    let frame = &mut container.frames[0];
    let mut streams = frame.streams.iter().map(|s| s.to_vec()).collect();
    change(&mut streams);
    frame.streams = streams.into_iter().map(Into::into).collect();
    container.write().unwrap()
}

#[test]
fn damage_past_the_checksums_ends_in_errors() {
    let picture = plain(photo(23, 70, 90).into());
    let intact = encode(&picture).bytes;
    let decoder = decoder(model()).with_limits(Limits::default().with_max_pixels(100_000));
    let mut random = Random(1);
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for case in 0..400 {
        let bytes = with_streams(&intact, |streams| {
            let stream = &mut streams[case % 2];
            let at = random.below(stream.len());
            match random.below(3) {
                0 => stream[at] ^= 1 << random.below(8),
                1 => stream.truncate(at),
                _ => *stream = random.bytes(stream.len()),
            }
        });
        let outcome = match fuzz::decode_any(&decoder, &bytes) {
            Ok(_) => "a picture",
            Err(Error::OtherMachine { source, writer, .. }) => {
                assert_eq!(writer, this_device());
                match source {
                    ModelError::Checksum { .. } => "the checksum of symbols",
                    ModelError::Code(_) => "the entropy decoder",
                    other => panic!("{other:?}"),
                }
            }
            Err(other) => panic!("{other:?}"),
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{outcomes:?}");
    assert!(!outcomes.contains_key("a picture"), "{outcomes:?}");

    // The checksum of symbols stands behind the coder.
    let mut container = Container::parse(&intact, &Default::default()).unwrap();
    container.frames[0].symbols_crc ^= 1;
    let error = decoder.decode(&container.write().unwrap()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::OtherMachine {
                source: ModelError::Checksum { .. },
                ..
            }
        ),
        "{error:?}"
    );

    let one = with_streams(&intact, |streams| drop(streams.pop()));
    let three = with_streams(&intact, |streams| streams.push(vec![0; 8]));
    for (bytes, count) in [(one, 1), (three, 3)] {
        let error = decoder.decode(&bytes).unwrap_err();
        assert!(
            matches!(error, Error::Symbols(ModelError::Streams { found, needed: 2 }) if found == count),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Damaged);
    }
}

/// GDN and its inverse included: 44 and 97 thousand are the figures of CompressAI's models for decoding.
#[test]
fn operations_are_those_of_the_models_sizes() {
    for (width, latents, decode) in [(128, 192, 44_000.0), (192, 320, 97_000.0)] {
        let macs = Seeded::new(width, latents, 1).model().macs().unwrap();
        println!("{width}, {latents}: {macs:?}");
        assert!((macs.decode / decode - 1.0).abs() < 0.03, "{macs:?}");
        // The encoder runs h_a as well.
        assert!(
            macs.encode > macs.decode && macs.encode < 1.1 * macs.decode,
            "{macs:?}"
        );
    }
}

/// What a picture is estimated to take, as the error of too small a limit says it.
fn estimate<T>(run: impl FnOnce(Limits) -> Result<T, Error>) -> usize {
    match run(Limits::default().with_max_memory(1)) {
        Err(Error::Limit {
            value, limit: 1, ..
        }) => value as usize,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a byte is enough"),
    }
}

#[test]
fn no_more_memory_is_used_than_was_estimated() {
    const MEBIBYTE: usize = 1 << 20;
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    alone.install(|| {
        let options = modelled();
        for (width, latents, tile, [w, h]) in [
            (128, 192, 768, [64, 64]),
            (128, 192, 768, [768, 512]),
            (128, 192, 64, [1100, 300]),
            (16, 24, 768, [1500, 1200]),
            (192, 320, 256, [500, 700]),
            (8, 320, 64, [1500, 1200]),
        ] {
            let weights = Seeded::new(width, latents, 3).model();
            // Networks that are not placed yet: the first picture has to do it, and the estimate covers it.
            let model = || weights.with_tile(TileSize::new(tile).unwrap());
            let picture = plain(photo(2, w, h).into());
            let needed = estimate(|limits| {
                let encoder = Encoder::new(model()).with_limits(limits);
                encoder.encode(&picture, &options)
            });
            let encoder = Encoder::new(model());
            let (held, encoded) =
                allocation::most_held_here(|| encoder.encode(&picture, &options).unwrap());
            println!(
                "{width}, {latents}, tiles of {tile}, {w}x{h}: encoding holds {} of {} MiB",
                held / MEBIBYTE,
                needed / MEBIBYTE
            );
            assert!(held <= needed && needed < 3 * held + 64 * MEBIBYTE);

            let needed = estimate(|limits| {
                let decoder = decoder(model()).with_limits(limits);
                decoder.decode(&encoded.bytes)
            });
            let decoder = decoder(model());
            let (held, _) = allocation::most_held_here(|| decoder.decode(&encoded.bytes).unwrap());
            println!("decoding {} of {} MiB", held / MEBIBYTE, needed / MEBIBYTE);
            assert!(held <= needed && needed < 3 * held + 64 * MEBIBYTE);
        }
    });
}

#[test]
fn a_limit_on_memory_holds_on_both_sides() {
    let limits = Limits::default().with_max_memory(128 << 20);
    let model = Seeded::new(128, 192, 3).model();
    let options = modelled();
    let (encoder, decoder) = (Encoder::new(model.clone()), decoder(model));
    let small = encoder.clone().with_limits(limits);
    let within = small
        .encode(&plain(photo(3, 64, 64).into()), &options)
        .unwrap();
    decoder
        .clone()
        .with_limits(limits)
        .decode(&within.bytes)
        .unwrap();

    let picture = plain(photo(3, 768, 512).into());
    let over = small.encode(&picture, &options).unwrap_err();
    assert_eq!(over.kind(), ErrorKind::Limit, "{over}");
    let bytes = encoder.encode(&picture, &options).unwrap().bytes;
    let over = decoder
        .clone()
        .with_limits(limits)
        .decode(&bytes)
        .unwrap_err();
    assert_eq!(over.kind(), ErrorKind::Limit, "{over}");
    decoder.decode(&bytes).unwrap();
}

/// On a machine without a graphics adapter this says so and passes.
#[test]
fn files_of_a_gpu_decode_on_the_cpu_unless_it_was_told_to_pick_probabilities() {
    let picture = plain(photo(5, 64, 64).into());
    let expected = encode(&picture);
    let adapters: Vec<_> = devices().into_iter().filter(|d| !d.is_cpu()).collect();
    if adapters.is_empty() {
        println!("NOT TESTED: this machine has no graphics adapter");
    }
    for adapter in adapters {
        let choice = DeviceChoice::Named(adapter.name.clone());
        let model_there = narrow().model_on(&choice);
        let options = modelled();
        let encoded = Encoder::new(model_there.clone())
            .encode(&picture, &options)
            .unwrap();
        let about = info(&encoded.bytes, &Limits::default()).unwrap();
        assert_eq!(about.device, Some(this_device()));
        // A last bit of y may move symbols, so that files differ by some.
        let (have, needed) = (encoded.bytes.len(), expected.bytes.len());
        assert!(
            have.abs_diff(needed) * 100 <= needed,
            "{have} for {needed} bytes"
        );
        let here = decoder(model()).decode(&encoded.bytes).unwrap();
        let there = decoder(model_there.clone()).decode(&encoded.bytes).unwrap();
        let found = difference(&here.picture.image, &there.picture.image);
        println!("{}: {:.5} of samples differ", adapter.name, found.share());
        assert!(found.within_one(), "{found:?}");
        assert!(here.about.warnings.is_empty() && there.about.warnings.is_empty());

        // Forced, it names itself, and decodes what it has written; nothing else is promised.
        let forced = model_there.with_exact(ExactChoice::Gpu).unwrap();
        let encoded = Encoder::new(forced.clone())
            .encode(&picture, &options)
            .unwrap();
        assert!(encoded.warnings.is_empty(), "{:?}", encoded.warnings);
        let writer = info(&encoded.bytes, &Limits::default())
            .unwrap()
            .device
            .unwrap();
        assert!(writer.starts_with(&adapter.name), "{writer}");
        let again = decoder(forced).decode(&encoded.bytes).unwrap();
        assert!(
            again.about.warnings.is_empty(),
            "{:?}",
            again.about.warnings
        );
        match decoder(model()).decode(&encoded.bytes) {
            Ok(_) => println!("{}: the CPU comes to the same rows", adapter.name),
            Err(Error::OtherMachine {
                writer: w, here, ..
            }) => {
                assert_eq!((w, here), (writer, this_device()));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}
