//! From networks in floating point to a file: integers whose real cost is the lowest that was found.
//!
//! ```text
//! Float -> Rounded (steps by group) -> walk (integers one by one) -> or one colour -> streams
//!            \______ Judge: samples and bits of the real decoder ______/
//! ```

mod constant;
mod judge;
mod pace;
mod precision;
mod rounded;
mod steps;
mod walk;

use kiln_fitted::{GROUPS, Latents, Parameters, Shape, Size};

use crate::{Depth, Error, Float, Image};

use constant::constant;
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

impl Brief<'_> {
    /// The same for other networks.
    fn with(&self, shape: Shape) -> Self {
        Self { shape, ..*self }
    }
}

/// From so many iterations on it pays to walk: it takes the time of some hundred of them, for about as much.
const WALK_FROM: u32 = 3_000;

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
pub(crate) fn finish(brief: &Brief<'_>, float: &Float, pace: &Pace<'_>) -> Result<Finished, Error> {
    let mut latents = latents(brief, float)?;
    let whole = Judge::whole(brief, &latents);
    let mut parameters = round(brief, float, &latents, &mut || pace.goes_on())?
        .parameters()
        .clone();
    let mut cost = whole.cost(&parameters)?;
    // Of a given time a part is left for it.
    let walks = float.iterations >= WALK_FROM || pace.until.is_some();
    if walks && pace.goes_on()? {
        let walked = walk::walk(&parameters, &Judge::enough(brief, &latents), pace)?;
        let walked_cost = whole.cost(&walked)?;
        // What is better for a part may be worse for all of it.
        if whole.total(walked_cost) < whole.total(cost) {
            (parameters, cost) = (walked, walked_cost);
        }
    }
    let (flat, zeros) = constant(brief);
    let judge = Judge::whole(&brief.with(flat.shape), &zeros);
    let flat_cost = judge.cost(&flat)?;
    if judge.total(flat_cost) <= whole.total(cost) {
        (parameters, latents, cost) = (flat, zeros, flat_cost);
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

/// Exponents of the steps, by group, that suit networks which are still being fitted.
///
/// # Errors
/// [`Error::Format`] if the fit does not fit into a file.
pub(crate) fn exponents(brief: &Brief<'_>, float: &Float) -> Result<[u8; 7], Error> {
    let latents = latents(brief, float)?;
    let rounded = round(brief, float, &latents, &mut || Ok(true))?;
    Ok(rounded.parameters().exponents)
}

/// Integers at the best precision and steps.
fn round<'a>(
    brief: &Brief<'_>,
    float: &'a Float,
    latents: &Latents,
    goes_on: &mut dyn FnMut() -> Result<bool, Error>,
) -> Result<Rounded<'a>, Error> {
    let mut rounded = Rounded::new(brief.shape, &float.networks);
    let known = float.exponents.into_iter().flatten();
    for (group, exponent) in GROUPS.into_iter().zip(known) {
        rounded.set_exponent(group, exponent);
    }
    rounded.settle()?;
    let judge = Judge::enough(brief, latents);
    precision::choose(&mut rounded, &judge)?;
    steps::search(&mut rounded, &judge, goes_on)?;
    Ok(rounded)
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
