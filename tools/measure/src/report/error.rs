//! Why a report cannot be made.

use super::sample::Crop;

/// Why a figure or a page cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The caller asks for a curve that the results do not have.
    #[error("the results have no curve named {name}, but {}", have.join(", "))]
    UnknownCurve {
        /// The name asked for.
        name: String,
        /// Names of all curves.
        have: Vec<String>,
    },
    /// No curve has a value on any of the axes.
    #[error("the results have no curve over these metrics")]
    NothingToDraw,
    /// A crop does not lie within its picture.
    #[error("the crop {crop:?} is not within {width}x{height} pixels")]
    Crop {
        /// The crop.
        crop: Crop,
        /// Pixels in a row of the picture.
        width: u32,
        /// Rows of the picture.
        height: u32,
    },
    /// A codec has changed the size of a sample picture.
    #[error("{codec} returned {picture} in another size")]
    SampleSize {
        /// Name of the picture.
        picture: String,
        /// Name of the codec.
        codec: String,
    },
    /// A figure cannot be drawn.
    #[error("cannot draw: {0}")]
    Draw(String),
    /// A picture cannot be stored.
    #[error("cannot store a picture")]
    Picture(#[source] image::ImageError),
    /// The data of the page cannot be written as JSON.
    #[error("cannot write the data of the page")]
    Json(#[source] serde_json::Error),
}
