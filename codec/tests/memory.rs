//! What a picture takes in memory, against what limits take for it.

#[path = "common/allocation.rs"]
mod allocation;
mod common;
#[path = "common/graphics.rs"]
mod graphics;

use common::{Random, photo, plain};
use image::{DynamicImage, ImageBuffer, Rgba};
use kiln::{
    Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Error, ErrorKind, Limits, Model,
    Picture, Target, Threads,
};

const MIB: usize = 1 << 20;

/// What a limit is held against.
fn estimate<T>(run: impl FnOnce(Limits) -> Result<T, Error>) -> usize {
    match run(Limits::default().with_max_memory(0)).err() {
        Some(Error::Limit { value, .. }) => value as usize,
        other => panic!("{other:?}"),
    }
}

/// Checks that an estimate errs on the high side; on one thread, not by much. With several it is chance which of them
/// hold their most at the same time.
fn check<T>(what: &str, threads: &Threads, run: impl Fn(Limits) -> Result<T, Error>) -> T {
    let (held, out) = allocation::most_held(|| run(Limits::default()).unwrap());
    let expected = estimate(&run);
    println!(
        "{what}: {:.1} MiB, estimated as {:.1}, {:.2} times as much",
        held as f64 / MIB as f64,
        expected as f64 / MIB as f64,
        expected as f64 / held as f64
    );
    assert!(
        held <= expected,
        "{what}: {held} bytes, estimated as {expected}"
    );
    assert!(
        threads.count() > 1 || expected as f64 <= 1.4 * held as f64,
        "{what}: {held} bytes, estimated as {expected}"
    );
    out
}

/// Weights that nobody has opened: what they take is counted too.
fn model() -> Model {
    Model::bundled(&DeviceChoice::Cpu).unwrap()
}

fn encode(
    picture: &Picture,
    options: &EncodeOptions,
    threads: &Threads,
    limits: Limits,
) -> Result<Vec<u8>, Error> {
    let encoder = Encoder::new(model())
        .with_threads(threads.clone())
        .with_limits(limits);
    Ok(encoder.encode(picture, options)?.bytes)
}

fn decode(bytes: &[u8], threads: &Threads, limits: Limits) -> Result<DynamicImage, Error> {
    let decoder = Decoder::new(model())
        .with_threads(threads.clone())
        .with_limits(limits);
    Ok(decoder.decode(bytes)?.picture.image)
}

/// One test, since what other threads of the process hold would be counted as well.
#[test]
fn estimates_err_on_the_high_side_and_not_by_much() {
    // The layer comes on top where limits allow it: see below.
    let options = EncodeOptions::default()
        .with_target(Target::Quality(60))
        .with_graphics(false);
    for (threads, width, height) in [
        (1, 64, 64),
        (2, 64, 64),
        (1, 768, 512),
        (2, 768, 512),
        (1, 2000, 1500),
        (3, 2000, 1500),
        (4, 1024, 2048),
    ] {
        let picture = plain(photo(8, width, height).into());
        let pool = Threads::new(threads).unwrap();
        let what = |doing: &str| format!("{doing} {width}x{height}, threads: {threads}");
        let bytes = check(&what("encode"), &pool, |limits| {
            encode(&picture, &options, &pool, limits)
        });
        check(&what("decode"), &pool, |limits| {
            decode(&bytes, &pool, limits)
        });
    }

    // Alpha of 16 bits that cannot be compressed, shown to the caller as well.
    let mut random = Random(1);
    let photo = photo(8, 640, 480);
    let image = ImageBuffer::from_fn(640, 480, |x, y| {
        let [r, g, b] = photo.get_pixel(x, y).0.map(|v| u16::from(v) * 257);
        Rgba([r, g, b, random.word() as u16])
    });
    let picture = plain(DynamicImage::ImageRgba16(image));
    let pool = Threads::new(1).unwrap();
    let shown = options.clone().with_reconstruction(true);
    let bytes = check("encode alpha", &pool, |limits| {
        encode(&picture, &shown, &pool, limits)
    });
    check("decode alpha", &pool, |limits| {
        decode(&bytes, &pool, limits)
    });

    for (effort, width, height) in [(2, 768, 512), (5, 500, 900)] {
        let picture = plain(common::photo(8, width, height).into());
        let options = options.clone().with_effort(Effort::new(effort).unwrap());
        let what = format!("effort {effort} {width}x{height}");
        check(&what, &pool, |limits| {
            encode(&picture, &options, &pool, limits)
        });
    }

    // Text on a photograph: the layer is made where there is memory for it, and limits hold with it and without.
    let text = graphics::drawn("text-coloured").into_rgb8();
    let picture = plain(graphics::paste(common::photo(8, 768, 512), &text, 160, 96).into());
    let layered = options.clone().with_graphics(true);
    let mut layers = Vec::new();
    for limit in [50 << 20, 100 << 20, 1 << 30] {
        let (held, bytes) = allocation::most_held(|| {
            encode(
                &picture,
                &layered,
                &pool,
                Limits::default().with_max_memory(limit),
            )
            .unwrap()
        });
        assert!(held as u64 <= limit, "{held} bytes within {limit}");
        let found = kiln::info(&bytes, &Limits::default()).unwrap();
        layers.push(found.graphics_blocks > 0);
        let run = |limits| decode(&bytes, &pool, limits);
        let (held, _) = allocation::most_held(|| run(Limits::default()).unwrap());
        assert!(held <= estimate(run));
    }
    assert_eq!((layers[0], layers[2]), (false, true));

    // What takes 40 MiB fits where there are 64; the estimate itself is enough, and a byte less is not.
    let picture = plain(common::photo(8, 768, 512).into());
    let within = |bytes| Limits::default().with_max_memory(bytes);
    let bytes = encode(&picture, &options, &pool, within(64 << 20)).unwrap();
    let needed = estimate(|limits| decode(&bytes, &pool, limits)) as u64;
    assert!(needed < 64 << 20);
    assert_eq!(decode(&bytes, &pool, within(needed)).unwrap().width(), 768);
    let refused = decode(&bytes, &pool, within(needed - 1)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limit);
}
