//! Speed of reading and writing the container, checksums included: `cargo bench --workspace --bench container`.

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln_benches::brief;
use kiln_container::{
    Alpha, Boxes, ColorKind, Container, Depth, Frame, FrameKind, Header, Limits, Reader, peek,
};

/// A file: side lengths of its picture, number of streams and bytes of each, bytes of an ICC profile.
struct Kind {
    name: &'static str,
    width: u32,
    height: u32,
    streams: usize,
    stream: usize,
    icc: usize,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "photo of 24 kB",
        width: 768,
        height: 512,
        streams: 2,
        stream: 12_000,
        icc: 0,
    },
    Kind {
        name: "photo of 24 kB with a profile of 500 kB",
        width: 768,
        height: 512,
        streams: 2,
        stream: 12_000,
        icc: 500_000,
    },
    Kind {
        name: "100 megapixels in 6 MB",
        width: 12_000,
        height: 8_333,
        streams: 18,
        stream: 330_000,
        icc: 0,
    },
];

/// Bytes that no checksum can take a short cut through.
fn noise(len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|i| (i.wrapping_mul(0x9E37_79B9) >> 24) as u8)
        .collect()
}

fn container(kind: &Kind) -> Container<'static> {
    Container {
        header: Header {
            architecture: 4,
            decoder_set: [0x11; 8],
            width: kind.width,
            height: kind.height,
            color: ColorKind::Rgb,
            alpha: Alpha::None,
            depth: Depth::Eight,
            portable: true,
            sequence: None,
        },
        boxes: Boxes {
            icc: (kind.icc > 0).then(|| Cow::Owned(noise(kind.icc))),
            ..Boxes::default()
        },
        frames: vec![Frame {
            kind: FrameKind::Intra,
            level: 32,
            symbols_crc: 0x1234_5678,
            graphics: None,
            alpha: None,
            streams: vec![Cow::Owned(noise(kind.stream)); kind.streams],
        }],
    }
}

fn files(c: &mut Criterion) {
    let mut group = c.benchmark_group("container");
    brief(&mut group);
    for kind in &KINDS {
        let container = container(kind);
        let bytes = container.write().unwrap();
        let limits = Limits::default();
        assert_eq!(Container::parse(&bytes, &limits).unwrap(), container);

        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("parse", kind.name), |b| {
            b.iter(|| {
                // What is parsed borrows the file, so only a number leaves the loop.
                let parsed = Container::parse(black_box(&bytes), &limits).unwrap();
                parsed.frames.len()
            });
        });
        group.bench_function(BenchmarkId::new("read frame by frame", kind.name), |b| {
            b.iter(|| {
                let mut reader = Reader::new(black_box(&bytes[..]), &limits).unwrap();
                let mut streams = 0;
                while let Some(frame) = reader.next_frame().unwrap() {
                    streams += frame.streams.len();
                }
                streams
            });
        });
        group.bench_function(BenchmarkId::new("write", kind.name), |b| {
            b.iter(|| black_box(&container).write().unwrap());
        });
    }
    let bytes = container(&KINDS[0]).write().unwrap();
    group.throughput(Throughput::Elements(1));
    group.bench_function("peek at the header", |b| {
        b.iter(|| peek(black_box(&bytes)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, files);
criterion_main!(benches);
