//! Gradients against differences, for every tensor and every grid.

use kiln_fitted::Shape;

use crate::engine::Engine;
use crate::quantise::Rounding;
use crate::random::SplitMix;
use crate::{Depth, Image};

const ROUNDING: Rounding = Rounding::Soft {
    temperature: 0.6,
    noise: 0.2,
    seed: 3,
};

const HOP: Shape = Shape {
    channels: 3,
    levels: 7,
    hyper: 3,
    contexts: 14,
    features: 6,
    hidden: 2,
    width: 48,
    convolutions: 2,
};

/// Shapes at the ends of their ranges.
fn shapes() -> Vec<Shape> {
    let least = Shape::least(1);
    let most = Shape {
        contexts: 20,
        features: 8,
        hidden: 3,
        width: 64,
        convolutions: 3,
        ..HOP
    };
    vec![
        HOP,
        least,
        most,
        Shape {
            channels: 1,
            levels: 3,
            hyper: 1,
            width: 8,
            convolutions: 1,
            ..HOP
        },
        Shape {
            levels: 2,
            hyper: 0,
            contexts: 6,
            features: 2,
            width: 7,
            convolutions: 0,
            ..HOP
        },
        Shape {
            levels: 4,
            hyper: 4,
            hidden: 1,
            width: 0,
            ..HOP
        },
    ]
}

fn engine(shape: Shape, height: usize, width: usize, weighted: bool) -> Engine {
    let mut random = SplitMix(11);
    let mut samples = vec![0.0f32; shape.channels * height * width];
    samples.fill_with(|| random.uniform() as f32);
    let mut weights = vec![0u8; height * width];
    weights.fill_with(|| random.next() as u8);
    let image = Image {
        height,
        width,
        channels: shape.channels,
        samples: &samples,
        weights: weighted.then_some(&weights),
    };
    let mut engine = Engine::new(&image, shape, 1e-2, Depth::Eight, 1).unwrap();
    engine.disturb(&mut random);
    engine
}

/// Moves something that is fitted.
type Move<'a> = &'a dyn Fn(&mut Engine, f32);

/// Compares the gradient along a direction with the slope of the loss. `length` is that of the gradient.
fn check(engine: &mut Engine, what: &str, gradient: f64, length: f64, add: Move<'_>) {
    let mut worst = Vec::new();
    for step in [2e-3f32, 5e-4, 1.25e-4] {
        let mut at = |by: f32| {
            add(engine, by);
            let loss = engine.soft_cost(ROUNDING);
            add(engine, -by);
            loss
        };
        let (above, below) = (at(step), at(-step));
        let slope = (above - below) / (2.0 * f64::from(step));
        // Kinks of relu and abs between both, and the precision of a loss.
        let error = 0.03 * length + 3e-7 * above / f64::from(step);
        if (slope - gradient).abs() <= error {
            return;
        }
        worst.push((step, slope, error));
    }
    panic!("{what}: gradient {gradient}, slopes {worst:?}");
}

/// Checks gradients at some places together, in random directions.
fn check_places<P: Copy>(
    engine: &mut Engine,
    what: &str,
    places: &[P],
    gradient: impl Fn(P) -> f64,
    add: impl Fn(&mut Engine, P, f32),
) {
    let mut random = SplitMix(places.len() as u64);
    let length = places
        .iter()
        .map(|&p| gradient(p).powi(2))
        .sum::<f64>()
        .sqrt();
    for _ in 0..2 {
        let signs: Vec<f32> = places
            .iter()
            .map(|_| if random.next() & 1 == 0 { 1.0 } else { -1.0 })
            .collect();
        let along = places
            .iter()
            .zip(&signs)
            .map(|(&p, &s)| gradient(p) * f64::from(s))
            .sum();
        check(engine, what, along, length, &|engine, by| {
            for (&place, sign) in places.iter().zip(&signs) {
                add(engine, place, by * sign);
            }
        });
    }
}

fn check_all(shape: Shape, height: usize, width: usize, weighted: bool) {
    let mut engine = engine(shape, height, width, weighted);
    engine.gradients(ROUNDING);
    let mut random = SplitMix(17);
    let of_networks = engine.network_gradients().to_vec();
    let grids = shape.grids(height, width);
    let of_grids: Vec<Vec<f64>> = (0..grids.len())
        .map(|g| engine.latent_gradients(g))
        .collect();
    for (t, tensor) in shape.tensors().iter().enumerate() {
        let what = format!("{shape:?} {height} x {width}, {:?}", tensor.role);
        let places: Vec<usize> = (0..tensor.len()).collect();
        // All of them if they are few.
        let parts = places.chunks(8).enumerate();
        let each = tensor.len().div_ceil(8 * 8);
        for (_, part) in parts.filter(|(k, _)| k % each == 0) {
            let gradient = |i: usize| f64::from(of_networks[t][i]);
            check_places(&mut engine, &what, part, gradient, |e, i, by| {
                e.add_to_network(t, i, by)
            });
        }
    }
    for (g, grid) in grids.iter().enumerate() {
        let (h, w) = (grid.height, grid.width);
        let corners = vec![(0, 0), (0, w - 1), (h - 1, 0), (h - 1, w - 1)];
        let mut top: Vec<_> = (0..w).map(|x| (0, x)).collect();
        top.extend((0..w).map(|x| (h - 1, x)));
        let mut sides: Vec<_> = (0..h).map(|y| (y, 0)).collect();
        sides.extend((0..h).map(|y| (y, w - 1)));
        let any = (0..12).map(|_| (random.next() as usize % h, random.next() as usize % w));
        for (name, mut places) in [
            ("corners", corners),
            ("rows", top),
            ("sides", sides),
            ("any", any.collect()),
        ] {
            places.sort_unstable();
            places.dedup();
            let what = format!("{shape:?} {height} x {width}, grid {g}, {name}");
            let gradient = |(y, x)| of_grids[g][y * w + x];
            check_places(&mut engine, &what, &places, gradient, |e, (y, x), by| {
                e.add_to_latent(g, y, x, by);
            });
        }
    }
}

#[test]
fn gradients_are_slopes_of_the_loss() {
    for shape in shapes() {
        check_all(shape, 21, 35, false);
    }
}

#[test]
fn gradients_are_right_at_tiny_sizes_and_with_weights() {
    for (height, width) in [(1, 1), (1, 9), (5, 2), (2, 1)] {
        check_all(HOP, height, width, true);
    }
    check_all(shapes()[3], 17, 16, true);
}

/// Several parts of rows: what one part's latents give those of another must arrive.
#[test]
fn gradients_are_right_where_parts_meet() {
    let shape = Shape {
        levels: 3,
        hyper: 1,
        ..HOP
    };
    let (height, width) = (13, 2100);
    let mut engine = engine(shape, height, width, false);
    engine.gradients(ROUNDING);
    let gradients = engine.latent_gradients(0);
    for y in 0..height {
        let places: Vec<usize> = (0..width).step_by(97).map(|x| y * width + x).collect();
        let what = format!("row {y}");
        check_places(
            &mut engine,
            &what,
            &places,
            |i| gradients[i],
            |e, i, by| {
                e.add_to_latent(0, i / width, i % width, by);
            },
        );
    }
}
