//! Functions of single vectors.

use pulp::Simd;
use pulp::bytemuck::{cast_slice, pod_read_unaligned};

/// Most numbers in a vector of any machine.
pub(crate) const MOST_LANES: usize = 16;

/// The vector at the beginning of a slice.
#[inline(always)]
pub(crate) fn load<S: Simd>(_: S, from: &[f32]) -> S::f32s {
    pod_read_unaligned(cast_slice(&from[..S::F32_LANES]))
}

/// Puts a vector at the beginning of a slice.
#[inline(always)]
pub(crate) fn store<S: Simd>(_: S, to: &mut [f32], value: S::f32s) {
    to[..S::F32_LANES].copy_from_slice(cast_slice(&[value]));
}

/// Adds a vector to the beginning of a slice.
#[inline(always)]
pub(crate) fn add_to<S: Simd>(simd: S, to: &mut [f32], value: S::f32s) {
    let to = &mut to[..S::F32_LANES];
    let sum = simd.add_f32s(load(simd, to), value);
    store(simd, to, sum);
}

/// The slice as vectors; its length must be a multiple of theirs.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(_: S, from: &[f32]) -> &[S::f32s] {
    S::as_simd_f32s(from).0
}

/// The slice as vectors; its length must be a multiple of theirs.
#[inline(always)]
pub(crate) fn vectors_mut<S: Simd>(_: S, from: &mut [f32]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(from).0
}

/// Vector whose first `valid` numbers are kept, the others 0.
#[inline(always)]
pub(crate) fn first<S: Simd>(simd: S, valid: usize, value: S::f32s) -> S::f32s {
    if valid >= S::F32_LANES {
        return value;
    }
    simd.select_f32s(below(simd, valid), value, simd.splat_f32s(0.0))
}

/// Sums of the numbers in each vector.
#[inline(always)]
pub(crate) fn sums<S: Simd>(simd: S, vectors: &[S::f32s]) -> Vec<f32> {
    let mut all = vec![0.0; vectors.len()];
    for (to, &v) in all.iter_mut().zip(vectors) {
        *to = simd.reduce_sum_f32s(v);
    }
    all
}

/// Sums of the numbers in each vector.
#[inline(always)]
pub(crate) fn sums_of<S: Simd, const N: usize>(simd: S, vectors: [S::f32s; N]) -> [f32; N] {
    let mut all = [0.0; N];
    for (to, v) in all.iter_mut().zip(vectors) {
        *to = simd.reduce_sum_f32s(v);
    }
    all
}

/// Mask of the first `valid` numbers.
#[inline(always)]
pub(crate) fn below<S: Simd>(simd: S, valid: usize) -> S::m32s {
    const COUNT: [f32; MOST_LANES] = [
        0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0,
    ];
    simd.less_than_f32s(load(simd, &COUNT), simd.splat_f32s(valid as f32))
}

/// 1.5 * 2^23: added and taken away again it rounds, halves to even.
const ROUND: f32 = 12_582_912.0;

/// The nearest whole number, for values below 2^22.
#[inline(always)]
pub(crate) fn round<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let magic = simd.splat_f32s(ROUND);
    simd.sub_f32s(simd.add_f32s(x, magic), magic)
}

/// The largest whole number that is not above, for values below 2^22.
#[inline(always)]
pub(crate) fn floor<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let near = round(simd, x);
    let above = simd.greater_than_f32s(near, x);
    let one = simd.splat_f32s(1.0);
    simd.sub_f32s(near, simd.select_f32s(above, one, simd.splat_f32s(0.0)))
}

/// e^x; relative error below 3e-7 for |x| <= 87, limited to that range.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let c = |v| simd.splat_f32s(v);
    let x = simd.max_f32s(simd.min_f32s(x, c(87.0)), c(-87.0));
    let whole = simd.mul_add_e_f32s(x, c(std::f32::consts::LOG2_E), c(ROUND));
    let n = simd.sub_f32s(whole, c(ROUND));
    // ln 2 in two parts, the first one exact in products with n.
    let r = simd.mul_add_e_f32s(n, c(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, c(2.121_944_4e-4), r);
    let mut p = c(1.0 / 720.0);
    for k in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = simd.mul_add_e_f32s(p, r, c(k));
    }
    // The last bits of `whole` are n: moved to the exponent, they are a product with 2^n.
    let bits = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(whole), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(p), bits))
}

/// Logarithm to base 2 of normal numbers above 0; absolute error below 3e-7.
#[inline(always)]
pub(crate) fn log2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let c = |v| simd.splat_f32s(v);
    let u = |v| simd.splat_u32s(v);
    // Split at sqrt(1/2), so that the mantissa lies around 1.
    const HALF_ROOT: u32 = 0x3f35_04f3;
    let bits = simd.sub_u32s(simd.transmute_u32s_f32s(x), u(HALF_ROOT));
    let exponent = simd.wrapping_dyn_shr_u32s(simd.add_u32s(bits, u(128 << 23)), u(23));
    // An integer below 2^23 as the mantissa of 2^23.
    let exponent = simd.transmute_f32s_u32s(simd.or_u32s(exponent, u(0x4b00_0000)));
    let exponent = simd.sub_f32s(exponent, c(8_388_608.0 + 128.0));
    let mantissa = simd.add_u32s(simd.and_u32s(bits, u(0x007f_ffff)), u(HALF_ROOT));
    let f = simd.sub_f32s(simd.transmute_f32s_u32s(mantissa), c(1.0));
    // 2 atanh(f / (2 + f))
    let s = simd.div_f32s(f, simd.add_f32s(f, c(2.0)));
    let z = simd.mul_f32s(s, s);
    let mut p = c(2.0 / 9.0);
    for k in [2.0 / 7.0, 0.4, 2.0 / 3.0, 2.0] {
        p = simd.mul_add_e_f32s(p, z, c(k));
    }
    let ln = simd.mul_f32s(p, s);
    simd.mul_add_e_f32s(ln, c(std::f32::consts::LOG2_E), exponent)
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Simd, WithSimd};

    use super::*;

    struct Map<'a>(&'a mut [f32], u8);

    impl WithSimd for Map<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for v in vectors_mut(simd, self.0) {
                *v = match self.1 {
                    0 => exp(simd, *v),
                    1 => log2(simd, *v),
                    2 => floor(simd, *v),
                    _ => first(simd, 1, *v),
                };
            }
        }
    }

    #[test]
    fn functions_are_near_those_of_the_standard_library() {
        let exponents: Vec<f32> = (-8000..8000).map(|i| i as f32 / 100.0).collect();
        let mut values = exponents.clone();
        Arch::new().dispatch(Map(&mut values, 0));
        for (x, v) in exponents.iter().zip(&values) {
            let want = f64::from(*x).exp();
            assert!((f64::from(*v) / want - 1.0).abs() < 3e-7, "exp {x}: {v}");
        }

        let mut logs = values.clone();
        Arch::new().dispatch(Map(&mut logs, 1));
        for (x, v) in values.iter().zip(&logs) {
            let want = f64::from(*x).log2();
            assert!(
                (f64::from(*v) - want).abs() < 3e-7 * want.abs().max(1.0) + 1e-7,
                "log {x}: {v} {want}"
            );
        }

        let mut floors = exponents.clone();
        Arch::new().dispatch(Map(&mut floors, 2));
        for (x, v) in exponents.iter().zip(&floors) {
            assert_eq!(x.floor(), *v);
        }
        let mut few = vec![7.0; 2 * MOST_LANES];
        Arch::new().dispatch(Map(&mut few, 3));
        assert_eq!(few[0], 7.0);
    }
}
