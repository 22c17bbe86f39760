//! How curves are told apart: by colour, marker and dashes, each of which is enough alone.

use serde::Serialize;

/// A colour as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Colour(pub [u8; 3]);

impl From<Colour> for String {
    fn from(Colour([r, g, b]): Colour) -> Self {
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square on its side.
    Square,
    /// A triangle that points up.
    Up,
    /// A square on its corner.
    Diamond,
    /// A triangle that points down.
    Down,
    /// An upright cross.
    Plus,
    /// A star of five points.
    Star,
    /// A slanted cross.
    Cross,
    /// A hexagon.
    Hexagon,
    /// A triangle that points left.
    Left,
}

impl Marker {
    /// Corners within -1..=1, y pointing down.
    pub fn corners(self) -> Vec<(f64, f64)> {
        match self {
            Self::Circle => regular(24, 0.0, 0.9),
            Self::Square => regular(4, 45.0, 1.12),
            Self::Up => regular(3, -90.0, 1.15),
            Self::Down => regular(3, 90.0, 1.15),
            Self::Left => regular(3, 180.0, 1.15),
            Self::Diamond => regular(4, 0.0, 1.15),
            Self::Hexagon => regular(6, 0.0, 1.0),
            Self::Plus => cross(0.0),
            Self::Cross => cross(45.0),
            Self::Star => {
                let (tips, notches) = (regular(5, -90.0, 1.25), regular(5, -54.0, 0.5));
                tips.into_iter()
                    .zip(notches)
                    .flat_map(|(t, n)| [t, n])
                    .collect()
            }
        }
    }
}

/// Corners of a regular polygon; `start` in degrees.
fn regular(corners: u32, start: f64, radius: f64) -> Vec<(f64, f64)> {
    (0..corners)
        .map(|i| {
            let angle = (start + 360.0 * f64::from(i) / f64::from(corners)).to_radians();
            (radius * angle.cos(), radius * angle.sin())
        })
        .collect()
}

/// A cross with thick arms, turned by so many degrees.
fn cross(turn: f64) -> Vec<(f64, f64)> {
    const ARM: f64 = 0.34;
    let quarter = [(1.1, -ARM), (1.1, ARM), (ARM, ARM)];
    (0..4)
        .flat_map(|i| {
            let (sin, cos) = (turn + 90.0 * f64::from(i)).to_radians().sin_cos();
            quarter.map(|(x, y)| (x * cos - y * sin, x * sin + y * cos))
        })
        .collect()
}

/// How one curve looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Style {
    /// On white, and in print.
    pub light: Colour,
    /// On a dark screen.
    pub dark: Colour,
    /// The shape of its points.
    pub marker: Marker,
    /// Lengths of strokes and gaps in turn, in widths of the line; empty for a line without gaps.
    pub dash: &'static [f64],
}

/// Colours for light and dark ground. The first eight go back to Okabe and Ito (2008), who chose them for all common
/// kinds of colour blindness; yellow, which is lost on white, is left out.
const COLOURS: [([u8; 3], [u8; 3]); 10] = [
    ([0xd5, 0x5e, 0x00], [0xff, 0x8c, 0x3b]),
    ([0x00, 0x72, 0xb2], [0x4f, 0xb0, 0xee]),
    ([0x00, 0x9e, 0x73], [0x2d, 0xc8, 0x9d]),
    ([0xcc, 0x79, 0xa7], [0xe8, 0x9c, 0xc6]),
    ([0x00, 0x00, 0x00], [0xf2, 0xf2, 0xf2]),
    ([0xe6, 0x9f, 0x00], [0xf5, 0xbf, 0x42]),
    ([0x56, 0xb4, 0xe9], [0x9a, 0xd6, 0xf7]),
    ([0x88, 0x22, 0x55], [0xd9, 0x6a, 0xa0]),
    ([0x33, 0x22, 0x88], [0x9d, 0x8f, 0xf0]),
    ([0x77, 0x77, 0x2b], [0xc4, 0xc4, 0x6c]),
];

const MARKERS: [Marker; 10] = [
    Marker::Circle,
    Marker::Square,
    Marker::Up,
    Marker::Diamond,
    Marker::Down,
    Marker::Plus,
    Marker::Star,
    Marker::Cross,
    Marker::Hexagon,
    Marker::Left,
];

const DASHES: [&[f64]; 7] = [
    &[],
    &[6.0, 2.5],
    &[2.5, 2.0],
    &[7.0, 2.0, 1.5, 2.0],
    &[1.2, 1.8],
    &[10.0, 3.0],
    &[5.0, 2.0, 1.5, 2.0, 1.5, 2.0],
];

/// The style of curve number `index`, kiln being 0. Styles repeat after 70 curves, colours after 10.
pub fn style(index: usize) -> Style {
    let (light, dark) = COLOURS[index % COLOURS.len()];
    Style {
        light: Colour(light),
        dark: Colour(dark),
        // The second ten curves of one colour have other shapes.
        marker: MARKERS[(index + index / MARKERS.len() * 3) % MARKERS.len()],
        dash: DASHES[index % DASHES.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventy_curves_look_different() {
        for a in 0..70 {
            for b in 0..a {
                assert_ne!(style(a), style(b), "{a} and {b}");
            }
        }
    }

    #[test]
    fn the_first_ten_differ_in_colour_and_in_marker() {
        for a in 0..10 {
            for b in 0..a {
                assert_ne!(style(a).light, style(b).light);
                assert_ne!(style(a).marker, style(b).marker);
            }
        }
    }

    #[test]
    fn colours_are_written_as_css() {
        assert_eq!(String::from(Colour([0, 0x72, 0xb2])), "#0072b2");
    }

    #[test]
    fn markers_are_about_one_unit_large() {
        for marker in MARKERS {
            let corners = marker.corners();
            let radius = corners.iter().map(|(x, y)| x.hypot(*y)).fold(0.0, f64::max);
            assert!((0.85..=1.3).contains(&radius), "{marker:?}: {radius}");
        }
    }
}
