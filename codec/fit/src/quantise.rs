//! Latents as the networks see them: rounded softly with noise while fitting, hard when it is about the file.

use kiln_fitted::Grid;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::kernels::lanes::{MOST_LANES, exp, floor, load, round, store};
use crate::kernels::rows::cut;
use crate::random::SplitMix;
use crate::stack::{Form, Stack};

/// Rows above a grid and columns beside it that contexts reach are zeros.
const ABOVE: usize = 3;

/// How latents are rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rounding {
    /// `soft(soft(y) + noise)`, where `soft` is steeper for a smaller temperature.
    Soft {
        /// Temperature.
        temperature: f32,
        /// Standard deviation of the noise.
        noise: f32,
        /// What the noise follows from.
        seed: u64,
    },
    /// To the nearest integer; without gradients.
    Hard,
}

/// A grid of latents.
#[derive(Clone, Debug)]
pub(crate) struct Latents {
    /// Size and level.
    pub grid: Grid,
    /// What is fitted: latents divided by the gain.
    pub values: Stack,
    /// What the networks see.
    pub rounded: Stack,
    /// Gradient of [`Self::rounded`] by [`Self::values`].
    pub slope: Stack,
}

impl Latents {
    /// Zeros.
    pub(crate) fn new(grid: Grid) -> Self {
        let form = Form {
            height: grid.height,
            width: grid.width,
            channels: 1,
        };
        Self {
            grid,
            values: Stack::new(form),
            rounded: Stack::with_rows_above(form, ABOVE),
            slope: Stack::new(form),
        }
    }

    /// Computes [`Self::rounded`] and, if soft, [`Self::slope`]. `number` tells the grids' noise apart.
    pub(crate) fn round(&mut self, rounding: Rounding, gain: f32, number: usize) {
        let (values, form) = (&self.values, self.values.form);
        let parts = self.rounded.parts_mut().zip(self.slope.parts_mut());
        parts.for_each(|((from, rounded), (_, slope))| {
            for (i, row) in rounded.chunks_mut(form.row_len()).enumerate() {
                let seed = match rounding {
                    Rounding::Soft { seed, .. } => seed,
                    Rounding::Hard => 0,
                };
                Arch::new().dispatch(RoundRow {
                    values: values.row(from + i, 0),
                    rounded: form.of_mut(row, 0, 0),
                    slope: form.of_mut(slope, i, 0),
                    width: form.width,
                    rounding,
                    gain,
                    random: SplitMix::of(&[seed, number as u64, (from + i) as u64]),
                });
            }
        });
    }
}

struct RoundRow<'a> {
    values: &'a [f32],
    rounded: &'a mut [f32],
    slope: &'a mut [f32],
    width: usize,
    rounding: Rounding,
    gain: f32,
    random: SplitMix,
}

impl WithSimd for RoundRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let gain = simd.splat_f32s(self.gain);
        let span = self.values.len();
        match self.rounding {
            Rounding::Hard => {
                for x in (0..span).step_by(S::F32_LANES) {
                    let y = simd.mul_f32s(load(simd, &self.values[x..]), gain);
                    store(simd, &mut self.rounded[x..], round(simd, y));
                }
            }
            Rounding::Soft {
                temperature, noise, ..
            } => {
                let soft = Soft::new(simd, temperature);
                let noise = simd.splat_f32s(noise);
                let mut random = Noise::new(simd, &mut self.random);
                for x in (0..span).step_by(S::F32_LANES) {
                    let y = simd.mul_f32s(load(simd, &self.values[x..]), gain);
                    let (once, first) = soft.round(y);
                    let noisy = simd.mul_add_e_f32s(random.next(), noise, once);
                    let (twice, second) = soft.round(noisy);
                    store(simd, &mut self.rounded[x..], twice);
                    let slope = simd.mul_f32s(simd.mul_f32s(first, second), gain);
                    store(simd, &mut self.slope[x..], slope);
                }
            }
        }
        cut(simd, self.rounded, self.width);
    }
}

/// `floor x + 1/2 + 1/2 tanh((x - floor x - 1/2) / T) / tanh(1 / 2T)` (Agustsson and Theis 2020).
#[derive(Clone, Copy)]
struct Soft<S: Simd> {
    simd: S,
    twice_inverse: S::f32s,
    half_scale: S::f32s,
    slope: S::f32s,
}

impl<S: Simd> Soft<S> {
    #[inline(always)]
    fn new(simd: S, temperature: f32) -> Self {
        let scale = 1.0 / (0.5 / temperature).tanh();
        Self {
            simd,
            twice_inverse: simd.splat_f32s(2.0 / temperature),
            half_scale: simd.splat_f32s(0.5 * scale),
            slope: simd.splat_f32s(0.5 * scale / temperature),
        }
    }

    /// The rounded number and the slope there.
    #[inline(always)]
    fn round(&self, x: S::f32s) -> (S::f32s, S::f32s) {
        let simd = self.simd;
        let (one, half) = (simd.splat_f32s(1.0), simd.splat_f32s(0.5));
        let whole = floor(simd, x);
        let rest = simd.sub_f32s(simd.sub_f32s(x, whole), half);
        let e = exp(simd, simd.mul_f32s(rest, self.twice_inverse));
        let tanh = simd.sub_f32s(
            one,
            simd.div_f32s(simd.splat_f32s(2.0), simd.add_f32s(e, one)),
        );
        let rounded = simd.mul_add_e_f32s(tanh, self.half_scale, simd.add_f32s(whole, half));
        let steep = simd.sub_f32s(one, simd.mul_f32s(tanh, tanh));
        (rounded, simd.mul_f32s(steep, self.slope))
    }
}

/// Noise that is nearly normal: the sum of four uniform numbers.
struct Noise<S: Simd> {
    simd: S,
    state: [S::u32s; 4],
}

impl<S: Simd> Noise<S> {
    #[inline(always)]
    fn new(simd: S, random: &mut SplitMix) -> Self {
        let mut state = [simd.splat_u32s(0); 4];
        for state in &mut state {
            let mut lanes = [0u32; MOST_LANES];
            for pair in lanes.as_chunks_mut::<2>().0 {
                let bits = random.next();
                *pair = [bits as u32 | 1, (bits >> 32) as u32];
            }
            *state = S::as_simd_u32s(&lanes).0[0];
        }
        Self { simd, state }
    }

    /// 32 random bits for each lane (Marsaglia: Xorshift RNGs, 2003).
    #[inline(always)]
    fn bits(&mut self) -> S::u32s {
        let simd = self.simd;
        let [x, y, z, w] = self.state;
        let t = simd.xor_u32s(x, simd.wrapping_dyn_shl_u32s(x, simd.splat_u32s(11)));
        let t = simd.xor_u32s(t, simd.wrapping_dyn_shr_u32s(t, simd.splat_u32s(8)));
        let w_high = simd.wrapping_dyn_shr_u32s(w, simd.splat_u32s(19));
        let next = simd.xor_u32s(simd.xor_u32s(w, w_high), t);
        self.state = [y, z, w, next];
        next
    }

    /// Sums of two uniform numbers around 0, of width 65536.
    #[inline(always)]
    fn two_uniform(&mut self) -> S::f32s {
        let simd = self.simd;
        let bits = self.bits();
        let low = simd.and_u32s(bits, simd.splat_u32s(0xffff));
        let high = simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(16));
        // 16 bits in the mantissa of 2^23 make an exact number.
        let exponent = simd.splat_u32s(0x4b00_0000);
        let low = simd.transmute_f32s_u32s(simd.or_u32s(low, exponent));
        let high = simd.transmute_f32s_u32s(simd.or_u32s(high, exponent));
        let middle = simd.splat_f32s(8_388_608.0 + 32_767.5);
        simd.add_f32s(simd.sub_f32s(low, middle), simd.sub_f32s(high, middle))
    }

    /// Numbers of variance 1.
    #[inline(always)]
    fn next(&mut self) -> S::f32s {
        let simd = self.simd;
        let once = self.two_uniform();
        let sum = simd.add_f32s(once, self.two_uniform());
        // Four uniform numbers of width 65536 have a variance of 4 / 12 times its square.
        simd.mul_f32s(sum, simd.splat_f32s(1.732_050_8 / 65536.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latents(height: usize, width: usize) -> Latents {
        let mut all = Latents::new(Grid {
            height,
            width,
            level: 0,
            hyper: false,
        });
        let mut random = SplitMix(5);
        for row in 0..height {
            for v in &mut all.values.row_mut(row, 0)[..width] {
                *v = (random.normal() * 0.2) as f32;
            }
        }
        all
    }

    #[test]
    fn hard_rounding_is_to_the_nearest_and_leaves_the_surroundings_zero() {
        let mut all = latents(5, 21);
        all.round(Rounding::Hard, 16.0, 0);
        for row in 0..5 {
            for x in 0..21 {
                let y = all.values.row(row, 0)[x] * 16.0;
                assert_eq!(all.rounded.row(row, 0)[x], y.round_ties_even());
            }
            assert!(all.rounded.row(row, 0)[21..].iter().all(|&v| v == 0.0));
        }
    }

    #[test]
    fn noise_has_the_wished_spread_and_differs_by_row() {
        let mut all = latents(64, 128);
        all.values.clear();
        let rounding = Rounding::Soft {
            // So warm that rounding does nothing.
            temperature: 1e3,
            noise: 0.2,
            seed: 1,
        };
        all.round(rounding, 16.0, 0);
        let values: Vec<f32> = (0..64)
            .flat_map(|r| all.rounded.row(r, 0).to_vec())
            .collect();
        let n = values.len() as f32;
        let mean = values.iter().sum::<f32>() / n;
        let variance = values.iter().map(|v| v * v).sum::<f32>() / n;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance.sqrt() - 0.2).abs() < 0.005, "{variance}");
        assert_ne!(all.rounded.row(0, 0), all.rounded.row(1, 0));
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let mut all = latents(3, 40);
        let rounding = Rounding::Soft {
            temperature: 0.3,
            noise: 0.2,
            seed: 1,
        };
        all.round(rounding, 16.0, 0);
        let slopes = all.slope.row(1, 0).to_vec();
        let step = 1e-4;
        let mut shifted = [-step, step].map(|by| {
            let mut all = all.clone();
            all.values.row_mut(1, 0).iter_mut().for_each(|v| *v += by);
            all.round(rounding, 16.0, 0);
            all.rounded.row(1, 0).to_vec()
        });
        let up = shifted[1].split_off(0);
        for x in 0..40 {
            let want = (up[x] - shifted[0][x]) / (2.0 * step);
            assert!(
                (slopes[x] - want).abs() < 0.03 * want.abs() + 0.2,
                "{} {want}",
                slopes[x]
            );
        }
    }
}
