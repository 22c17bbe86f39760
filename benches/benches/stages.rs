//! Speed of each stage of encoding and decoding a Kodak photo at a middle level, in pixels per second:
//! `cargo bench --workspace --bench stages`.
//!
//! | name | what runs |
//! |---|---|
//! | `encode/analyse` | pixels to planes, g_a |
//! | `encode/code` | h_a, quantisation, the exact networks, rANS |
//! | `exact networks` | h_s and the context model alone, all steps |
//! | `decode/code` | rANS, the exact networks, the checksum |
//! | `decode/synthesise` | g_s, planes to pixels |
//!
//! The container has benches of its own (`container`), and so has rANS (`entropy`).

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln::pixels::{Channels, Pixels, PixelsMut, Sink, Source, new_image};
use kiln::{ColorKind, Depth, Silent};
use kiln_benches::{brief, photo};
use kiln_models::arch::base::cost::Cost;
use kiln_models::seam::{DeviceInfo, Given, PixelSource, Places, Unwatched};
use kiln_models::{BUNDLED, Weights, arch};

const WIDTH: u32 = 768;
const HEIGHT: u32 = 512;
/// Quality 60, the default of the command.
const LEVEL: u8 = 38;

fn stages(c: &mut Criterion) {
    let model = arch::open(Weights::open(BUNDLED).unwrap(), &Places::cpu()).unwrap();
    let image = photo::photo(WIDTH, HEIGHT).unwrap();
    let source = Source::new(Pixels::try_from(&image).unwrap(), &Silent);
    let given = Given {
        level: model.facts().levels.require(LEVEL).unwrap(),
        size: source.size(),
        watch: &Unwatched,
    };
    let y = model.analyse(&source).unwrap();
    let coded = model.encode(&y, &given).unwrap().value;
    let streams: Vec<&[u8]> = coded.streams.iter().map(Vec::as_slice).collect();
    let decode = || model.decode(&streams, coded.checksum, &given).unwrap();
    let latents = decode().value;
    let weights = Weights::open(BUNDLED).unwrap();
    let networks = Cost::load(weights, &DeviceInfo::cpu(), given.size).unwrap();

    let mut group = c.benchmark_group("stages");
    brief(&mut group);
    group.throughput(Throughput::Elements(u64::from(WIDTH) * u64::from(HEIGHT)));
    group.bench_function("encode/analyse", |b| {
        b.iter(|| model.analyse(black_box(&source)).unwrap());
    });
    group.bench_function("encode/code", |b| {
        b.iter(|| model.encode(black_box(&y), &given).unwrap());
    });
    group.bench_function("exact networks", |b| {
        b.iter(|| networks.exact().unwrap());
    });
    group.bench_function("decode/code", |b| b.iter(decode));
    let mut out = new_image(WIDTH, HEIGHT, Channels::Rgb, Depth::Eight).unwrap();
    let pixels = PixelsMut::try_from(&mut out).unwrap();
    let mut sink = Sink::new(pixels, ColorKind::Rgb, &Silent).unwrap();
    group.bench_function("decode/synthesise", |b| {
        b.iter(|| {
            model
                .synthesise(black_box(&latents), &given, &mut sink)
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
