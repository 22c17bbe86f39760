//! Metrics against the values of other implementations.

mod fixtures;

use fixtures::{cases, crop, damage};
use kiln_measure::metrics::{butteraugli, ms_ssim, psnr, psnr_yuv, ssimulacra2};

/// Values of `tests/reference/ms_ssim.py`: name, crop, step of the quantiser, MS-SSIM, PSNR.
type Case = (&'static str, [u32; 4], u8, f64, f64);
const PYTORCH_MSSSIM: [Case; 3] = [
    (
        "kodim01",
        [0, 0, 768, 512],
        16,
        0.991_610_625_370,
        34.938_927_286_764,
    ),
    (
        "kodim05",
        [100, 50, 333, 241],
        48,
        0.960_710_751_783,
        25.708_521_010_939,
    ),
    (
        "kodim20",
        [17, 33, 161, 164],
        96,
        0.966_367_584_503,
        24.920_267_075_782,
    ),
];

#[track_caller]
fn assert_near(name: &str, have: f64, expected: f64, tolerance: f64) {
    assert!(
        (have - expected).abs() < tolerance,
        "{name}: {have} is not {expected}"
    );
}

#[test]
fn ms_ssim_equals_pytorch_msssim() {
    for (name, part, step, expected, expected_psnr) in PYTORCH_MSSSIM {
        let original = crop(name, part);
        let damaged = damage(&original, &format!("step {step}"));
        assert_near(name, ms_ssim(&original, &damaged).unwrap(), expected, 1e-9);
        assert_near(
            name,
            psnr(&original, &damaged).unwrap(),
            expected_psnr,
            1e-9,
        );
    }
}

#[test]
fn psnr_of_planes_equals_numpy() {
    for case in cases() {
        let [original, damaged] = case.pictures();
        let value = psnr_yuv(&original, &damaged).unwrap();
        assert_near(&case.name(), value.y, case.psnr_y, 1e-6);
        assert_near(&case.name(), value.yuv, case.psnr_yuv, 1e-6);
    }
}

/// The crate computes cube roots and blurs with other 32-bit operations than libjxl. Where smooth regions fall into a
/// few flat steps, tiny variances decide.
#[test]
fn ssimulacra2_is_near_libjxl() {
    for case in cases() {
        let [original, damaged] = case.pictures();
        let value = ssimulacra2(&original, &damaged).unwrap();
        let tolerance = if case.damage == "step 96" { 0.6 } else { 0.05 };
        assert_near(&case.name(), value, case.ssimulacra2, tolerance);
    }
}

#[test]
fn butteraugli_is_within_a_thousandth_of_libjxl() {
    for case in cases() {
        let [original, damaged] = case.pictures();
        let value = butteraugli(&original, &damaged).unwrap();
        assert_near(&case.name(), value.max / case.butteraugli, 1.0, 0.001);
        let norm = value.norm3 / case.butteraugli_3norm;
        assert_near(&case.name(), norm, 1.0, 0.001);
    }
}

#[test]
fn equal_pictures_have_the_best_values() {
    let [picture, _] = cases()[5].pictures();
    let distance = butteraugli(&picture, &picture).unwrap();
    assert_eq!((distance.max, distance.norm3), (0.0, 0.0));
    let score = ssimulacra2(&picture, &picture).unwrap();
    assert_near("SSIMULACRA2", score, 100.0, 1e-6);
}
