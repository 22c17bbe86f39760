//! The colour transform of Recommendation ITU-R BT.709, full range, without rounding.

/// Weights of red and blue in luma; green has the rest.
const KR: f64 = 0.2126;
const KB: f64 = 0.0722;
const KG: f64 = 1.0 - KR - KB;

/// Y, Cb and Cr of R, G and B. Cb and Cr are differences: 0 for greys, and as large as half the range of RGB.
pub(crate) fn ycbcr_from_rgb([r, g, b]: [f64; 3]) -> [f64; 3] {
    let y = KR * r + KG * g + KB * b;
    [
        y,
        (b - y) / (2.0 * (1.0 - KB)),
        (r - y) / (2.0 * (1.0 - KR)),
    ]
}

/// The inverse of [`ycbcr_from_rgb`].
#[cfg(feature = "adapters")]
pub(crate) fn rgb_from_ycbcr([y, cb, cr]: [f64; 3]) -> [f64; 3] {
    let (r, b) = (y + 2.0 * (1.0 - KR) * cr, y + 2.0 * (1.0 - KB) * cb);
    [r, (y - KR * r - KB * b) / KG, b]
}
