//! Prediction of a value from its neighbours: a blend of simple predictors, and a correction that learns.

use crate::rows::PAD;

/// Simple predictors that are blended.
const SUBS: usize = 6;
/// Differences from which the correction is made.
const TAPS: usize = 10;
/// Largest magnitude of a weight of the correction: 2, in 65536ths.
const MOST: i32 = 1 << 17;

/// How much a simple predictor is trusted, by how wrong it was.
static TRUST: [u32; 1024] = make_trust();

const fn make_trust() -> [u32; 1024] {
    let mut table = [0; 1024];
    let mut i = 0;
    while i < table.len() {
        table[i] = ((1 << 21) / ((i + 4) * (i + 4))) as u32;
        i += 1;
    }
    table
}

/// What is remembered of a coded value. All is 0 if it was not predicted.
#[derive(Clone, Copy, Default)]
pub(crate) struct Trace {
    /// The value less its rounded prediction.
    pub(crate) residual: i32,
    /// How wrong the simple predictors were.
    wrong: [u16; SUBS],
}

/// The neighbours of a value.
#[derive(Clone, Copy)]
pub(crate) struct Near {
    pub(crate) w: i32,
    pub(crate) n: i32,
    nw: i32,
    ne: i32,
    ww: i32,
    nn: i32,
    nne: i32,
}

impl Near {
    #[inline(always)]
    pub(crate) fn new<const C: usize>(
        c: usize,
        x: usize,
        cur: &[[i32; C]],
        up: &[[i32; C]],
        top: &[[i32; C]],
    ) -> Self {
        let i = x + PAD;
        Self {
            w: cur[i - 1][c],
            n: up[i][c],
            nw: up[i - 1][c],
            ne: up[i + 1][c],
            ww: cur[i - 2][c],
            nn: top[i][c],
            nne: top[i + 1][c],
        }
    }

    /// The median of W, N and W + N - NW.
    #[inline(always)]
    pub(crate) fn median(&self) -> i32 {
        let (low, high) = (self.w.min(self.n), self.w.max(self.n));
        (self.w + self.n - self.nw).clamp(low, high)
    }
}

/// A prediction and what is needed to learn from its outcome. All in eighths of a value.
pub(crate) struct Prediction {
    pub(crate) subs: [i32; SUBS],
    taps: [i32; TAPS],
    pub(crate) value: i32,
}

/// The predictor of a channel.
pub(crate) struct Predictor {
    weights: [i32; TAPS],
}

impl Predictor {
    pub(crate) const fn new() -> Self {
        Self { weights: [0; TAPS] }
    }

    /// Predicts the value of channel `c`. `before` are the residuals of the channels before, at this pixel.
    #[inline(always)]
    pub(crate) fn predict<const C: usize>(
        &self,
        c: usize,
        x: usize,
        near: &Near,
        before: [i32; 2],
        cur: &[[Trace; C]],
        up: &[[Trace; C]],
    ) -> Prediction {
        let i = x + PAD;
        let Near {
            w,
            n,
            nw,
            ne,
            ww,
            nn,
            nne,
        } = *near;
        let subs = [
            (w + ne - n) << 3,
            (w + n - nw) << 3,
            (n + ne - nne) << 3,
            ((w + n) << 2) + ((ne - nw) << 1),
            n << 3,
            w << 3,
        ];
        let traces = [
            &cur[i - 1][c],
            &up[i][c],
            &up[i - 1][c],
            &up[i + 1][c],
            &cur[i - 2][c],
        ];
        let (mut sum, mut total) = (0, 0);
        for (s, &sub) in subs.iter().enumerate() {
            let wrong: u32 = traces.iter().map(|trace| u32::from(trace.wrong[s])).sum();
            let trust = i64::from(TRUST[(wrong >> 2).min(1023) as usize]);
            sum += trust * i64::from(sub);
            total += trust;
        }
        let blend = (sum / total) as i32;
        let [w, n, nw, ne, ww, nn, nne] = [w, n, nw, ne, ww, nn, nne].map(|v| (v << 3) - blend);
        let [first, second, left] = [before[0], before[1], traces[0].residual].map(|v| v << 3);
        let taps = [w, n, nw, ne, ww, nn, nne, first, second, left];
        let pairs = taps.iter().zip(&self.weights);
        let correction: i64 = pairs
            .map(|(&tap, &weight)| i64::from(tap) * i64::from(weight))
            .sum();
        let value = blend + ((correction + (1 << 15)) >> 16) as i32;
        Prediction { subs, taps, value }
    }

    /// Learns the value that came, whose residual is given. `scale` makes errors coarser.
    #[inline(always)]
    pub(crate) fn learn(
        &mut self,
        prediction: &Prediction,
        value: i32,
        residual: i32,
        scale: u32,
    ) -> Trace {
        let exact = value << 3;
        let error = i64::from(exact - prediction.value);
        let taps = prediction.taps.map(i64::from);
        let power: i64 = taps.iter().map(|tap| tap * tap).sum();
        let shift = 64 - (power + 1).leading_zeros();
        for (weight, tap) in self.weights.iter_mut().zip(taps) {
            let step = ((error * tap) << 10) >> shift;
            *weight = (*weight + step as i32).clamp(-MOST, MOST);
        }
        let wrong = |sub: i32| ((exact - sub).unsigned_abs() >> scale).min(0xFFFF) as u16;
        Trace {
            residual,
            wrong: prediction.subs.map(wrong),
        }
    }
}
