//! Speed of the symbol coder, in symbols per second, on one thread and on all of them, beside the plain ways to do the
//! same: `cargo bench --workspace --bench entropy`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln_benches::baseline::{self, Categorical, Lookup};
use kiln_benches::brief;
use kiln_benches::mix::{CHUNK, gaussian_rows, mixes};
use kiln_entropy::{Checksum, chunks};

/// Chunks of the benches on all threads.
const CHUNKS: usize = 8;

fn coder(c: &mut Criterion) {
    let plain = gaussian_rows().unwrap();
    let categorical: Vec<Categorical> = plain.iter().map(|r| r.categorical().unwrap()).collect();
    let lookup: Vec<Lookup> = plain.iter().map(|r| r.lookup().unwrap()).collect();
    for mut mix in mixes(&plain).unwrap() {
        let mut group = c.benchmark_group(format!("entropy/{}", mix.name));
        brief(&mut group);
        group.throughput(Throughput::Elements(CHUNK as u64));

        let mut symbols = std::mem::take(&mut mix.symbols);
        let bytes = mix.encode(&mut symbols).unwrap();
        mix.symbols = symbols.clone();
        println!(
            "{}: {:.3} bits per symbol",
            mix.name,
            bytes.len() as f64 * 8.0 / CHUNK as f64
        );

        group.bench_function(BenchmarkId::new("encode", "1 thread"), |b| {
            b.iter(|| mix.encode(black_box(&mut symbols)).unwrap());
        });
        group.bench_function(BenchmarkId::new("encode", "plain rows"), |b| {
            b.iter(|| baseline::encode(&plain, &plain, black_box(&mix)).unwrap());
        });
        group.bench_function(BenchmarkId::new("encode", "constriction's model"), |b| {
            b.iter(|| baseline::encode(&plain, &categorical, black_box(&mix)).unwrap());
        });

        let mut out = vec![0; CHUNK];
        mix.decode(&bytes, &mut out).unwrap();
        assert!(out == mix.symbols, "decoded symbols differ");
        group.bench_function(BenchmarkId::new("decode", "1 thread"), |b| {
            b.iter(|| mix.decode(black_box(&bytes), &mut out).unwrap());
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

        group.throughput(Throughput::Elements((CHUNKS * CHUNK) as u64));
        let mut many = vec![symbols.clone(); CHUNKS];
        group.bench_function(BenchmarkId::new("encode", "all threads"), |b| {
            b.iter(|| {
                chunks::try_map(many.iter_mut().collect(), |_, symbols| mix.encode(symbols))
                    .unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("decode", "all threads"), |b| {
            b.iter(|| {
                chunks::try_map(many.iter_mut().collect(), |_, out| mix.decode(&bytes, out))
                    .unwrap()
            });
        });
        group.finish();
    }
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

criterion_group!(benches, coder, checksum);
criterion_main!(benches);
