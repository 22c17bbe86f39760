//! Pixels of smooth or noisy content: predictions, and residuals in contexts of what is around.

use kiln_entropy::{CodeError, Coder};

use crate::near::level;
use crate::predict::{Near, Predictor, Trace};
use crate::residual::Residuals;
use crate::rows::{PAD, Rows};

/// Levels of the energy around a value.
const LEVELS: usize = 64;
/// Steps at each side of 0 to which differences are rounded.
const STEPS: i32 = 7;

/// Adaptive model of smooth content.
pub(crate) struct Smooth<const C: usize> {
    residuals: Residuals,
    predictors: [Predictor; C],
    /// By how many bits contexts see values coarser.
    scale: u32,
}

impl<const C: usize> Smooth<C> {
    pub(crate) fn new(scale: u32) -> Self {
        Self {
            residuals: Residuals::new([C * LEVELS, C << 8, C << 8, C << 10], C << 3, C),
            predictors: [const { Predictor::new() }; C],
            scale,
        }
    }

    /// Codes the values of a pixel and their traces, which go into the current rows.
    #[inline(always)]
    pub(crate) fn code<K: Coder>(
        &mut self,
        coder: &mut K,
        x: usize,
        values: &mut Rows<[i32; C]>,
        traces: &mut Rows<[Trace; C]>,
        wanted: [i32; C],
    ) -> Result<[i32; C], CodeError> {
        let i = x + PAD;
        let (values, values_up, values_top) = values.all();
        let (traces, traces_up, traces_top) = traces.all();
        // Residuals of the first two channels of this pixel.
        let mut before = [0; 2];
        for c in 0..C {
            let near = Near::new(c, x, values, values_up, values_top);
            let predictor = &mut self.predictors[c];
            let prediction = predictor.predict(c, x, &near, before, traces, traces_up);
            let exact = prediction.value;
            let rounded = (exact + 4) >> 3;
            let energy = {
                let at = |trace: &[Trace; C]| trace[c].residual.unsigned_abs();
                let sides = at(&traces[i - 1]) + at(&traces_up[i]);
                let others = at(&traces_up[i - 1]) + at(&traces_up[i + 1]);
                level((2 * sides + others + at(&traces[i - 2]) + at(&traces_top[i])) >> self.scale)
            };
            let coarse = (energy as usize >> 2).min(7);
            let step = |eighths: i32| steps(eighths >> self.scale);
            let other = if c == 0 {
                traces_up[i + 1][c].residual
            } else {
                before[0]
            };
            let contexts = [
                c * LEVELS + (energy as usize).min(LEVELS - 1),
                c << 8 | step(other << 3) << 4 | coarse,
                c << 8 | step((near.w << 3) - exact) << 4 | step((near.n << 3) - exact),
                c << 10
                    | step(prediction.subs[0] - exact) << 6
                    | step(prediction.subs[1] - exact) << 2
                    | (exact & 7) as usize >> 1,
            ];
            let residual = wanted[c] - rounded;
            let residual = self
                .residuals
                .code(coder, c, contexts, c << 3 | coarse, residual)?;
            values[i][c] = rounded + residual;
            traces[i][c] = predictor.learn(&prediction, values[i][c], residual, self.scale);
            before[c.min(1)] = residual;
        }
        Ok(values[i])
    }
}

/// A difference in eighths as one of 15 steps: 7 below a half, and one more for each doubling.
#[inline(always)]
fn steps(eighths: i32) -> usize {
    let level = (eighths.unsigned_abs() | 2).ilog2() as i32 - 1;
    let level = level.min(STEPS);
    (STEPS + if eighths < 0 { -level } else { level }) as usize
}
