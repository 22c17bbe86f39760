//! The cost of exactness: the layers of the exact path in integers against the same layers in plain floats, for a picture
//! of 768x512 pixels: `cargo bench --workspace --bench exactness`.
//!
//! On the CPU always; on graphics adapters where there are hardware ones, or with `KILN_BENCH_SOFTWARE_GPU=1` on emulated
//! ones too.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln_models::BUNDLED;
use kiln_models::cost::Layers;
use kiln_models::device;

const HEIGHT: usize = 512;
const WIDTH: usize = 768;

fn exactness(c: &mut Criterion) {
    let software = std::env::var_os("KILN_BENCH_SOFTWARE_GPU").is_some();
    let mut group = c.benchmark_group("exactness");
    group
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .sample_size(20);
    for device in device::devices() {
        if device.is_software() && !software {
            continue;
        }
        let layers = Layers::load(BUNDLED, &device, HEIGHT, WIDTH).expect("bundled weights");
        group.throughput(Throughput::Elements(layers.macs()));
        group.bench_function(BenchmarkId::new("integers", &device.name), |b| {
            b.iter(|| layers.exact().expect("the device works"))
        });
        group.bench_function(BenchmarkId::new("floats", &device.name), |b| {
            b.iter(|| layers.float().expect("the device works"))
        });
    }
    group.finish();
}

criterion_group!(benches, exactness);
criterion_main!(benches);
