//! Speed of whole pictures, from pixels to the bytes of a file and back, in pixels per second, on all threads:
//! `cargo bench --workspace --bench pictures`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln::{Decoder, DeviceChoice, EncodeOptions, Encoder, Model, Target};
use kiln_benches::{brief, photo};

/// Qualities of small, of ordinary and of large files.
const QUALITIES: [u8; 3] = [20, 60, 95];

fn pictures(c: &mut Criterion) {
    let model = Model::bundled(&DeviceChoice::Cpu).unwrap();
    let (encoder, decoder) = (Encoder::new(model.clone()), Decoder::new(model));
    let mut group = c.benchmark_group("pictures");
    brief(&mut group);
    for (width, height) in photo::SIZES {
        let picture = photo::picture(width, height).unwrap();
        group.throughput(Throughput::Elements(u64::from(width) * u64::from(height)));
        for quality in QUALITIES {
            let options = EncodeOptions::default().with_target(Target::Quality(quality));
            let name = format!("{width}x{height}, quality {quality}");
            group.bench_function(BenchmarkId::new("encode", &name), |b| {
                b.iter(|| encoder.encode(black_box(&picture), &options).unwrap());
            });
            let file = encoder.encode(&picture, &options).unwrap().bytes;
            group.bench_function(BenchmarkId::new("decode", &name), |b| {
                b.iter(|| decoder.decode(black_box(&file)).unwrap());
            });
        }
    }
    group.finish();
}

fn weights(c: &mut Criterion) {
    let mut group = c.benchmark_group("weights");
    brief(&mut group);
    group.bench_function("load", |b| {
        b.iter(|| {
            let model = Model::bundled(&DeviceChoice::Cpu).unwrap();
            model.open().unwrap();
            model
        });
    });
    group.finish();
}

criterion_group!(benches, pictures, weights);
criterion_main!(benches);
