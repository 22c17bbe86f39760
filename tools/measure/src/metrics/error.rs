//! Why two pictures have no value of a metric.

use image::RgbImage;

/// Why two pictures have no value of a metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The pictures differ in size.
    #[error(
        "only pictures of equal size can be compared: the original has {}x{} pixels, the decoded picture {}x{}",
        original.0, original.1, decoded.0, decoded.1
    )]
    SizesDiffer {
        /// Width and height of the original, in pixels.
        original: (u32, u32),
        /// Width and height of the decoded picture, in pixels.
        decoded: (u32, u32),
    },
    /// The pictures are too small for the metric.
    #[error(
        "{metric} needs pictures of at least {least}x{least} pixels; these have {width}x{height}"
    )]
    TooSmall {
        /// Name of the metric.
        metric: &'static str,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// The smallest side that the metric is defined for.
        least: u32,
    },
    /// The implementation of the metric gave up on pictures that it should accept.
    #[error("{metric} could not be computed: {reason}")]
    Failed {
        /// Name of the metric.
        metric: &'static str,
        /// What the implementation says.
        reason: String,
    },
}

/// Checks that both pictures have one size and that no side is below `least` pixels.
pub(super) fn check_sizes(
    metric: &'static str,
    least: u32,
    original: &RgbImage,
    decoded: &RgbImage,
) -> Result<(), MetricError> {
    let (width, height) = original.dimensions();
    if decoded.dimensions() != (width, height) {
        return Err(MetricError::SizesDiffer {
            original: (width, height),
            decoded: decoded.dimensions(),
        });
    }
    if width.min(height) < least {
        return Err(MetricError::TooSmall {
            metric,
            width,
            height,
            least,
        });
    }
    Ok(())
}
