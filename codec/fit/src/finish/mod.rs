//! From networks in floating point to a file: integers whose real cost is the lowest that was found.
//!
//! ```text
//! Float -> Rounded (steps by group) -> walk (integers one by one) -> streams
//!            \______ Judge: samples and bits of the real decoder ______/
//! ```

mod judge;
mod pace;
mod precision;
mod rounded;
mod steps;
mod walk;

use kiln_fitted::{Latents, Parameters, Shape, Size};

use crate::{Depth, Error, Float, Image};

use judge::Judge;
pub(crate) use pace::Pace;
use rounded::Rounded;

/// Grids are cut into bands of so many rows, so that threads can decode them, ...
const BAND: usize = 128;

/// ... where a file is so large that their streams are a thousandth of it.
const BAND_FROM_BITS: f64 = 8.0 * 30_000.0;

/// What integers are looked for.
pub(crate) struct Brief<'a> {
    pub image: &'a Image<'a>,
    pub depth: Depth,
    /// `MSE + lambda * bits per pixel` is what counts.
    pub lambda: f64,
    pub shape: Shape,
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// Steps alone.
    Steps,
    /// Integers one by one, judged by a quarter of the picture.
    Walk,
    /// Twice, judged by half of it.
    Long,
}

impl Care {
    /// What is worth its time after so many iterations.
    pub(crate) fn after(iterations: u32) -> Self {
        match iterations {
            0..1_500 => Self::Steps,
            1_500..8_000 => Self::Walk,
            _ => Self::Long,
        }
    }
}

/// Integers for a picture, and what they cost.
pub(crate) struct Finished {
    pub parameters: Parameters,
    pub latents: Latents,
    /// Of the samples that a decoder makes.
    pub mse: f64,
}

/// Integers for networks and latents that were fitted.
///
/// # Errors
/// [`Error::Format`] if the fit does not fit into a file, [`Error::Stopped`] if the caller cancels.
pub(crate) fn finish(
    brief: &Brief<'_>,
    float: &Float,
    care: Care,
    pace: &Pace<'_>,
) -> Result<Finished, Error> {
    let latents = latents(brief, float)?;
    let mut rounded = Rounded::new(brief.shape, &float.networks);
    let whole = Judge::whole(brief, &latents);
    rounded.settle()?;
    precision::choose(&mut rounded, &whole)?;
    // A part of the picture says well enough where the best steps are.
    let sample = Judge::sample(brief, &latents, 4);
    steps::search(&mut rounded, &sample)?;
    let mut parameters = rounded.parameters().clone();
    let mut cost = whole.cost(&parameters)?;
    let rounds: &[usize] = match care {
        Care::Steps => &[],
        Care::Walk => &[4],
        Care::Long => &[4, 2],
    };
    for &share in rounds {
        if !pace.goes_on()? {
            break;
        }
        let sample = Judge::sample(brief, &latents, share);
        let walked = walk::walk(&parameters, &sample, pace)?;
        let walked_cost = whole.cost(&walked)?;
        // What is better for a part may be worse for all of it.
        if whole.total(walked_cost) < whole.total(cost) {
            (parameters, cost) = (walked, walked_cost);
        }
    }
    let bits = (cost.latents + cost.networks) * brief.image.pixels() as f64;
    if bits >= BAND_FROM_BITS {
        parameters.band = BAND;
    }
    Ok(Finished {
        parameters,
        latents,
        mse: cost.mse,
    })
}

fn latents(brief: &Brief<'_>, float: &Float) -> Result<Latents, Error> {
    let size = Size {
        height: brief.image.height,
        width: brief.image.width,
    };
    let mut latents = Latents::new(&brief.shape, size);
    for (index, values) in float.latents.iter().enumerate() {
        let grid = latents.grid_mut(index);
        if grid.len() != values.len() {
            return Err(Error::Option("latents of another size"));
        }
        let limit = i16::from(kiln_fitted::LATENT_MAX);
        for (to, &value) in grid.iter_mut().zip(values) {
            *to = value.clamp(-limit, limit) as i8;
        }
    }
    Ok(latents)
}
