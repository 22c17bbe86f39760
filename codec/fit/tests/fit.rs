//! Whole fits of small pictures, decoded by the real decoder.

use std::ops::ControlFlow;

use kiln_fit::{Budget, Depth, Error, Fit, Image, Next, Options, Preset, Status, fit};
use kiln_fitted::Size;

/// A photograph's window, planar, samples in 0..=1.
fn photo(left: u32, top: u32, width: u32, height: u32) -> Vec<f32> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../datasets/kodak/kodim23.png"
    );
    let rgb = image::open(path).unwrap().to_rgb8();
    let mut samples = Vec::new();
    for channel in 0..3 {
        for y in 0..height {
            for x in 0..width {
                let pixel = rgb.get_pixel(left + x, top + y);
                samples.push(f32::from(pixel[channel]) / 255.0);
            }
        }
    }
    samples
}

fn colour(height: usize, width: usize, samples: &[f32]) -> Image<'_> {
    Image {
        height,
        width,
        channels: 3,
        samples,
        weights: None,
    }
}

fn options(lambda: f64, iterations: u32) -> Options {
    Options {
        lambda,
        budget: Budget::Iterations(iterations),
        seed: 1,
        preset: Some(Preset::Low),
        depth: Depth::Eight,
    }
}

fn go_on(_: &Status) -> Next {
    Next::GoOn
}

/// The samples that a decoder makes of a fit, planar in 0..=1; checks what the fit says of itself.
fn decoded(image: &Image<'_>, fit: &Fit, depth: Depth) -> Vec<f32> {
    let size = Size {
        height: image.height,
        width: image.width,
    };
    let streams: Vec<&[u8]> = fit.streams.iter().map(Vec::as_slice).collect();
    let watch = &|_, _| ControlFlow::Continue(());
    let (parameters, latents) = kiln_fitted::decode(&streams, size, image.channels, watch).unwrap();
    assert_eq!((&parameters, &latents), (&fit.parameters, &fit.latents));
    assert_eq!(
        kiln_fitted::checksum(&parameters, &latents),
        fit.symbols_crc
    );
    let mut samples = vec![0.0; image.samples.len()];
    kiln_fitted::synthesise(&parameters, &latents, size, depth, &mut |y, row| {
        for (i, &sample) in row.iter().enumerate() {
            let (x, channel) = (i / image.channels, i % image.channels);
            samples[channel * image.pixels() + y * image.width + x] =
                f32::from(sample) / f32::from(depth.largest());
        }
    })
    .unwrap();
    samples
}

fn mean_square(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
    squares.sum::<f64>() / a.len() as f64
}

/// The error of the best picture of one colour.
fn of_one_colour(image: &Image<'_>) -> f64 {
    let planes = image.samples.chunks(image.pixels());
    let flat: Vec<f32> = planes
        .flat_map(|plane| {
            let mean = plane.iter().sum::<f32>() / plane.len() as f32;
            std::iter::repeat_n(mean, plane.len())
        })
        .collect();
    mean_square(image.samples, &flat)
}

#[test]
fn a_decoder_makes_what_the_fit_says() {
    let samples = photo(300, 100, 72, 56);
    let image = colour(56, 72, &samples);
    for depth in [Depth::Eight, Depth::Sixteen] {
        let options = Options {
            depth,
            ..options(1e-3, 60)
        };
        let fit = fit(&image, &options, &go_on).unwrap();
        let found = decoded(&image, &fit, depth);
        let mse = mean_square(&found, &samples);
        assert!((mse - fit.mse).abs() < 1e-6 * fit.mse, "{mse} {}", fit.mse);
        // Coded for real, beside the heads of streams.
        let bytes: usize = fit.streams.iter().map(Vec::len).sum();
        let bits = fit.grid_bits.iter().sum::<f64>() + fit.parameters.bits();
        assert!((bytes as f64 - bits / 8.0).abs() < 24.0, "{bytes} {bits}");
        assert!(mse < 0.2 * of_one_colour(&image), "{mse}");
    }
}

#[test]
fn more_steps_cost_less() {
    let samples = photo(300, 100, 72, 56);
    let image = colour(56, 72, &samples);
    let cost = |iterations| {
        let options = options(1e-3, iterations);
        let fit = fit(&image, &options, &go_on).unwrap();
        let bytes: usize = fit.streams.iter().map(Vec::len).sum();
        fit.mse + options.lambda * 8.0 * bytes as f64 / image.pixels() as f64
    };
    let costs = [20, 80, 320].map(cost);
    assert!(costs.is_sorted_by(|a, b| a > b), "{costs:?}");
}

#[test]
fn threads_change_nothing() {
    let samples = photo(200, 60, 130, 97);
    let image = colour(97, 130, &samples);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| fit(&image, &options(2e-3, 30), &go_on).unwrap().streams)
    };
    assert_eq!(with(1), with(3));
}

/// Where a clamp stops gradients, bright pictures end as one colour: "the clipping trap".
#[test]
fn bright_dark_flat_and_noisy_pictures_do_not_collapse() {
    let photo = photo(300, 100, 64, 48);
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let bright: Vec<f32> = photo.iter().map(|s| 0.93 + 0.07 * s).collect();
    let dark: Vec<f32> = photo.iter().map(|s| 0.05 * s).collect();
    let page: Vec<f32> = (0..3 * 64 * 48)
        .map(|i| f32::from(!(i % 64 / 4 % 3 == 0 && i / 64 % 48 / 5 % 2 == 0)))
        .collect();
    let noisy: Vec<f32> = photo.iter().map(|_| noise()).collect();
    for (name, samples, lambda) in [
        ("bright", bright, 1e-5),
        ("dark", dark, 1e-5),
        ("page", page, 1e-4),
        ("noisy", noisy, 1e-3),
    ] {
        let image = colour(48, 64, &samples);
        let fit = fit(&image, &options(lambda, 200), &go_on).unwrap();
        let flat = of_one_colour(&image);
        let found = mean_square(&decoded(&image, &fit, Depth::Eight), &samples);
        assert!(found < 0.5 * flat, "{name}: {found} of {flat}");
    }
    let flat = vec![0.98; 3 * 64 * 48];
    let image = colour(48, 64, &flat);
    let fit = fit(&image, &options(1e-4, 60), &go_on).unwrap();
    assert!(fit.mse < 1e-5, "{}", fit.mse);
    let bytes: usize = fit.streams.iter().map(Vec::len).sum();
    assert!(bytes < 64, "{bytes} bytes of one colour");
}

#[test]
fn every_size_and_grey_can_be_fitted() {
    let samples = photo(0, 0, 40, 33);
    for (height, width) in [(1, 1), (1, 7), (9, 1), (33, 40)] {
        for channels in [1, 3] {
            let image = Image {
                height,
                width,
                channels,
                samples: &samples[..height * width * channels],
                weights: None,
            };
            for preset in [Preset::Low, Preset::High] {
                let options = Options {
                    preset: Some(preset),
                    ..options(1e-3, 12)
                };
                let fit = fit(&image, &options, &go_on).unwrap();
                decoded(&image, &fit, Depth::Eight);
            }
        }
    }
}

#[test]
fn pixels_without_weight_cost_nothing() {
    let mut samples = photo(300, 100, 64, 64);
    // Noise on the right half, which nobody looks at.
    let mut state = 7u32;
    let mut weights = vec![255u8; 64 * 64];
    for (i, sample) in samples.iter_mut().enumerate() {
        if i % 64 >= 32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = (state >> 8) as f32 / (1 << 24) as f32;
            weights[i % (64 * 64)] = 0;
        }
    }
    let bits = |weights| {
        let image = Image {
            weights,
            ..colour(64, 64, &samples)
        };
        let fit = fit(&image, &options(1e-3, 150), &go_on).unwrap();
        fit.grid_bits.iter().sum::<f64>()
    };
    let (without, with) = (bits(None), bits(Some(&weights[..])));
    assert!(with < 0.5 * without, "{with} {without}");
}

#[test]
fn a_watcher_can_finish_and_cancel() {
    let samples = photo(300, 100, 64, 48);
    let image = colour(48, 64, &samples);
    let options = options(1e-3, 100_000);
    let finish = |status: &Status| match status.iterations < 40 {
        true => Next::GoOn,
        false => Next::Finish,
    };
    let early = fit(&image, &options, &finish).unwrap();
    assert!(early.iterations < 2_000, "{}", early.iterations);
    decoded(&image, &early, Depth::Eight);
    let stopped = fit(&image, &options, &|_: &Status| Next::Cancel);
    assert_eq!(stopped.err(), Some(Error::Stopped));
}
