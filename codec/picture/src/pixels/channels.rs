//! What a pixel is made of.

use std::fmt;

use kiln_container::ColorKind;

/// The samples of a pixel, in the order in which they stand in memory. Alpha is straight, not premultiplied; its
/// largest value is opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channels {
    /// Grey.
    Grey,
    /// Grey, alpha.
    GreyAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Channels {
    /// Grey or colour, with or without alpha.
    pub fn of(color: ColorKind, has_alpha: bool) -> Self {
        match (color, has_alpha) {
            (ColorKind::Grey, false) => Self::Grey,
            (ColorKind::Grey, true) => Self::GreyAlpha,
            (ColorKind::Rgb, false) => Self::Rgb,
            (ColorKind::Rgb, true) => Self::Rgba,
        }
    }

    /// Number of samples in a pixel, 1 to 4.
    pub fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// Whether there is colour.
    pub fn color(self) -> ColorKind {
        match self {
            Self::Grey | Self::GreyAlpha => ColorKind::Grey,
            Self::Rgb | Self::Rgba => ColorKind::Rgb,
        }
    }

    /// Whether the last sample is alpha.
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grey => "grey",
            Self::GreyAlpha => "grey with alpha",
            Self::Rgb => "RGB",
            Self::Rgba => "RGBA",
        })
    }
}
