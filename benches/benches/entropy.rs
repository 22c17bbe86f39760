//! Speed of the symbol coder, in symbols per second: `cargo bench -p kiln-benches --bench entropy`.
//!
//! Symbols are drawn from the tables they are coded with. `photo` has the rows of a photograph at a
//! middle quality, mostly narrow ones, more than half of them not coded; `uniform` has all rows
//! equally often and in random order, which is the hardest mix for a search. The baseline is the
//! same coder with a plain binary search over the cumulative frequencies of a row.

use std::borrow::Borrow;
use std::hint::black_box;
use std::num::NonZeroU16;
use std::time::Duration;

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::stack::DefaultAnsCoder;
use constriction::stream::{Decode, Encode};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln_entropy::{Checksum, CodeError, Reader, RowSpec, Symbols, Tables, Writer, chunks, freeze};

/// Symbols of one chunk: a stripe of 32 latent rows of a 24 megapixel picture has 3.8 million.
const CHUNK: usize = 1 << 20;
/// Chunks of the parallel benches.
const CHUNKS: usize = 8;
const ROWS: u8 = 64;
/// First row that is coded in the mix `photo`.
const SKIP_BELOW: u16 = 6;

/// A frozen row, as the baseline reads it.
struct PlainRow {
    first: i32,
    freqs: Vec<u16>,
    /// Left end of each bin.
    lefts: Vec<u16>,
}

/// Normal rows with scales from 0.11 to 64 on a logarithmic grid.
fn gaussian_rows() -> Vec<PlainRow> {
    let row = |index| {
        let sigma = 0.11 * (64.0f64 / 0.11).powf(f64::from(index) / f64::from(ROWS - 1));
        let half_width = (5.0 * sigma).ceil() as u32 + 1;
        let freqs = freeze::row(&freeze::gaussian(sigma, half_width)).unwrap();
        let lefts = freqs.iter().scan(0u16, |left, f| {
            Some(std::mem::replace(left, left.wrapping_add(*f)))
        });
        PlainRow {
            first: -(half_width as i32),
            lefts: lefts.collect(),
            freqs,
        }
    };
    (0..ROWS).map(row).collect()
}

fn tables(rows: &[PlainRow], skip_below: u16) -> Tables {
    let specs = rows.iter().map(|row| RowSpec {
        first: row.first,
        freqs: &row.freqs,
    });
    Tables::new(specs, skip_below, 32_767).unwrap()
}

/// A fixed sequence of pseudo-random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

struct Mix {
    name: &'static str,
    tables: Tables,
    rows: Vec<u8>,
    symbols: Vec<i16>,
}

fn mix(
    name: &'static str,
    plain: &[PlainRow],
    skip_below: u16,
    pick_row: impl Fn(u64) -> u8,
) -> Mix {
    let mut random = Random(7);
    let mut rows = Vec::with_capacity(CHUNK);
    let mut symbols = Vec::with_capacity(CHUNK);
    for _ in 0..CHUNK {
        let index = pick_row(random.next());
        let row = &plain[usize::from(index)];
        let bin = row.find(random.next() as u16);
        let symbol = if u16::from(index) < skip_below {
            0
        } else if bin == row.freqs.len() - 1 {
            row.first + bin as i32 + (random.next() % 8) as i32
        } else {
            row.first + bin as i32
        };
        rows.push(index);
        symbols.push(symbol as i16);
    }
    Mix {
        name,
        tables: tables(plain, skip_below),
        rows,
        symbols,
    }
}

fn mixes(plain: &[PlainRow]) -> [Mix; 2] {
    let photo = mix("photo", plain, SKIP_BELOW, |r| {
        // The product of three uniform numbers: many small scales, few large ones.
        let [a, b, c] = [r & 0xFFFF, r >> 16 & 0xFFFF, r >> 32 & 0xFFFF];
        (u64::from(ROWS) * a * b / 0xFFFF * c / 0xFFFF / 0x1_0000) as u8
    });
    let uniform = mix("uniform", plain, 0, |r| (r % u64::from(ROWS)) as u8);
    [photo, uniform]
}

impl PlainRow {
    fn find(&self, quantile: u16) -> usize {
        self.lefts.partition_point(|&left| left <= quantile) - 1
    }
}

impl EntropyModel<16> for PlainRow {
    type Symbol = usize;
    type Probability = u16;
}

impl EncoderModel<16> for PlainRow {
    fn left_cumulative_and_probability(
        &self,
        bin: impl Borrow<usize>,
    ) -> Option<(u16, NonZeroU16)> {
        Some((
            self.lefts[*bin.borrow()],
            NonZeroU16::new(self.freqs[*bin.borrow()])?,
        ))
    }
}

impl DecoderModel<16> for PlainRow {
    fn quantile_function(&self, quantile: u16) -> (usize, u16, NonZeroU16) {
        let bin = self.find(quantile);
        (
            bin,
            self.lefts[bin],
            NonZeroU16::new(self.freqs[bin]).unwrap(),
        )
    }
}

/// The baseline leaves out what escapes add after their bin; they are too rare to matter.
fn encode_plain(plain: &[PlainRow], mix: &Mix) -> Vec<u32> {
    let mut coder = DefaultAnsCoder::new();
    for (&index, &symbol) in mix.rows.iter().zip(&mix.symbols).rev() {
        if u16::from(index) >= mix.tables.skip_below() {
            let row = &plain[usize::from(index)];
            let bin = (i32::from(symbol) - row.first).min(row.freqs.len() as i32 - 1);
            coder.encode_symbol(bin as usize, row).unwrap();
        }
    }
    coder.into_compressed().unwrap()
}

fn decode_plain(plain: &[PlainRow], mix: &Mix, words: &[u32], out: &mut [i16]) {
    let mut coder = DefaultAnsCoder::from_compressed_slice(words).unwrap();
    for (&index, symbol) in mix.rows.iter().zip(out) {
        *symbol = if u16::from(index) < mix.tables.skip_below() {
            0
        } else {
            let row = &plain[usize::from(index)];
            let Ok(bin) = coder.decode_symbol(row);
            (row.first + bin as i32) as i16
        };
    }
}

fn encode(mix: &Mix, symbols: &mut [i16]) -> Result<Vec<u8>, CodeError> {
    let mut writer = Writer::new();
    writer.code_all(&mix.tables, &mix.rows, symbols)?;
    Ok(writer.finish())
}

fn decode(mix: &Mix, bytes: &[u8], out: &mut [i16]) -> Result<(), CodeError> {
    let mut reader = Reader::new(bytes)?;
    reader.code_all(&mix.tables, &mix.rows, out)?;
    reader.finish()
}

fn coder(c: &mut Criterion) {
    let plain = gaussian_rows();
    let mut group = c.benchmark_group("entropy");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    for mut mix in mixes(&plain) {
        let mut symbols = std::mem::take(&mut mix.symbols);
        let bytes = encode(&mix, &mut symbols).unwrap();
        mix.symbols = symbols.clone();
        println!(
            "{}: {:.3} bits per symbol",
            mix.name,
            bytes.len() as f64 * 8.0 / CHUNK as f64
        );

        group.throughput(Throughput::Elements(CHUNK as u64));
        group.bench_function(BenchmarkId::new("encode", mix.name), |b| {
            b.iter(|| encode(&mix, black_box(&mut symbols)).unwrap());
        });
        group.bench_function(BenchmarkId::new("encode_baseline", mix.name), |b| {
            b.iter(|| encode_plain(&plain, black_box(&mix)));
        });
        let mut out = vec![0; CHUNK];
        decode(&mix, &bytes, &mut out).unwrap();
        assert!(out == mix.symbols, "decoded symbols differ");
        group.bench_function(BenchmarkId::new("decode", mix.name), |b| {
            b.iter(|| decode(&mix, black_box(&bytes), &mut out).unwrap());
        });
        let words = encode_plain(&plain, &mix);
        group.bench_function(BenchmarkId::new("decode_baseline", mix.name), |b| {
            b.iter(|| decode_plain(&plain, &mix, black_box(&words), &mut out));
        });

        group.throughput(Throughput::Elements((CHUNKS * CHUNK) as u64));
        let mut many = vec![symbols.clone(); CHUNKS];
        group.bench_function(BenchmarkId::new("encode_chunks", mix.name), |b| {
            b.iter(|| {
                chunks::try_map(many.iter_mut().collect(), |_, symbols| {
                    encode(&mix, symbols)
                })
                .unwrap()
            });
        });
        group.bench_function(BenchmarkId::new("decode_chunks", mix.name), |b| {
            b.iter(|| {
                chunks::try_map(many.iter_mut().collect(), |_, out| {
                    decode(&mix, &bytes, out)
                })
                .unwrap()
            });
        });
    }
    group.finish();
}

fn checksum(c: &mut Criterion) {
    let symbols: Vec<i16> = (0..CHUNK).map(|i| (i % 17) as i16 - 8).collect();
    let mut group = c.benchmark_group("entropy");
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
