//! What the criterion benches share. The benches are in `benches/benches`, run by `cargo bench --workspace`.
//!
//! - [`mix`]: symbols and rows as a picture has them, for the entropy coder.
//! - [`baseline`]: the same symbols coded in the plain ways that kiln's own coder is measured against.
//! - [`photo`]: pictures of three sizes, made of one Kodak photo.

pub mod baseline;
pub mod mix;
pub mod photo;

use std::time::Duration;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;

/// Short runs: all benches together are to take less than ten minutes on two slow cores. Ten samples are the fewest that
/// criterion allows.
pub fn brief(group: &mut BenchmarkGroup<'_, WallTime>) {
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
}
