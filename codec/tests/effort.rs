//! Effort: what the encoder's search may do, and what it must not.

mod common;

use std::ops::ControlFlow;
use std::sync::Mutex;

use image::{ColorType, DynamicImage};
use kiln::{
    Effort, EncodeOptions, Encoded, Encoder, Error, Picture, Progress, Stage, Target, TileSize,
};

use common::{decode, model, of_kind, photo, plain, psnr};

fn encode(picture: &Picture, target: Target, effort: u8) -> Encoded {
    let options = EncodeOptions::default()
        .with_target(target)
        .with_effort(Effort::new(effort).unwrap());
    Encoder::new(model()).encode(picture, &options).unwrap()
}

/// Bits per pixel of the file, plus the squared error of the decoded picture at the weight of the level.
fn cost(picture: &Picture, encoded: &Encoded) -> f64 {
    let image = &picture.image;
    let pixels = f64::from(image.width()) * f64::from(image.height());
    let psnr = psnr(image, &decode(&encoded.bytes).picture.image);
    let mse = 255.0f64.powi(2) * 10f64.powf(-psnr / 10.0);
    let lambda = kiln_models::search::lambda_of(encoded.level.into(), 64);
    8.0 * encoded.bytes.len() as f64 / pixels + lambda * mse
}

#[test]
fn more_effort_costs_less() {
    for (number, level) in [(5, 9), (20, 45)] {
        let picture = plain(photo(number, 224, 160).into());
        let costs: Vec<f64> = [0, 1, 4, 6]
            .map(|effort| cost(&picture, &encode(&picture, Target::Level(level), effort)))
            .to_vec();
        // A file holds more than symbols, and its picture is rounded: hence the small allowance between neighbours.
        assert!(
            costs.windows(2).all(|c| c[1] < c[0] * 1.0005),
            "level {level}: {costs:?}"
        );
        assert!(costs[3] < 0.99 * costs[0], "level {level}: {costs:?}");
    }
}

#[test]
fn equal_effort_makes_equal_files() {
    let picture = plain(photo(7, 130, 97).into());
    let run = || encode(&picture, Target::Level(20), 6).bytes;
    assert_eq!(run(), run());
}

#[test]
fn every_size_and_kind_can_be_searched() {
    for (width, height) in [(1, 1), (3, 70), (65, 16), (33, 31)] {
        let picture = plain(photo(3, width, height).into());
        let file = encode(&picture, Target::Level(30), 6);
        let image = decode(&file.bytes).picture.image;
        assert_eq!((image.width(), image.height()), (width, height));
    }
    for kind in [ColorType::L8, ColorType::Rgba16] {
        let image = of_kind(&photo(4, 40, 50), kind, |x, _| (x * 1000) as u16);
        let file = encode(&plain(image), Target::Level(30), 2);
        assert_eq!(decode(&file.bytes).picture.image.color(), kind);
    }
}

#[test]
fn small_tiles_search_as_well() {
    let picture = plain(photo(5, 200, 140).into());
    let encoder = Encoder::new(model().with_tile(TileSize::new(64).unwrap()));
    let options = EncodeOptions::default()
        .with_target(Target::Level(12))
        .with_effort(Effort::new(3).unwrap());
    let tiled = encoder.encode(&picture, &options).unwrap();
    let whole = encode(&picture, Target::Level(12), 3);
    let (tiled, whole) = (cost(&picture, &tiled), cost(&picture, &whole));
    // Sums of floats differ in their last bits, and with them a symbol here and there.
    assert!((tiled / whole - 1.0).abs() < 1e-3, "{tiled} {whole}");
}

#[test]
fn a_budget_is_kept_and_used_better() {
    let picture = plain(photo(23, 192, 128).into());
    for budget in [900, 3000] {
        let target = Target::Bytes(budget);
        let (low, high) = (encode(&picture, target, 0), encode(&picture, target, 4));
        assert!(high.bytes.len() as u64 <= budget, "{}", high.bytes.len());
        let psnr = |e: &Encoded| psnr(&picture.image, &decode(&e.bytes).picture.image);
        assert!(
            psnr(&high) >= psnr(&low) - 0.01,
            "{} {}",
            psnr(&high),
            psnr(&low)
        );
    }
}

/// Remembers what it was told about the search, and stops it at a number of calls.
struct Stop {
    seen: Mutex<Vec<(u64, u64)>>,
    after: usize,
}

impl Progress for Stop {
    fn update(&self, stage: Stage, done: u64, total: u64) -> ControlFlow<()> {
        if stage != Stage::Refine {
            return ControlFlow::Continue(());
        }
        let mut seen = self.seen.lock().unwrap();
        seen.push((done, total));
        match seen.len() < self.after {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}

#[test]
fn the_search_is_followed_and_stopped() {
    let picture: Picture = plain(DynamicImage::from(photo(9, 96, 96)));
    let options = EncodeOptions::default().with_effort(Effort::new(5).unwrap());
    let encoder = Encoder::new(model());
    let run = |after| {
        let stop = Stop {
            seen: Mutex::new(Vec::new()),
            after,
        };
        let result = encoder.encode_with(&picture, &options, &stop);
        (result, stop.seen.into_inner().unwrap())
    };
    let (result, seen) = run(usize::MAX);
    assert!(result.is_ok());
    assert!(seen.windows(2).all(|s| s[0].0 < s[1].0), "{seen:?}");
    assert!(seen.iter().all(|s| s.0 <= s.1));
    assert_eq!(seen.last().map(|s| s.0 == s.1), Some(true), "{seen:?}");
    let (result, seen) = run(2);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(seen.len(), 2);
}
