//! Prediction of a value from its neighbours.

use crate::rows::PAD;

/// Sub-predictors.
pub(crate) const SUBS: usize = 6;
/// Inputs of the correction.
const TAPS: usize = 10;

/// What is remembered of a coded value.
#[derive(Clone, Copy, Default)]
pub(crate) struct Trace {
    /// The value less its prediction.
    pub(crate) residual: i32,
    /// How wrong the sub-predictors were.
    pub(crate) wrong: [u16; SUBS],
}

/// Weights of sub-predictors by how wrong they were.
static TRUST: [u32; 1024] = make_trust();

const fn make_trust() -> [u32; 1024] {
    let mut table = [0; 1024];
    let mut i = 0;
    while i < 1024 {
        table[i] = ((1 << 24) / ((i + 4) * (i + 4))) as u32;
        i += 1;
    }
    table
}

/// The neighbours of a value.
#[derive(Clone, Copy)]
pub(crate) struct Near {
    pub(crate) w: i32,
    pub(crate) n: i32,
    pub(crate) nw: i32,
    pub(crate) ne: i32,
    pub(crate) ww: i32,
    pub(crate) nn: i32,
    pub(crate) nne: i32,
}

impl Near {
    #[inline(always)]
    pub(crate) fn of<const C: usize>(
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

/// A prediction and what is needed to learn from its outcome.
pub(crate) struct Prediction {
    pub(crate) subs: [i32; SUBS],
    pub(crate) taps: [i32; TAPS],
    /// In eighths.
    pub(crate) value: i32,
}

/// The predictor of a channel.
#[derive(Clone)]
pub(crate) struct Predictor {
    weights: [i32; TAPS],
}

impl Predictor {
    pub(crate) fn new() -> Self {
        Self { weights: [0; TAPS] }
    }

    #[inline(always)]
    pub(crate) fn predict<const C: usize>(
        &self,
        c: usize,
        x: usize,
        near: &Near,
        others: [i32; 2],
        cur: &[[Trace; C]],
        up: &[[Trace; C]],
    ) -> Prediction {
        let i = x + PAD;
        let &Near {
            w,
            n,
            nw,
            ne,
            ww,
            nn,
            nne,
        } = near;
        let subs = [
            (w + ne - n) << 3,
            (w + n - nw) << 3,
            (n + ne - nne) << 3,
            ((w + n) << 2) + ((ne - nw) << 1),
            n << 3,
            w << 3,
        ];
        let (tw, tn, tnw, tne, tww) = (
            &cur[i - 1][c],
            &up[i][c],
            &up[i - 1][c],
            &up[i + 1][c],
            &cur[i - 2][c],
        );
        let (mut sum, mut total) = (0i64, 0i64);
        for s in 0..SUBS {
            let wrong = u32::from(tw.wrong[s])
                + u32::from(tn.wrong[s])
                + u32::from(tnw.wrong[s])
                + u32::from(tne.wrong[s])
                + u32::from(tww.wrong[s]);
            let trust = i64::from(TRUST[(wrong >> 2).min(1023) as usize]);
            sum += trust * i64::from(subs[s]);
            total += trust;
        }
        let blend = (sum / total) as i32;
        let taps = [
            (w << 3) - blend,
            (n << 3) - blend,
            (nw << 3) - blend,
            (ne << 3) - blend,
            (ww << 3) - blend,
            (nn << 3) - blend,
            (nne << 3) - blend,
            others[0] << 3,
            others[1] << 3,
            tw.residual << 3,
        ];
        let mut dot = 0i64;
        for t in 0..TAPS {
            dot += i64::from(taps[t]) * i64::from(self.weights[t]);
        }
        let value = blend + ((dot + (1 << 15)) >> 16) as i32;
        Prediction { subs, taps, value }
    }

    #[inline(always)]
    pub(crate) fn learn(
        &mut self,
        prediction: &Prediction,
        value: i32,
        scale: u32,
        trace: &mut Trace,
    ) {
        let exact = value << 3;
        for s in 0..SUBS {
            trace.wrong[s] =
                ((exact - prediction.subs[s]).unsigned_abs() >> scale).min(0xFFFF) as u16;
        }
        let error = i64::from(exact - prediction.value);
        let mut power = 1i64;
        for &tap in &prediction.taps {
            power += i64::from(tap) * i64::from(tap);
        }
        let shift = 64 - power.leading_zeros();
        for t in 0..TAPS {
            let step = ((error * i64::from(prediction.taps[t])) << 10) >> shift;
            self.weights[t] = (self.weights[t] + step as i32).clamp(-(1 << 17), 1 << 17);
        }
    }
}
