//! How long a step takes, and what part of the machine's arithmetic that is.
//!
//! `cargo run --release -p kiln-fit --example speed -- [HEIGHT WIDTH [low|medium|high [STEPS]]]`, with
//! `RAYON_NUM_THREADS=1` for one core. What counts is the processor time of the shortest step (or its time, where the
//! system does not tell), so that other work on the machine matters less.

use std::error::Error;
use std::time::Instant;

use kiln_fit::{Depth, Engine, Image, Preset, Soft, Step};
use kiln_fitted::{Role, Shape};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |k: usize, otherwise: usize| {
        arguments
            .get(k)
            .map_or(Ok(otherwise), |a| a.parse::<usize>())
    };
    let (height, width, steps) = (number(0, 512)?, number(1, 768)?, number(3, 40)?);
    let preset = match arguments.get(2).map(String::as_str) {
        Some("low") => Preset::Low,
        Some("medium") => Preset::Medium,
        _ => Preset::High,
    };
    let pixels = height * width;
    let wave = |i: usize| 0.5 + 0.5 * (i as f32 * 0.37).sin();
    let samples: Vec<f32> = (0..3 * pixels).map(wave).collect();
    let image = Image {
        height,
        width,
        channels: 3,
        samples: &samples,
        weights: None,
    };
    let shape = preset.shape(3, height, width);
    let mut engine = Engine::new(&image, shape, 1e-3, Depth::Eight, 1)?;
    let step = Step {
        rate: 1e-2,
        soft: Some(Soft {
            temperature: 0.3,
            noise: 0.2,
        }),
    };
    let time = |f: &mut dyn FnMut()| {
        let once = |f: &mut dyn FnMut()| {
            let (start, used) = (Instant::now(), processor_seconds());
            f();
            match (used, processor_seconds()) {
                (Some(before), Some(after)) => after - before,
                _ => start.elapsed().as_secs_f64(),
            }
        };
        (0..steps).map(|_| once(f)).fold(f64::MAX, f64::min)
    };
    let seconds = time(&mut || {
        engine.step(&step);
    });
    let hard = time(&mut || {
        engine.hard_loss();
    });
    let products = 3.0 * products(&shape);
    println!(
        "{height} x {width}, {products:.0} products a pixel: {:.2} ms a step, {:.1} GFLOP/s; {:.2} ms to measure the loss",
        1e3 * seconds,
        2.0 * products * pixels as f64 / seconds / 1e9,
        1e3 * hard,
    );
    Ok(())
}

/// Processor time of all threads so far, where Linux tells.
fn processor_seconds() -> Option<f64> {
    let mut sum = 0.0;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let path = thread.ok()?.path().join("schedstat");
        let all = std::fs::read_to_string(path).ok()?;
        sum += all.split(' ').next()?.parse::<f64>().ok()?;
    }
    Some(1e-9 * sum)
}

/// Products for a pixel on the way from latents to samples and bits; gradients take twice as many.
fn products(shape: &Shape) -> f64 {
    let share = |level: usize| 0.25f64.powi(level as i32);
    let levels = shape.levels;
    let grids: f64 = (0..levels).map(share).sum::<f64>()
        + (levels - shape.hyper..levels).map(share).sum::<f64>();
    let mut sum = 0.0;
    for tensor in shape.tensors() {
        let len = tensor.len() as f64;
        sum += match tensor.role {
            Role::ArmWeight(_) | Role::ArmOut | Role::ArmLinear => len * grids,
            Role::FeatureWeight(grid) => len * share(grid + 1),
            // Along rows for half the rows, then along columns; for all channels of the coarser levels.
            Role::Double(level) => 4.0 * 1.5 * share(level) * (levels - 1 - level) as f64,
            Role::Filter(level) => 2.0 * 7.0 * share(level),
            Role::Hidden | Role::Mix | Role::Linear | Role::Convolution(_) => len,
            _ => 0.0,
        };
    }
    sum
}
