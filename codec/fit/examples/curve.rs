//! How the cost of a picture falls while it is fitted.
//!
//! `cargo run --release -p kiln-fit --example curve -- PICTURE LAMBDA ITERATIONS [low|medium|high] [SEED]`

use std::error::Error;
use std::time::Instant;

use kiln_fit::{Budget, Depth, Image, Next, Options, Preset, Status, fit};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, lambda, iterations, rest @ ..] = &arguments[..] else {
        return Err("curve PICTURE LAMBDA ITERATIONS [low|medium|high] [SEED]".into());
    };
    let preset = match rest.first().map(String::as_str) {
        Some("low") => Preset::Low,
        Some("medium") => Preset::Medium,
        Some("high") | None => Preset::High,
        Some(other) => return Err(format!("no preset is called {other}").into()),
    };
    let rgb = image::open(path)?.to_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let mut samples = vec![0.0; 3 * width * height];
    for (i, pixel) in rgb.pixels().enumerate() {
        for (c, &v) in pixel.0.iter().enumerate() {
            samples[c * width * height + i] = f32::from(v) / 255.0;
        }
    }
    let picture = Image {
        height,
        width,
        channels: 3,
        samples: &samples,
        weights: None,
    };
    let options = Options {
        lambda: lambda.parse()?,
        budget: Budget::Iterations(iterations.parse()?),
        seed: rest.get(1).map_or(Ok(1), |s| s.parse())?,
        preset: Some(preset),
        depth: Depth::Eight,
    };
    let pixels = (width * height) as f64;
    let cost = |psnr: f64, bpp: f64| 10f64.powf(-psnr / 10.0) + options.lambda * bpp;
    let start = Instant::now();
    let watch = |status: &Status| {
        let bpp = 8.0 * status.bytes / pixels;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{:6} {:7.1} s  {:6.2} ms each  cost {:.4}e-3  {:.3} dB  {:.4} bpp",
            status.iterations,
            seconds,
            1e3 * seconds / f64::from(status.iterations),
            1e3 * cost(status.psnr, bpp),
            status.psnr,
            bpp,
        );
        Next::GoOn
    };
    let fit = fit(&picture, &options, &watch)?;
    let bits: Vec<u64> = fit.grid_bits.iter().map(|&b| b as u64).collect();
    let bytes: usize = fit.streams.iter().map(Vec::len).sum();
    let (psnr, bpp) = (-10.0 * fit.mse.log10(), 8.0 * bytes as f64 / pixels);
    println!(
        "real: {:.1} s  cost {:.4}e-3  {psnr:.3} dB  {bpp:.4} bpp, {} bytes, {} of them networks",
        start.elapsed().as_secs_f64(),
        1e3 * cost(psnr, bpp),
        bytes,
        fit.weight_bytes,
    );
    let tensors = fit.parameters.shape.tensors();
    println!(
        "exponents {:?} {:?}",
        fit.parameters.exponents, fit.parameters.precision
    );
    for (tensor, bits) in tensors.iter().zip(fit.parameters.tensor_bits()) {
        print!("{:?} {:.0}/{} ", tensor.role, bits, tensor.len());
    }
    println!("\nbits of grids {bits:?}");
    Ok(())
}
