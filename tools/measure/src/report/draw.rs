//! Lines with gaps, and markers, in pixels. `plotters` has neither dashes of more than one length nor more than three
//! shapes.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::style::{Colour, Marker};

/// What goes wrong when drawing on a backend.
pub type DrawError<DB> = DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>;

/// A colour for plotters.
pub fn rgb(Colour([r, g, b]): Colour) -> RGBColor {
    RGBColor(r, g, b)
}

/// Cuts a path into strokes: `pattern` holds lengths of strokes and gaps in turn. An empty one gives the whole path.
fn dashes(path: &[(f64, f64)], pattern: &[f64]) -> Vec<Vec<(f64, f64)>> {
    if pattern.is_empty() || pattern.iter().any(|length| *length <= 0.0) {
        return vec![path.to_vec()];
    }
    let mut strokes = Vec::new();
    let mut stroke: Vec<(f64, f64)> = path.first().copied().into_iter().collect();
    let (mut part, mut left) = (0, pattern[0]);
    for pair in path.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let at = (
                x0 + (x1 - x0) * done / length,
                y0 + (y1 - y0) * done / length,
            );
            if part % 2 == 0 {
                stroke.push(at);
                strokes.push(std::mem::take(&mut stroke));
            } else {
                stroke = vec![at];
            }
            part = (part + 1) % pattern.len();
            left = pattern[part];
        }
        left -= length - done;
        if part % 2 == 0 {
            stroke.push((x1, y1));
        }
    }
    if stroke.len() > 1 {
        strokes.push(stroke);
    }
    strokes
}

/// Draws a path with gaps. `pattern` is in widths of the line.
pub fn line<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    path: &[(f64, f64)],
    colour: Colour,
    width: u32,
    pattern: &[f64],
) -> Result<(), DrawError<DB>> {
    let pattern: Vec<f64> = pattern.iter().map(|l| l * f64::from(width)).collect();
    for stroke in dashes(path, &pattern) {
        let style = rgb(colour).stroke_width(width);
        area.draw(&PathElement::new(pixels(&stroke), style))?;
    }
    Ok(())
}

/// Draws a marker with a thin white border, so that it stands out from lines.
pub fn marker<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    at: (f64, f64),
    shape: Marker,
    colour: Colour,
    radius: f64,
) -> Result<(), DrawError<DB>> {
    for (colour, radius) in [(Colour([255; 3]), radius * 1.3), (colour, radius)] {
        let corners: Vec<(f64, f64)> = shape
            .corners()
            .into_iter()
            .map(|(x, y)| (at.0 + x * radius, at.1 + y * radius))
            .collect();
        area.draw(&Polygon::new(pixels(&corners), rgb(colour).filled()))?;
    }
    Ok(())
}

fn pixels(path: &[(f64, f64)]) -> Vec<(i32, i32)> {
    path.iter()
        .map(|(x, y)| (x.round() as i32, y.round() as i32))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_and_gaps_take_turns() {
        let strokes = dashes(&[(0.0, 0.0), (10.0, 0.0)], &[3.0, 2.0]);
        assert_eq!(
            strokes,
            [vec![(0.0, 0.0), (3.0, 0.0)], vec![(5.0, 0.0), (8.0, 0.0)],]
        );
    }

    #[test]
    fn a_stroke_goes_round_a_corner() {
        let strokes = dashes(&[(0.0, 0.0), (2.0, 0.0), (2.0, 4.0)], &[3.0, 2.0]);
        assert_eq!(strokes[0], [(0.0, 0.0), (2.0, 0.0), (2.0, 1.0)]);
        assert_eq!(strokes[1], [(2.0, 3.0), (2.0, 4.0)]);
    }

    #[test]
    fn no_pattern_is_no_gap() {
        let path = [(0.0, 0.0), (1.0, 1.0)];
        assert_eq!(dashes(&path, &[]), [path.to_vec()]);
        assert_eq!(dashes(&[], &[1.0, 1.0]), Vec::<Vec<(f64, f64)>>::new());
    }
}
