//! How long the parts of decoding take for a picture of 768 x 512.
//!
//! `cargo run --release -p kiln-fitted --example decoding -- [THREADS [BAND [FILE]]]`; a file is laid out like
//! `tests/data/photo.fitted`. Without one, networks and latents are random.

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{Dice, HOP, go_on, size, slices};
use kiln_fitted::{
    Depth, Group, Latents, Parameters, Precision, Role, Size, bits, decode, default_value, encode,
    synthesise,
};

/// Networks with weights as large as fitted ones, which predict small latents.
fn networks(dice: &mut Dice) -> Parameters {
    let exponents = [7, 7, 7, 7, 11, 10, 12];
    let values = HOP
        .tensors()
        .iter()
        .map(|tensor| {
            let exponent = exponents[tensor.group as usize].into();
            (0..tensor.len())
                .map(|index| {
                    let default = default_value(tensor.role, index, exponent);
                    default
                        + match tensor.role {
                            // A scale of e^-1.5, more where there is more around.
                            Role::ArmOutBias => [0, 320][index],
                            Role::ArmLinear if index < 14 => 1,
                            Role::ArmOut if index >= 20 => dice.around(4),
                            Role::ArmOut => 0,
                            Role::Double(_) | Role::Filter(_) => dice.around(40),
                            _ if tensor.group == Group::SynthesisWeights => dice.around(200),
                            _ => dice.around(20),
                        }
                })
                .collect()
        })
        .collect();
    Parameters {
        shape: HOP,
        precision: Precision {
            planes: 7,
            hidden: 9,
            output: 13,
        },
        exponents,
        values,
        band: 0,
    }
}

/// Seconds of processor time of all threads so far, on Linux: what others do on the machine does not count.
fn processor_time() -> Option<f64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let nanoseconds = tasks.flatten().map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let first = text.split_whitespace().next().and_then(|n| n.parse().ok());
        first.unwrap_or(0u64)
    });
    Some(nanoseconds.sum::<u64>() as f64 * 1e-9)
}

fn time(what: &str, mut run: impl FnMut()) {
    let (mut wall, mut cpu) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..9 {
        let before = processor_time();
        let start = Instant::now();
        run();
        wall = wall.min(start.elapsed().as_secs_f64());
        if let (Some(before), Some(after)) = (before, processor_time()) {
            cpu = cpu.min(after - before);
        }
    }
    println!(
        "{what}: {:.2} ms, {:.2} ms of processor time",
        wall * 1e3,
        cpu * 1e3
    );
}

/// Networks and latents of 512 rows of 768.
fn random() -> (Size, Parameters, Latents) {
    let mut dice = Dice(1);
    let parameters = networks(&mut dice);
    let size = size(512, 768);
    let mut latents = Latents::new(&HOP, size);
    for grid in 0..HOP.grid_count() {
        for value in latents.grid_mut(grid) {
            // Geometric: about as spread as the distributions.
            let mut size = 0;
            while dice.roll(100) < 4 + 8 * grid as u64 {
                size += 1;
            }
            *value = if dice.roll(2) == 0 { size } else { -size };
        }
    }
    (size, parameters, latents)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().map(|n| n.parse::<usize>().unwrap());
    let (threads, band) = (number(), number());
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(1))
        .build_global()
        .unwrap();
    let (size, mut parameters, latents) = match arguments.next() {
        None => random(),
        Some(path) => {
            let bytes = std::fs::read(path).unwrap();
            let (size, streams) = common::unpacked(&bytes);
            let (parameters, latents) = decode(&streams, size, 3, &go_on).unwrap();
            (size, parameters, latents)
        }
    };
    if let Some(band) = band {
        parameters.band = band;
    }
    let streams = encode(&parameters, size, &latents, &go_on).unwrap();
    let bytes: usize = streams.iter().map(Vec::len).sum();
    let pixels = (size.height * size.width) as f64;
    println!(
        "{bytes} bytes, {:.3} bits a pixel",
        bytes as f64 * 8.0 / pixels
    );
    let streams = slices(&streams);
    let channels = parameters.shape.channels;
    time("decode", || {
        let (_, found) = decode(&streams, size, channels, &go_on).unwrap();
        assert!(found == latents);
    });
    time("synthesise", || {
        let mut rows = 0;
        synthesise(&parameters, &latents, size, Depth::Eight, &mut |_, _| {
            rows += 1
        })
        .unwrap();
        assert_eq!(rows, size.height);
    });
    time("bits", || {
        bits(&parameters, size, &latents).unwrap();
    });
    time("encode", || {
        encode(&parameters, size, &latents, &go_on).unwrap();
    });
}
