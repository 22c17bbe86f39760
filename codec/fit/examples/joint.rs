//! Fits networks to crops of many photographs at once: a start for fits of other pictures.
//!
//! `cargo run --release -p kiln-fit --example joint -- FOLDER OUT LAMBDA STEPS [low|medium|high] [CROPS] [SIDE]`
//!
//! Writes the values of all tensors in the order of `Shape::tensors`, 32-bit floats, least significant byte first.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use kiln_fit::{Image, Joint, Preset, Step};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, lambda, steps, rest @ ..] = &arguments[..] else {
        return Err("joint FOLDER OUT LAMBDA STEPS [low|medium|high] [CROPS] [SIDE]".into());
    };
    let (lambda, steps): (f64, u32) = (lambda.parse()?, steps.parse()?);
    let preset = match rest.first().map(String::as_str) {
        Some("low") => Preset::Low,
        Some("medium") => Preset::Medium,
        Some("high") | None => Preset::High,
        Some(other) => return Err(format!("no preset is called {other}").into()),
    };
    let crops: usize = rest.get(1).map_or(Ok(16), |s| s.parse())?;
    let side: usize = rest.get(2).map_or(Ok(320), |s| s.parse())?;

    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut samples = Vec::new();
    // Spread over the folder; a picture that is too small makes room for the next one.
    let stride = (paths.len() / crops).max(1);
    for first in (0..paths.len()).step_by(stride) {
        for path in &paths[first..(first + stride).min(paths.len())] {
            let rgb = image::open(path)?.to_rgb8();
            let (width, height) = (rgb.width() as usize, rgb.height() as usize);
            if width < side || height < side {
                continue;
            }
            let (left, top) = ((width - side) / 2, (height - side) / 2);
            let mut planes = vec![0.0f32; 3 * side * side];
            for y in 0..side {
                for x in 0..side {
                    let pixel = rgb.get_pixel((left + x) as u32, (top + y) as u32);
                    for (c, &v) in pixel.0.iter().enumerate() {
                        planes[(c * side + y) * side + x] = f32::from(v) / 255.0;
                    }
                }
            }
            samples.push(planes);
            break;
        }
    }
    samples.truncate(crops);
    let image = |samples| Image {
        height: side,
        width: side,
        channels: 3,
        samples,
        weights: None,
    };
    let images: Vec<Image<'_>> = samples.iter().map(|s| image(s.as_slice())).collect();
    // As for pictures of half a megapixel, which starts are for.
    let shape = preset.shape(3, 512, 768);
    let mut joint = Joint::new(&images, shape, lambda, 1)?;
    let start = Instant::now();
    for i in 0..steps {
        let t = f64::from(i) / f64::from(steps);
        let means = joint.step(&Step::main(t));
        if i % 20 == 0 || i + 1 == steps {
            println!(
                "{i:5} {:7.1} s  cost {:.4}e-3  {:.3} dB  {:.4} bpp",
                start.elapsed().as_secs_f64(),
                1e3 * (means.mse + lambda * means.bpp),
                -10.0 * means.mse.log10(),
                means.bpp
            );
            let values = joint.networks().iter().flatten();
            let bytes: Vec<u8> = values.flat_map(|v| v.to_le_bytes()).collect();
            fs::write(out, bytes)?;
        }
    }
    Ok(())
}
