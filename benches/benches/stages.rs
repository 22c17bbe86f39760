//! Speed of each stage of encoding and decoding a Kodak photo at a middle level, in pixels per second:
//! `cargo bench --workspace --bench stages`.
//!
//! | name | what runs |
//! |---|---|
//! | `encode/analyse` | pixels to planes, g_a |
//! | `encode/code` | h_a, quantisation, the exact networks, rANS |
//! | `exact networks` | h_s and the context model alone, all steps: a coder that codes nothing |
//! | `decode/code` | rANS, the exact networks, the checksum |
//! | `decode/synthesise` | g_s, planes to pixels |
//!
//! The container has benches of its own (`container`), and so has rANS (`entropy`).

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use image::DynamicImage;
use kiln::picture::Canvas;
use kiln::pixels::{Sink, Source};
use kiln::{ColorKind, Depth, Silent};
use kiln_benches::{brief, photo};
use kiln_entropy::{Chains, CodeError, Symbols, Tables};
use kiln_models::config::HYPER_CELL;
use kiln_models::device::DeviceInfo;
use kiln_models::{BUNDLED, Model, PixelSource, grid, stripes};
use ndarray::Array3;

const WIDTH: u32 = 768;
const HEIGHT: u32 = 512;
/// Quality 60, the default of the command.
const LEVEL: u8 = 38;

/// Takes every symbol for 0 and stores nothing: what is left is the time of the networks.
struct Nothing;

impl Symbols for Nothing {
    fn code(&mut self, _: &Tables, _: u16, symbol: &mut i32) -> Result<(), CodeError> {
        *symbol = 0;
        Ok(())
    }

    fn code_all(&mut self, _: &Tables, _: &[u8], symbols: &mut [i16]) -> Result<(), CodeError> {
        symbols.fill(0);
        Ok(())
    }

    fn code_chained(
        &mut self,
        _: &Tables,
        _: &mut [u8],
        _: &[u16],
        _: &mut Chains,
        symbols: &mut [i16],
    ) -> Result<(), CodeError> {
        symbols.fill(0);
        Ok(())
    }
}

fn stages(c: &mut Criterion) {
    let model = Model::load(BUNDLED, &DeviceInfo::cpu()).unwrap();
    let image: DynamicImage = photo::photo(WIDTH, HEIGHT).unwrap().into();
    let source = Source::new(&image, &Silent);
    let (height, width) = source.size();
    let y = model.analyse(&source).unwrap();
    let coded = model.encode_latents(&y, LEVEL).unwrap();
    let chunks: Vec<&[u8]> = coded.chunks.iter().map(Vec::as_slice).collect();
    let decode = || {
        model
            .decode_latents(&chunks, coded.checksum, height, width, LEVEL)
            .unwrap()
    };
    let y_hat = decode();

    let mut group = c.benchmark_group("stages");
    brief(&mut group);
    group.throughput(Throughput::Elements((width * height) as u64));
    group.bench_function("encode/analyse", |b| {
        b.iter(|| model.analyse(black_box(&source)).unwrap());
    });
    group.bench_function("encode/code", |b| {
        b.iter(|| model.encode_latents(black_box(&y), LEVEL).unwrap());
    });
    let (h, w) = grid(height, width);
    let z = Array3::zeros((
        h.div_ceil(HYPER_CELL),
        model.config().hyper,
        w.div_ceil(HYPER_CELL),
    ));
    group.bench_function("exact networks", |b| {
        b.iter(|| {
            let coders = (0..stripes(height)).map(|_| Nothing).collect();
            model
                .code_with(coders, black_box(&z), (h, w), LEVEL)
                .unwrap()
        });
    });
    group.bench_function("decode/code", |b| b.iter(decode));
    let mut canvas = Canvas::new(WIDTH, HEIGHT, ColorKind::Rgb, false, Depth::Eight).unwrap();
    let mut sink = Sink::new(&mut canvas, &Silent);
    group.bench_function("decode/synthesise", |b| {
        b.iter(|| {
            model
                .synthesise(black_box(&y_hat), LEVEL, &mut sink)
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
