//! Drawings as files: SVG for print, PNG for where SVG is not shown.

use std::sync::OnceLock;

use image::RgbImage;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::{self, FilterType};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use super::ReportError;
use super::draw::DrawError;

/// Fonts that a reader of an SVG file is likely to have. Bitmaps are drawn with DejaVu Sans under this name, which is
/// wider than the others: where its text fits, theirs does.
pub const FONT: &str = "Helvetica, Arial, 'DejaVu Sans', sans-serif";
/// Pixels for each unit of a drawing: plotters draws at whole pixels, and two of them are fine enough for print.
pub const UNIT: u32 = 2;
/// Bitmaps are drawn this many times as large and scaled down, because plotters leaves steps in slanted lines.
const OVERSAMPLING: u32 = 2;

/// Something that plotters can draw.
pub trait Drawing {
    /// Width and height in units.
    fn size(&self) -> (u32, u32);

    /// Draws onto white ground.
    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
        scale: Scale,
    ) -> Result<(), DrawError<DB>>;
}

/// From the units of a drawing to pixels.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    unit: u32,
    /// How much lower a text has to be put to be centred, in sizes of its font.
    drop: f64,
}

impl Scale {
    /// Pixels of a length.
    pub fn px(self, units: u32) -> u32 {
        units * self.unit
    }

    /// Pixels of a length that need not be a whole number.
    pub fn at(self, units: f64) -> f64 {
        units * f64::from(self.unit)
    }

    /// Pixels that text of this size is to be lowered by.
    pub fn drop(self, font_size: u32) -> i32 {
        (self.at(f64::from(font_size)) * self.drop).round() as i32
    }
}

/// For SVG, whose texts are centred by whoever shows them.
const SVG: Scale = Scale {
    unit: UNIT,
    drop: 0.0,
};
/// For bitmaps. plotters puts the line that letters stand on 0.1 of the size below the middle; half the height of a
/// digit of DejaVu Sans is 0.31.
const BITMAP: Scale = Scale {
    unit: UNIT * OVERSAMPLING,
    drop: 0.21,
};

/// The drawing as an SVG file.
pub fn svg(drawing: &impl Drawing) -> Result<String, ReportError> {
    register_fonts()?;
    let (width, height) = drawing.size();
    let mut text = String::new();
    {
        let size = (width * UNIT, height * UNIT);
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        paint(drawing, &root, SVG)?;
    }
    Ok(text)
}

/// The drawing as a PNG file.
pub fn png(drawing: &impl Drawing) -> Result<Vec<u8>, ReportError> {
    register_fonts()?;
    let (width, height) = drawing.size();
    let (wide, high) = (BITMAP.px(width), BITMAP.px(height));
    let mut samples = vec![0; wide as usize * high as usize * 3];
    {
        let root = BitMapBackend::with_buffer(&mut samples, (wide, high)).into_drawing_area();
        paint(drawing, &root, BITMAP)?;
    }
    let large = RgbImage::from_raw(wide, high, samples)
        .ok_or_else(|| ReportError::Draw("a bitmap of another size".into()))?;
    let small = imageops::resize(&large, width * UNIT, height * UNIT, FilterType::Triangle);
    let mut bytes = Vec::new();
    // Figures lie in repositories for ever, and take a second to draw.
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, PngFilter::Adaptive);
    small
        .write_with_encoder(encoder)
        .map_err(ReportError::Picture)?;
    Ok(bytes)
}

fn paint<DB: DrawingBackend>(
    drawing: &impl Drawing,
    root: &DrawingArea<DB, Shift>,
    scale: Scale,
) -> Result<(), ReportError> {
    let painted: Result<(), DrawError<DB>> = root
        .fill(&WHITE)
        .and_then(|()| drawing.draw(root, scale))
        .and_then(|()| root.present());
    painted.map_err(|error| ReportError::Draw(error.to_string()))
}

/// Width of a text in units, as bitmaps show it.
pub fn text_width(text: &str, font_size: u32, face: FontStyle) -> u32 {
    // More than the widest letter takes, should the font be missing: then drawing fails anyway.
    let widest = text.chars().count() as u32 * font_size;
    let known = register_fonts().ok().and_then(|()| {
        let font: FontDesc<'_> = (FONT, font_size, face).into_font();
        font.box_size(text).ok()
    });
    known.map_or(widest, |(width, _)| width)
}

/// Makes the bundled fonts known to plotters, which looks for none on the machine.
fn register_fonts() -> Result<(), ReportError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let faces = [
        (FontStyle::Normal, dejavu::sans::regular()),
        (FontStyle::Bold, dejavu::sans::bold()),
    ];
    let done = *DONE.get_or_init(|| {
        faces
            .into_iter()
            .all(|(style, bytes)| register_font(FONT, style, bytes).is_ok())
    });
    done.then_some(())
        .ok_or_else(|| ReportError::Draw("the bundled fonts are damaged".into()))
}
