//! The whole way from a picture to the streams of its file.

use kiln_fitted::{Latents, Parameters, Size};

use crate::finish::{Brief, Care, finish};
use crate::{Error, Image, Options, Watch, fit_float};

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
    /// Estimated bits of the latents of every grid.
    pub grid_bits: Vec<f64>,
    /// Steps over the whole picture that were made.
    pub iterations: u32,
}

impl Fit {
    /// Bytes of all streams.
    pub fn bytes(&self) -> usize {
        self.streams.iter().map(Vec::len).sum()
    }

    /// Bytes of the networks.
    pub fn network_bytes(&self) -> usize {
        self.streams.first().map_or(0, Vec::len)
    }
}

/// Fits networks and latents to a picture, and writes the streams of its file.
///
/// # Errors
/// [`Error::Image`] and [`Error::Option`] for what cannot be fitted, [`Error::Stopped`] if `watch` cancels.
pub fn fit(image: &Image<'_>, options: &Options, watch: &dyn Watch) -> Result<Fit, Error> {
    let float = fit_float(image, options, watch)?;
    let brief = Brief {
        image,
        depth: options.depth,
        lambda: options.lambda,
        shape: float.shape,
    };
    let finished = finish(&brief, &float, Care::after(float.iterations))?;
    let size = Size {
        height: image.height,
        width: image.width,
    };
    let (parameters, latents) = (finished.parameters, finished.latents);
    let go_on = &|_, _| std::ops::ControlFlow::Continue(());
    Ok(Fit {
        streams: kiln_fitted::encode(&parameters, size, &latents, go_on)?,
        symbols_crc: kiln_fitted::checksum(&parameters, &latents),
        grid_bits: kiln_fitted::bits(&parameters, size, &latents)?,
        parameters,
        latents,
        mse: finished.mse,
        iterations: float.iterations,
    })
}
