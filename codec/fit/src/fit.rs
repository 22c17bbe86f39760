//! The whole way from a picture to the streams of its file.

use std::time::Instant;

use kiln_fitted::{Latents, Parameters, Size};

use crate::finish::{Brief, Pace, finish};
use crate::{Budget, Error, Image, Options, Watch, fit_float};

/// A fitted picture.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The streams of its file; the first one holds the networks.
    pub streams: Vec<Vec<u8>>,
    /// The checksum of the symbols of its file.
    pub symbols_crc: u32,
    /// The networks.
    pub parameters: Parameters,
    /// The latents.
    pub latents: Latents,
    /// Mean squared error of the samples that a decoder makes, in a range of 1; pixels without weight left out of the sum,
    /// not of the number.
    pub mse: f64,
    /// Bytes of the networks, which are the first stream.
    pub weight_bytes: usize,
    /// Estimated bits of the latents of every grid.
    pub grid_bits: Vec<f64>,
    /// Steps over the whole picture that were made.
    pub iterations: u32,
}

/// Part of the time that networks and latents are fitted in, before they become integers.
const FLOAT_PART: f64 = 0.92;

/// Bytes for each pixel that a fit takes beside the picture: latents with what moves them, the upsampled channels, the
/// layers of the synthesis, and their gradients.
const BYTES_PER_PIXEL: u64 = 400;

/// Bytes that a fit takes beside the picture, on the high side.
pub fn fit_bytes(height: usize, width: usize) -> u64 {
    // Margins around rows, and sums of every thread.
    const FIXED: u64 = 32 << 20;
    let pixels = (height as u64).saturating_mul(width.saturating_add(32) as u64);
    pixels.saturating_mul(BYTES_PER_PIXEL).saturating_add(FIXED)
}

/// Fits networks and latents to a picture, and writes the streams of its file.
///
/// # Errors
/// [`Error::Image`] and [`Error::Option`] for what cannot be fitted, [`Error::Stopped`] if `watch` cancels.
pub fn fit(image: &Image<'_>, options: &Options, watch: &dyn Watch) -> Result<Fit, Error> {
    let start = Instant::now();
    // What remains of the time is for integers.
    let budget = match options.budget {
        Budget::Time(time) => Budget::Time(time.mul_f64(FLOAT_PART)),
        iterations => iterations,
    };
    let mut spent = options.clone();
    spent.budget = budget;
    let float = fit_float(image, &spent, watch)?;
    let brief = Brief {
        image,
        depth: options.depth,
        lambda: options.lambda,
        shape: float.shape,
    };
    let pace = Pace {
        until: match options.budget {
            Budget::Time(time) => start.checked_add(time),
            Budget::Iterations(_) => None,
        },
        watch,
        status: float.status(),
    };
    let finished = finish(&brief, &float, &pace)?;
    let size = Size {
        height: image.height,
        width: image.width,
    };
    let (parameters, latents) = (finished.parameters, finished.latents);
    let go_on = &|_, _| std::ops::ControlFlow::Continue(());
    let streams = kiln_fitted::encode(&parameters, size, &latents, go_on)?;
    Ok(Fit {
        weight_bytes: streams.first().map_or(0, Vec::len),
        streams,
        symbols_crc: kiln_fitted::checksum(&parameters, &latents),
        grid_bits: kiln_fitted::bits(&parameters, size, &latents)?,
        parameters,
        latents,
        mse: finished.mse,
        iterations: float.iterations,
    })
}
