//! What the model trades: bits against squared error, by level. Training and the encoder's search share it.

/// Weight of the mean squared error (on the 0..255 scale) against bits per pixel at the lowest level.
pub const LAMBDA_MIN: f64 = 0.0005;
/// The same at the highest level. Levels between are spaced logarithmically.
pub const LAMBDA_MAX: f64 = 0.4;

/// Weight of the mean squared error (on the 0..255 scale) against bits per pixel, for one of `levels` levels.
pub fn lambda_of(level: usize, levels: usize) -> f64 {
    let part = level as f64 / levels.saturating_sub(1).max(1) as f64;
    LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN).powf(part)
}

/// Bits that one unit of summed squared error is worth, with samples of three channels in a range of 1.
pub(crate) fn bits_per_square(level: usize, levels: usize) -> f64 {
    lambda_of(level, levels) * 255.0 * 255.0 / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_met() {
        assert_eq!(lambda_of(0, 64), LAMBDA_MIN);
        assert!((lambda_of(63, 64) - LAMBDA_MAX).abs() < 1e-12);
        assert_eq!(lambda_of(0, 1), LAMBDA_MIN);
    }
}
