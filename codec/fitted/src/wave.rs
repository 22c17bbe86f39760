//! The order in which a band of a grid is coded: wavefronts, so that many latents are predicted at once.

use std::sync::atomic::{AtomicI8, AtomicUsize, Ordering};

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
/// Lanes that are predicted together.
const VECTOR: usize = 16;

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
    /// The end of the band above, if there is one.
    pub(crate) above: Option<&'a Border>,
    /// Where this band puts its own end, if one is below it.
    pub(crate) below: Option<&'a Border>,
}

impl Band<'_> {
    /// Codes the latents of the band: reads them into `values`, its rows, or writes what is there. Calls `step` with the
    /// number of latents now and then.
    pub(crate) fn code(
        &self,
        coder: &mut impl Coder,
        values: &mut [i8],
        mut step: impl FnMut(usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (rows, width, lag) = (self.rows, self.grid.width, self.lag);
        let _end = End(self.below);
        let mut model = Laplace::new(LATENT_MAX.into());
        let mut ring = Ring::new(rows);
        // Whole vectors of lanes are predicted, of which the last ones may be nothing.
        let padded = rows.next_multiple_of(VECTOR);
        let mut features: Vec<Features> = vec![[0; 8]; padded];
        let mut at = vec![LaplaceAt::default(); padded];
        let mut symbols = vec![0i16; rows];
        for t in -(STEPS as isize)..0 {
            self.begin_step(&mut ring, t);
        }
        for t in 0..width + lag * (rows - 1) {
            // Lanes whose column is within the grid.
            let low = (t + 1).saturating_sub(width).div_ceil(lag);
            let high = (t / lag + 1).min(rows);
            let time = t as isize;
            self.begin_step(&mut ring, time);
            if low >= high {
                continue;
            }
            let lanes = high - low;
            let vectors = lanes.next_multiple_of(VECTOR);
            let symbols = &mut symbols[..lanes];
            let mut contexts: [&[i16]; NEIGHBOURS.len()] = [&[]; NEIGHBOURS.len()];
            for (context, &(dy, dx)) in contexts.iter_mut().zip(&NEIGHBOURS[..self.contexts]) {
                *context = ring.lanes(time + dx + lag as isize * dy, low as isize + dy);
            }
            let seen = match self.features {
                None => &[][..],
                Some(plane) => {
                    let (mut row, mut column) = (self.first + low, t - lag * low);
                    for features in &mut features[..lanes] {
                        *features = plane.at(row, column);
                        (row, column) = (row + 1, column.wrapping_sub(lag));
                    }
                    &features[..vectors]
                }
            };
            kernels::arm(
                self.arm,
                &contexts[..self.contexts],
                seen,
                &mut at[..vectors],
            );
            // From lane to lane a row further, and as much further left.
            let first = low * width + t - lag * low;
            let places = (0..lanes).map(|lane| (first + lane * width) - lane * lag);
            for (place, symbol) in places.clone().zip(symbols.iter_mut()) {
                *symbol = values[place].into();
            }
            coder.code(&mut model, &mut at[..lanes], symbols)?;
            let now = &mut ring.step_mut(time)[BEFORE + low..];
            for ((place, &symbol), now) in places.zip(&*symbols).zip(now) {
                values[place] = symbol as i8;
                *now = symbol << INPUT_BITS;
            }
            if let Some(below) = self.below {
                for above in 1..=ABOVE.min(rows) {
                    let lane = rows - above;
                    if (low..high).contains(&lane) {
                        below.set(above, t - lag * lane, symbols[lane - low] as i8);
                    }
                }
                below.reach(t + 1);
            }
            step(lanes)?;
        }
        Ok(())
    }

    /// Clears the lanes of a step, and fills in those of the rows above the band.
    fn begin_step(&self, ring: &mut Ring, time: isize) {
        let lanes = ring.step_mut(time);
        lanes.fill(0);
        let Some(border) = self.above else { return };
        // All of them are of the same step of the band above, which is as many rows later.
        border.wait(time + (self.lag * border.rows) as isize);
        for above in 1..=ABOVE.min(border.rows) {
            let column = time + (self.lag * above) as isize;
            if (0..self.grid.width as isize).contains(&column) {
                lanes[BEFORE - above] = i16::from(border.get(above, column as usize)) << INPUT_BITS;
            }
        }
    }
}

/// The last rows of a band, which the next one sees, maybe on another thread.
pub(crate) struct Border {
    /// Rows of the band.
    rows: usize,
    width: usize,
    values: Vec<AtomicI8>,
    /// Steps that are over.
    steps: AtomicUsize,
}

impl Border {
    pub(crate) fn new(rows: usize, width: usize) -> Self {
        let places = ABOVE * width;
        Self {
            rows,
            width,
            values: (0..places).map(|_| AtomicI8::new(0)).collect(),
            steps: AtomicUsize::new(0),
        }
    }

    fn place(&self, above: usize, column: usize) -> &AtomicI8 {
        &self.values[(above - 1) * self.width + column]
    }

    fn set(&self, above: usize, column: usize, value: i8) {
        self.place(above, column).store(value, Ordering::Relaxed);
    }

    fn get(&self, above: usize, column: usize) -> i8 {
        self.place(above, column).load(Ordering::Relaxed)
    }

    /// So many steps are over.
    fn reach(&self, steps: usize) {
        self.steps.store(steps, Ordering::Release);
    }

    /// Waits until a step of the band is over. Whoever waits must know that the band is being coded by another thread, or
    /// is over.
    fn wait(&self, step: isize) {
        let mut tries = 0u32;
        while (self.steps.load(Ordering::Acquire) as isize) <= step {
            tries += 1;
            if tries % 64 == 0 {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// However a band ends, nobody waits for it any more.
struct End<'a>(Option<&'a Border>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        if let Some(border) = self.0 {
            border.reach(isize::MAX as usize);
        }
    }
}
