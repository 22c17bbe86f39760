//! Pictures as the graphics coder reads them.

use kiln_container::{ColorKind, Depth};
use kiln_graphics::{Layout, Source};

use crate::pixels::{Pixels, Sample};

/// What the graphics coder is to know of a picture, or of its alpha, which is grey.
pub(crate) fn layout(width: u32, height: u32, color: ColorKind, depth: Depth) -> Layout {
    Layout {
        width,
        height,
        channels: match color {
            ColorKind::Grey => kiln_graphics::Channels::One,
            ColorKind::Rgb => kiln_graphics::Channels::Three,
        },
        depth: match depth {
            Depth::Eight => kiln_graphics::Depth::Eight,
            Depth::Sixteen => kiln_graphics::Depth::Sixteen,
        },
    }
}

/// The colour of a picture.
pub(crate) struct ColorSamples<'a>(pub(crate) Pixels<'a>);

impl ColorSamples<'_> {
    pub(crate) fn layout(&self) -> Layout {
        let Self(p) = self;
        layout(p.width(), p.height(), p.channels().color(), p.depth())
    }
}

impl Source for ColorSamples<'_> {
    fn row(&self, y: u32, out: &mut [u16]) {
        let Self(p) = self;
        let (count, alpha) = (p.channels().count(), usize::from(p.channels().has_alpha()));
        let pick = Pick {
            count,
            first: 0,
            taken: count - alpha,
        };
        pick.row(*p, y, out);
    }
}

/// The alpha of a picture that has some.
pub(crate) struct AlphaSamples<'a>(pub(crate) Pixels<'a>);

impl AlphaSamples<'_> {
    pub(crate) fn layout(&self) -> Layout {
        layout(
            self.0.width(),
            self.0.height(),
            ColorKind::Grey,
            self.0.depth(),
        )
    }
}

impl Source for AlphaSamples<'_> {
    fn row(&self, y: u32, out: &mut [u16]) {
        let count = self.0.channels().count();
        let pick = Pick {
            count,
            first: count - 1,
            taken: 1,
        };
        pick.row(self.0, y, out);
    }
}

/// Which channels of a pixel are taken.
struct Pick {
    count: usize,
    first: usize,
    taken: usize,
}

impl Pick {
    fn row(&self, pixels: Pixels<'_>, y: u32, out: &mut [u16]) {
        match pixels.depth() {
            Depth::Eight => self.copy(pixels.row::<u8>(y), out, u16::from),
            Depth::Sixteen => self.copy(pixels.row::<u16>(y), out, |sample| sample),
        }
    }

    fn copy<S: Sample>(&self, row: Option<&[S]>, out: &mut [u16], number: impl Fn(S) -> u16) {
        let pixels = row.unwrap_or_default().chunks_exact(self.count);
        for (out, pixel) in out.chunks_exact_mut(self.taken).zip(pixels) {
            for (out, sample) in out.iter_mut().zip(&pixel[self.first..]) {
                *out = number(*sample);
            }
        }
    }
}

/// Which pixels of a row nobody sees: those whose alpha is 0.
pub(crate) fn hidden_row(pixels: Pixels<'_>, y: u32, scratch: &mut Vec<u16>, out: &mut [bool]) {
    if !pixels.channels().has_alpha() {
        return out.fill(false);
    }
    scratch.resize(out.len(), 0);
    AlphaSamples(pixels).row(y, scratch);
    for (out, alpha) in out.iter_mut().zip(scratch.iter()) {
        *out = *alpha == 0;
    }
}
