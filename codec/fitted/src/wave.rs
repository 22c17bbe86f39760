//! The order in which a band of a grid is coded: wavefronts, so that many latents are predicted at once.

use kiln_entropy::{Coder, Laplace, LaplaceAt};

use crate::error::Error;
use crate::features::FeaturePlane;
use crate::kernels::{self, Features};
use crate::latents::LATENT_MAX;
use crate::networks::{Arm, INPUT_BITS};
use crate::shape::{Grid, NEIGHBOURS};

/// Steps back that are kept: more than any neighbour is behind.
const STEPS: usize = 16;
/// Rows above a band that neighbours are in.
const ABOVE: usize = 3;
/// Room around the lanes of a step.
const BEFORE: usize = 4;
const AFTER: usize = 32;

/// Latents of the last steps. A lane is a row of the band; at step `t` it has the column `t - lag * row`.
struct Ring {
    values: Vec<i16>,
    stride: usize,
}

impl Ring {
    fn new(rows: usize) -> Self {
        let stride = BEFORE + rows + AFTER;
        Self {
            values: vec![0; STEPS * stride],
            stride,
        }
    }

    fn start(&self, step: isize) -> usize {
        step.rem_euclid(STEPS as isize) as usize * self.stride + BEFORE
    }

    /// The lanes of a step from `lane` on, as many as there is room for.
    fn lanes(&self, step: isize, lane: isize) -> &[i16] {
        let start = self.start(step).wrapping_add_signed(lane);
        &self.values[start..self.start(step) + self.stride - BEFORE]
    }

    fn step_mut(&mut self, step: isize) -> &mut [i16] {
        let start = self.start(step) - BEFORE;
        &mut self.values[start..start + self.stride]
    }
}

/// A band: rows `first .. first + rows` of a grid.
pub(crate) struct Band<'a> {
    pub(crate) arm: &'a Arm,
    pub(crate) lag: usize,
    /// As many neighbours as the network has.
    pub(crate) contexts: usize,
    pub(crate) features: Option<&'a FeaturePlane>,
    pub(crate) grid: Grid,
    pub(crate) first: usize,
    pub(crate) rows: usize,
}

impl Band<'_> {
    /// Codes the latents of the band: reads them, or writes what `values`, the rows of the whole grid, holds. Calls `step`
    /// with the number of latents now and then.
    pub(crate) fn code(
        &self,
        coder: &mut impl Coder,
        values: &mut [i8],
        mut step: impl FnMut(usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (rows, width, lag) = (self.rows, self.grid.width, self.lag);
        let mut model = Laplace::new(LATENT_MAX.into());
        let mut ring = Ring::new(rows);
        let mut features: Vec<Features> = vec![[0; 8]; rows];
        let mut at = vec![LaplaceAt::default(); rows];
        let mut symbols = vec![0i16; rows];
        for t in -(STEPS as isize)..0 {
            self.begin_step(&mut ring, t, values);
        }
        for t in 0..width + lag * (rows - 1) {
            // Lanes whose column is within the grid.
            let low = (t + 1).saturating_sub(width).div_ceil(lag);
            let high = (t / lag + 1).min(rows);
            let time = t as isize;
            self.begin_step(&mut ring, time, values);
            if low >= high {
                continue;
            }
            let lanes = high - low;
            let (at, symbols) = (&mut at[..lanes], &mut symbols[..lanes]);
            let mut contexts: [&[i16]; NEIGHBOURS.len()] = [&[]; NEIGHBOURS.len()];
            for (context, &(dy, dx)) in contexts.iter_mut().zip(&NEIGHBOURS[..self.contexts]) {
                *context = ring.lanes(time + dx + lag as isize * dy, low as isize + dy);
            }
            let seen = match self.features {
                None => &[][..],
                Some(plane) => {
                    for (lane, features) in (low..high).zip(&mut features) {
                        *features = plane.row(self.first + lane)[(t - lag * lane) >> 1];
                    }
                    &features[..lanes]
                }
            };
            kernels::arm(self.arm, &contexts[..self.contexts], seen, at);
            let place = |lane: usize| (self.first + lane) * width + t - lag * lane;
            for (lane, symbol) in (low..high).zip(symbols.iter_mut()) {
                *symbol = values[place(lane)].into();
            }
            coder.code(&mut model, at, symbols)?;
            let now = &mut ring.step_mut(time)[BEFORE + low..];
            for ((lane, &symbol), now) in (low..high).zip(&*symbols).zip(now) {
                values[place(lane)] = symbol as i8;
                *now = symbol << INPUT_BITS;
            }
            step(lanes)?;
        }
        Ok(())
    }

    /// Clears the lanes of a step, and fills in those of the rows above the band.
    fn begin_step(&self, ring: &mut Ring, time: isize, values: &[i8]) {
        let lanes = ring.step_mut(time);
        lanes.fill(0);
        for above in 1..=ABOVE.min(self.first) {
            let column = time + (self.lag * above) as isize;
            if (0..self.grid.width as isize).contains(&column) {
                let place = (self.first - above) * self.grid.width + column as usize;
                lanes[BEFORE - above] = i16::from(values[place]) << INPUT_BITS;
            }
        }
    }
}
