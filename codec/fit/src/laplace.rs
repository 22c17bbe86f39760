//! Bits of a latent under a Laplace distribution, and their gradients.

use pulp::Simd;

use crate::kernels::lanes::{exp, log2};

/// Logarithm of the scale is the network's output minus this.
const SHIFT: f32 = 4.0;
/// Bound of the logarithm of the scale, either side.
const BOUND: f32 = 5.0;
/// Least probability.
const FLOOR: f32 = 1.0 / 65536.0;

/// Bits of a latent and gradients.
pub(crate) struct Code<V> {
    /// Bits.
    pub bits: V,
    /// Their gradient by the mean; by the latent it is the opposite.
    pub by_mean: V,
    /// Their gradient by the network's second output.
    pub by_scale: V,
}

/// Bits of `y`: the distribution with `mean` and scale `exp(raw - 4)`, integrated from `y - 1/2` to `y + 1/2`.
#[inline(always)]
pub(crate) fn laplace<S: Simd, const BACK: bool>(
    simd: S,
    y: S::f32s,
    mean: S::f32s,
    raw: S::f32s,
) -> Code<S::f32s> {
    let c = |v| simd.splat_f32s(v);
    let (zero, half) = (c(0.0), c(0.5));
    let log_scale = simd.sub_f32s(raw, c(SHIFT));
    let bounded = simd.max_f32s(simd.min_f32s(log_scale, c(BOUND)), c(-BOUND));
    let inverse = exp(simd, simd.neg_f32s(bounded));
    let difference = simd.sub_f32s(y, mean);
    let distance = simd.abs_f32s(difference);
    // Distances of the mean from both ends of the interval: the nearer end, if not the mean is inside, and the farther.
    let near = simd.abs_f32s(simd.sub_f32s(distance, half));
    let far = simd.add_f32s(distance, half);
    let e_near = exp(simd, simd.neg_f32s(simd.mul_f32s(near, inverse)));
    let e_far = exp(simd, simd.neg_f32s(simd.mul_f32s(far, inverse)));
    let outside = simd.greater_than_or_equal_f32s(distance, half);
    let between = simd.mul_f32s(half, simd.sub_f32s(e_near, e_far));
    let around = simd.sub_f32s(c(1.0), simd.mul_f32s(half, simd.add_f32s(e_near, e_far)));
    let probability = simd.select_f32s(outside, between, around);
    let floored = simd.max_f32s(probability, c(FLOOR));
    let bits = simd.neg_f32s(log2(simd, floored));
    if !BACK {
        return Code {
            bits,
            by_mean: zero,
            by_scale: zero,
        };
    }
    let alive = simd.greater_than_f32s(probability, c(FLOOR));
    let by_probability = simd.select_f32s(
        alive,
        simd.div_f32s(c(-std::f32::consts::LOG2_E), floored),
        zero,
    );
    let by_distance = simd.mul_f32s(
        c(-0.5),
        simd.mul_f32s(simd.sub_f32s(e_near, e_far), inverse),
    );
    let by_distance = simd.mul_f32s(by_probability, by_distance);
    let below = simd.less_than_f32s(difference, zero);
    let by_mean = simd.select_f32s(below, by_distance, simd.neg_f32s(by_distance));

    let (near, far) = (simd.mul_f32s(e_near, near), simd.mul_f32s(e_far, far));
    let by_log = simd.select_f32s(
        outside,
        simd.mul_f32s(half, simd.sub_f32s(near, far)),
        simd.mul_f32s(c(-0.5), simd.add_f32s(near, far)),
    );
    let by_log = simd.mul_f32s(by_log, inverse);
    let free = simd.less_than_f32s(simd.abs_f32s(log_scale), c(BOUND));
    let by_scale = simd.select_f32s(free, simd.mul_f32s(by_probability, by_log), zero);
    Code {
        bits,
        by_mean,
        by_scale,
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct One(f32, f32, f32);

    impl WithSimd for One {
        type Output = [f32; 3];

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> [f32; 3] {
            let c = |v| simd.splat_f32s(v);
            let code = laplace::<S, true>(simd, c(self.0), c(self.1), c(self.2));
            let mean = |v| simd.reduce_sum_f32s(v) / S::F32_LANES as f32;
            [mean(code.bits), mean(code.by_mean), mean(code.by_scale)]
        }
    }

    fn bits(y: f64, mean: f64, raw: f64) -> f64 {
        let scale = (raw - 4.0).clamp(-5.0, 5.0).exp();
        let cdf = |x: f64| {
            let tail = 0.5 * (-x.abs() / scale).exp();
            if x < 0.0 { tail } else { 1.0 - tail }
        };
        let (a, b) = (y - 0.5 - mean, y + 0.5 - mean);
        // Both ends on one side: differences of tails are exact.
        let p = if a > 0.0 {
            cdf(-a) - cdf(-b)
        } else {
            cdf(b) - cdf(a)
        };
        -p.max(1.0 / 65536.0).log2()
    }

    #[test]
    fn bits_and_gradients_are_those_of_the_formula() {
        for y in [-7.3, -1.0, 0.0, 0.2, 2.0, 30.0] {
            for mean in [-0.7, 0.1, 1.9] {
                for raw in [-2.0, 1.0, 3.0, 4.5, 7.0] {
                    let [got, by_mean, by_scale] =
                        Arch::new().dispatch(One(y as f32, mean as f32, raw as f32));
                    let want = bits(y, mean, raw);
                    assert!(
                        (f64::from(got) - want).abs() < 2e-4 * want.max(1.0),
                        "{y} {mean} {raw}: {got} {want}"
                    );
                    let h = 1e-5;
                    let by = |f: &dyn Fn(f64) -> f64| (f(h) - f(-h)) / (2.0 * h);
                    let want = [
                        by(&|h| bits(y, mean + h, raw)),
                        by(&|h| bits(y, mean, raw + h)),
                    ];
                    for (got, want) in [by_mean, by_scale].into_iter().zip(want) {
                        assert!(
                            (f64::from(got) - want).abs() < 1e-2 * want.abs() + 1e-3,
                            "{y} {mean} {raw}: {got} {want}"
                        );
                    }
                }
            }
        }
    }
}
