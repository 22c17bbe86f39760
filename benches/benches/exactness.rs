//! The cost of exactness: the entropy networks of `base` in integers against the same networks in plain floats, for a
//! picture of 768x512 pixels: `cargo bench --workspace --bench exactness`.
//!
//! On the CPU always; on graphics adapters where there are hardware ones, or with `KILN_BENCH_SOFTWARE_GPU=1` on emulated
//! ones too.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln_models::arch::base::cost::Cost;
use kiln_models::seam::{Size, devices};
use kiln_models::{BUNDLED, Weights};

const SIZE: Size = Size {
    height: 512,
    width: 768,
};

fn exactness(c: &mut Criterion) {
    let software = std::env::var_os("KILN_BENCH_SOFTWARE_GPU").is_some();
    let mut group = c.benchmark_group("exactness");
    group
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .sample_size(20);
    for device in devices() {
        if device.is_software() && !software {
            continue;
        }
        let weights = Weights::open(BUNDLED).expect("bundled weights");
        let cost = Cost::load(weights, &device, SIZE).expect("weights of base");
        group.throughput(Throughput::Elements(cost.macs()));
        group.bench_function(BenchmarkId::new("integers", &device.name), |b| {
            b.iter(|| cost.exact().expect("the device works"))
        });
        group.bench_function(BenchmarkId::new("floats", &device.name), |b| {
            b.iter(|| cost.floats().expect("the device works"))
        });
    }
    group.finish();
}

criterion_group!(benches, exactness);
criterion_main!(benches);
