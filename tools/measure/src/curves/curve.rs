//! Rate-distortion curves.

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Rate in bits per pixel.
    pub bpp: f64,
    /// Quality on any scale where higher is better, such as PSNR in decibels.
    pub quality: f64,
}

/// Why points do not make a curve.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CurveError {
    /// Fewer than two points.
    #[error("a curve needs at least 2 points, and there are {0}")]
    TooFew(usize),
    /// A rate that is not above 0, or a value that is not finite.
    #[error(
        "a curve cannot have a point at {bpp} bpp and quality {quality}: rates are above 0 and both are finite"
    )]
    Impossible {
        /// The rate in bits per pixel.
        bpp: f64,
        /// The quality.
        quality: f64,
    },
    /// Two points share one quality, so rate is not a function of quality.
    #[error("two points share the quality {0}")]
    Repeated(f64),
}

/// A rate-distortion curve: at least two points, sorted by strictly increasing quality, with positive finite rates.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve(Vec<Point>);

impl Curve {
    /// Sorts and checks the points.
    ///
    /// # Errors
    /// Fewer than two points, a rate that is not above 0, a value that is not finite, or a quality that occurs twice.
    pub fn new(mut points: Vec<Point>) -> Result<Self, CurveError> {
        if points.len() < 2 {
            return Err(CurveError::TooFew(points.len()));
        }
        for &Point { bpp, quality } in &points {
            if !(bpp.is_finite() && bpp > 0.0 && quality.is_finite()) {
                return Err(CurveError::Impossible { bpp, quality });
            }
        }
        points.sort_by(|a, b| a.quality.total_cmp(&b.quality));
        match points
            .windows(2)
            .find(|pair| pair[0].quality == pair[1].quality)
        {
            Some(pair) => Err(CurveError::Repeated(pair[0].quality)),
            None => Ok(Self(points)),
        }
    }

    /// The points, sorted by quality from low to high.
    pub fn points(&self) -> &[Point] {
        &self.0
    }

    /// Lowest and highest quality.
    pub fn range(&self) -> (f64, f64) {
        (self.0[0].quality, self.0[self.0.len() - 1].quality)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(bpp: f64, quality: f64) -> Point {
        Point { bpp, quality }
    }

    #[test]
    fn points_are_sorted() {
        let curve = Curve::new(vec![point(1.0, 40.0), point(0.1, 30.0), point(0.5, 35.0)]).unwrap();
        assert_eq!(curve.range(), (30.0, 40.0));
        assert_eq!(curve.points()[1], point(0.5, 35.0));
    }

    #[test]
    fn impossible_points_are_refused() {
        assert_eq!(
            Curve::new(vec![point(1.0, 30.0)]),
            Err(CurveError::TooFew(1))
        );
        assert_eq!(
            Curve::new(vec![point(1.0, 30.0), point(2.0, 30.0)]),
            Err(CurveError::Repeated(30.0))
        );
        for bad in [
            point(0.0, 30.0),
            point(-1.0, 30.0),
            point(f64::NAN, 30.0),
            point(1.0, f64::INFINITY),
        ] {
            let error = Curve::new(vec![point(1.0, 31.0), bad]).unwrap_err();
            assert!(matches!(error, CurveError::Impossible { .. }), "{bad:?}");
        }
    }
}
