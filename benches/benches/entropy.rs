//! Speed of the symbol coder, in symbols per second, on one thread and on all of them, beside the plain ways to do the
//! same: `cargo bench --workspace --bench entropy`.

use std::hint::black_box;
use std::thread;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln_benches::baseline::{self, Categorical, Lookup};
use kiln_benches::brief;
use kiln_benches::mix::{CHUNK, decode, encode, gaussian_rows, mixes};
use kiln_entropy::{Alphabet, Checksum, Components, CurveSpec, Curves, Mixture, Uniform, freeze};

/// Chunks of the benches on all threads.
const CHUNKS: usize = 8;

fn coder(c: &mut Criterion) {
    let plain = gaussian_rows().unwrap();
    let categorical: Vec<Categorical> = plain.iter().map(|r| r.categorical().unwrap()).collect();
    let lookup: Vec<Lookup> = plain.iter().map(|r| r.lookup().unwrap()).collect();
    for mix in mixes(&plain).unwrap() {
        let mut group = c.benchmark_group(format!("entropy/{}", mix.name));
        brief(&mut group);
        group.throughput(Throughput::Elements(CHUNK as u64));

        let (mut rows, mut symbols) = (mix.rows.clone(), mix.symbols.clone());
        let bytes = encode(mix.model(), &mut rows, &mut symbols).unwrap();
        println!(
            "{}: {:.3} bits per symbol",
            mix.name,
            bytes.len() as f64 * 8.0 / CHUNK as f64
        );

        group.bench_function(BenchmarkId::new("encode", "1 thread"), |b| {
            b.iter(|| encode(black_box(mix.model()), &mut rows, &mut symbols).unwrap());
        });
        group.bench_function(BenchmarkId::new("encode", "plain rows"), |b| {
            b.iter(|| baseline::encode(&plain, &plain, black_box(&mix)).unwrap());
        });
        group.bench_function(BenchmarkId::new("encode", "constriction's model"), |b| {
            b.iter(|| baseline::encode(&plain, &categorical, black_box(&mix)).unwrap());
        });

        let mut out = vec![0; CHUNK];
        decode(mix.model(), &mut rows, &bytes, &mut out).unwrap();
        assert!(out == mix.symbols, "decoded symbols differ");
        group.bench_function(BenchmarkId::new("decode", "1 thread"), |b| {
            b.iter(|| decode(mix.model(), &mut rows, black_box(&bytes), &mut out).unwrap());
        });
        let words = baseline::encode(&plain, &plain, &mix).unwrap();
        assert_eq!(
            baseline::encode(&plain, &categorical, &mix).as_ref(),
            Some(&words),
            "the baselines code different models"
        );
        group.bench_function(BenchmarkId::new("decode", "binary search"), |b| {
            b.iter(|| baseline::decode(&plain, &plain, &mix, black_box(&words), &mut out).unwrap());
        });
        let by_search = out.clone();
        group.bench_function(BenchmarkId::new("decode", "constriction's model"), |b| {
            b.iter(|| {
                baseline::decode(&plain, &categorical, &mix, black_box(&words), &mut out).unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("decode", "constriction's lookup"), |b| {
            b.iter(|| {
                baseline::decode(&plain, &lookup, &mix, black_box(&words), &mut out).unwrap()
            });
        });
        assert!(out == by_search, "the baselines decode different symbols");

        let at = mix.chained_rows();
        let chained = encode(mix.chained_model(), &mut at.clone(), &mut symbols).unwrap();
        group.bench_function(BenchmarkId::new("encode", "chained"), |b| {
            b.iter_batched_ref(
                || at.clone(),
                |at| encode(mix.chained_model(), at, &mut symbols).unwrap(),
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::new("decode", "chained"), |b| {
            b.iter_batched_ref(
                || at.clone(),
                |at| decode(mix.chained_model(), at, black_box(&chained), &mut out).unwrap(),
                BatchSize::LargeInput,
            );
        });
        assert!(out == mix.symbols, "chained symbols differ");

        group.throughput(Throughput::Elements((CHUNKS * CHUNK) as u64));
        let mut many = vec![(rows, symbols); CHUNKS];
        group.bench_function(BenchmarkId::new("encode", "all threads"), |b| {
            b.iter(|| {
                on_threads(&mut many, |(rows, symbols)| {
                    black_box(encode(mix.model(), rows, symbols).unwrap());
                });
            });
        });
        group.bench_function(BenchmarkId::new("decode", "all threads"), |b| {
            b.iter(|| {
                on_threads(&mut many, |(rows, out)| {
                    decode(mix.model(), rows, &bytes, out).unwrap();
                });
            });
        });
        group.finish();
    }
}

/// Calls `work` for every chunk, each on a thread of its own.
fn on_threads<T: Send>(chunks: &mut [T], work: impl Fn(&mut T) + Sync) {
    thread::scope(|scope| {
        for chunk in chunks {
            scope.spawn(|| work(chunk));
        }
    });
}

/// The models that need no table lookup.
fn models(c: &mut Criterion) {
    const COUNT: usize = CHUNK / 8;
    let mut group = c.benchmark_group("entropy/models");
    brief(&mut group);
    group.throughput(Throughput::Elements(COUNT as u64));
    let mut out = vec![0; COUNT];

    for (name, count) in [("10 bits", 1024), ("1000 entries", 1000)] {
        let mut at = vec![Alphabet::new(count).unwrap(); COUNT];
        let mut symbols: Vec<i16> = (0..COUNT).map(|i| (i * 7919 % 1000) as i16).collect();
        let bytes = encode(Uniform, &mut at, &mut symbols).unwrap();
        group.bench_function(BenchmarkId::new("encode", name), |b| {
            b.iter(|| encode(Uniform, black_box(&mut at), &mut symbols).unwrap());
        });
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| decode(Uniform, &mut at, black_box(&bytes), &mut out).unwrap());
        });
        assert!(out == symbols, "decoded symbols differ");
    }

    let steps = freeze::curve(&freeze::gaussian_curve(2.0, 10, 3)).unwrap();
    let spec = CurveSpec {
        first: -640,
        shift: 3,
        steps: &steps,
    };
    let curves = Curves::new([spec], 8191).unwrap();
    let model = || Mixture::<3>::new(&curves);
    let mut at: Vec<Components<3>> = (0..COUNT as i32)
        .map(|i| Components {
            weights: [16_384, 8192, 8192],
            means: [i % 64, i % 640 - 320, -i % 200],
            rows: [0; 3],
        })
        .collect();
    let mut symbols: Vec<i16> = (0..COUNT).map(|i| (i * 7919 % 5) as i16 - 2).collect();
    let bytes = encode(model(), &mut at, &mut symbols).unwrap();
    group.bench_function(BenchmarkId::new("encode", "mixtures of 3"), |b| {
        b.iter(|| encode(model(), black_box(&mut at), &mut symbols).unwrap());
    });
    group.bench_function(BenchmarkId::new("decode", "mixtures of 3"), |b| {
        b.iter(|| decode(model(), &mut at, black_box(&bytes), &mut out).unwrap());
    });
    assert!(out == symbols, "decoded symbols differ");
    group.finish();
}

fn checksum(c: &mut Criterion) {
    let symbols: Vec<i16> = (0..CHUNK).map(|i| (i % 17) as i16 - 8).collect();
    let mut group = c.benchmark_group("entropy");
    brief(&mut group);
    group.throughput(Throughput::Elements(CHUNK as u64));
    group.bench_function("checksum", |b| {
        b.iter(|| {
            let mut sum = Checksum::new();
            sum.update_i16(black_box(&symbols));
            sum.finish()
        });
    });
    group.finish();
}

criterion_group!(benches, coder, models, checksum);
criterion_main!(benches);
