//! Stands in for the fit until it is there: a picture of one colour.

use std::time::{Duration, Instant};

use kiln_fitted::{Latents, Parameters, Role, Shape, Size, checksum, encode};

use crate::{Budget, Error, Image, Next, Options, Preset, Status, Watch};

/// A fitted picture.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Streams.
    pub streams: Vec<Vec<u8>>,
    /// Checksum.
    pub symbols_crc: u32,
    /// Networks.
    pub parameters: Parameters,
    /// Latents.
    pub latents: Latents,
    /// Error of the real decode.
    pub mse: f64,
    /// Bytes of the networks.
    pub weight_bytes: usize,
    /// Bits by grid.
    pub grid_bits: Vec<f64>,
    /// Steps taken.
    pub iterations: u32,
}

/// Fits.
pub fn fit(image: &Image<'_>, options: &Options, watch: &dyn Watch) -> Result<Fit, Error> {
    image.check()?;
    options.check()?;
    let started = Instant::now();
    let mut iterations = 0;
    let n = image.pixels();
    let means: Vec<f32> = image
        .samples
        .chunks(n)
        .map(|p| p.iter().sum::<f32>() / n as f32)
        .collect();
    let mse = image
        .samples
        .chunks(n)
        .zip(&means)
        .map(|(p, m)| p.iter().map(|s| f64::from(s - m).powi(2)).sum::<f64>())
        .sum::<f64>()
        / image.samples.len() as f64;
    loop {
        let done = match options.budget {
            Budget::Iterations(n) => f64::from(iterations) / f64::from(n),
            Budget::Time(t) => started.elapsed().as_secs_f64() / t.as_secs_f64(),
        };
        let status = Status {
            done: done.min(1.0),
            iterations,
            bytes: 20.0,
            psnr: -10.0 * mse.max(1e-9).log10(),
        };
        match watch.update(&status) {
            Next::GoOn if done < 1.0 => {}
            Next::Cancel => return Err(Error::Stopped),
            _ => break,
        }
        std::thread::sleep(Duration::from_millis(1));
        iterations += 1;
    }
    let size = Size {
        height: image.height,
        width: image.width,
    };
    let shape = Preset::Low.shape(image.channels, image.height, image.width);
    let shape = Shape {
        width: 0,
        convolutions: 0,
        ..shape
    };
    let mut values: Vec<Vec<i32>> = shape
        .tensors()
        .iter()
        .map(|t| {
            let value = |i: usize| match t.role {
                Role::LinearBias => (means[i] * 32767.0).round() as i32,
                role => kiln_fitted::default_value(role, i, 12),
            };
            (0..t.len()).map(value).collect()
        })
        .collect();
    let parameters = Parameters {
        shape,
        precision: kiln_fitted::Precision {
            planes: 8,
            hidden: 8,
            output: 12,
        },
        exponents: std::array::from_fn(|i| {
            let used = shape.tensors().iter().any(|t| t.group as usize == i);
            if used { [4, 4, 4, 4, 12, 12, 15][i] } else { 0 }
        }),
        values: std::mem::take(&mut values),
        band: 64,
    };
    let latents = Latents::new(&shape, size);
    let streams = encode(&parameters, size, &latents, &|_, _| {
        std::ops::ControlFlow::Continue(())
    })
    .map_err(|_| Error::Image("streams"))?;
    Ok(Fit {
        symbols_crc: checksum(&parameters, &latents),
        weight_bytes: streams[0].len(),
        grid_bits: vec![0.0; shape.grid_count()],
        streams,
        parameters,
        latents,
        mse,
        iterations,
    })
}

/// Memory.
pub fn fit_bytes(preset: Option<Preset>, channels: usize, height: usize, width: usize) -> u64 {
    let _ = preset;
    (200 * height * width * channels) as u64 + (1 << 20)
}
