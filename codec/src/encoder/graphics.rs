//! What the graphics coder makes of a picture, found out once and only as far as it is needed.

use std::sync::Arc;

use image::DynamicImage;
use kiln_graphics::Blocks;

use crate::layer::{self, ColorSamples, Free, Look};
use crate::pixels::{Pixels, PixelsMut, new_image};
use crate::progress::{Progress, Stage};
use crate::{Error, Reconstruction};

/// A layer is tried where more than this part of the blocks may be better there: a look takes as long as coding twice, and
/// most photographs have a few blocks that are dark before a bright sky.
const WORTH_A_LOOK: f64 = 0.01;

/// A lossless coding is not tried when the guess says that it takes so many times the limit: the guess is right for
/// photographs, within a fifth...
const PHOTOGRAPH_MARGIN: f64 = 1.2;
/// ...and up to so many times too high for drawings, which take fewer bits a pixel than this.
const DRAWING_MARGIN: f64 = 8.0;
const DRAWING_BITS: f64 = 4.0;

/// The same where the bits of blocks have been counted.
const COUNT_MARGIN: f64 = 1.01;

/// A picture as the layer sees it.
pub(super) struct Graphics<'a> {
    /// The picture.
    pub(super) pixels: Pixels<'a>,
    /// The same with colours beneath hidden pixels that cost little.
    exact: Pixels<'a>,
    /// Whether the colours of hidden pixels are free.
    pub(super) hides: bool,
    look: Option<Look>,
    costs: Option<Arc<Vec<f32>>>,
    lossless: Option<Arc<Vec<u8>>>,
}

impl<'a> Graphics<'a> {
    /// `exact`: the picture, with other colours beneath its hidden pixels if `hides`.
    pub(super) fn new(pixels: Pixels<'a>, exact: Pixels<'a>, hides: bool) -> Self {
        Self {
            pixels,
            exact,
            hides,
            look: None,
            costs: None,
            lossless: None,
        }
    }

    /// Bytes that the layer takes while it is made, beside the picture. Errs on the high side.
    pub(super) fn bytes(&self) -> u64 {
        kiln_graphics::encode_bytes(&ColorSamples(self.exact).layout())
    }

    fn look(&mut self) -> &Look {
        self.look
            .get_or_insert_with(|| Look::new(self.pixels, self.exact, self.hides))
    }

    /// No block of this picture.
    pub(super) fn no_blocks(&self) -> Blocks {
        Blocks::none(&ColorSamples(self.exact).layout())
    }

    /// Whether the layer may be worth a closer look, where a unit of squared error is worth so many bits.
    pub(super) fn may_help(&mut self, weight: f64) -> bool {
        self.look().candidates(weight) > WORTH_A_LOOK
    }

    /// Whether a good part of the picture may be worth a layer at some level.
    pub(super) fn is_drawn(&mut self) -> bool {
        self.look().is_drawn()
    }

    /// Bits of each block in a layer of all of them.
    pub(super) fn costs(&mut self, progress: &dyn Progress) -> Result<Arc<Vec<f32>>, Error> {
        if let Some(costs) = &self.costs {
            return Ok(costs.clone());
        }
        let source = ColorSamples(self.exact);
        let watch = |done, total| progress.update(Stage::Graphics, done, total);
        let costs = Arc::new(kiln_graphics::costs(&source.layout(), &source, &watch)?);
        Ok(self.costs.insert(costs).clone())
    }

    /// A layer of these blocks.
    pub(super) fn layer(&self, blocks: &Blocks, progress: &dyn Progress) -> Result<Vec<u8>, Error> {
        let source = ColorSamples(self.exact);
        let watch = |done, total| progress.update(Stage::Graphics, done, total);
        Ok(kiln_graphics::encode(
            &source.layout(),
            blocks,
            &source,
            &watch,
        )?)
    }

    /// A layer of all blocks.
    pub(super) fn lossless(&mut self, progress: &dyn Progress) -> Result<Arc<Vec<u8>>, Error> {
        if let Some(known) = &self.lossless {
            return Ok(known.clone());
        }
        let all = Blocks::all(&ColorSamples(self.exact).layout());
        let bytes = Arc::new(self.layer(&all, progress)?);
        Ok(self.lossless.insert(bytes).clone())
    }

    /// Whether a layer of all blocks takes no more than so many bits.
    pub(super) fn lossless_within(
        &mut self,
        bits: f64,
        progress: &dyn Progress,
    ) -> Result<bool, Error> {
        let (guess, margin) = match &self.costs {
            Some(costs) => (costs.iter().map(|b| f64::from(*b)).sum(), COUNT_MARGIN),
            None => {
                let (guess, pixels) = (self.look().bits(), self.pixels);
                let count = f64::from(pixels.width()) * f64::from(pixels.height());
                let margin = match guess < DRAWING_BITS * count {
                    true => DRAWING_MARGIN,
                    false => PHOTOGRAPH_MARGIN,
                };
                (guess, margin)
            }
        };
        if self.lossless.is_none() && guess > margin * bits {
            return Ok(false);
        }
        Ok(self.lossless(progress)?.len() as f64 * 8.0 <= bits)
    }

    /// The checksum of all samples.
    pub(super) fn checksum(&self) -> u32 {
        layer::checksum(self.exact)
    }

    /// The picture for a model: smooth where nobody sees it and where these blocks are.
    pub(super) fn filled(&self, blocks: Option<&Blocks>) -> Result<DynamicImage, Error> {
        let free = Free {
            hidden: self.hides,
            blocks,
        };
        layer::fill(self.pixels, free)
    }

    /// What a decoder makes of a file: `draw` brings what is not in the blocks of a layer. Alpha is as it is.
    pub(super) fn reconstructed(
        &self,
        blocks: Option<&Blocks>,
        draw: impl FnOnce(&mut PixelsMut<'_>) -> Result<(), Error>,
    ) -> Result<DynamicImage, Error> {
        let p = self.pixels;
        let mut image = new_image(p.width(), p.height(), p.channels(), p.depth())?;
        let mut pixels = PixelsMut::try_from(&mut image)?;
        if p.channels().has_alpha() {
            pixels.copy_from(p)?;
        }
        draw(&mut pixels)?;
        if let Some(blocks) = blocks {
            self.overlay(&mut pixels, blocks);
        }
        Ok(image)
    }

    /// Puts the colours of these blocks over what a model makes of the picture.
    fn overlay(&self, pixels: &mut PixelsMut<'_>, blocks: &Blocks) {
        layer::overlay(pixels, self.exact, blocks);
    }

    /// Squared errors of a picture by block.
    pub(super) fn squared_errors(&self, found: Pixels<'_>) -> Vec<f64> {
        layer::squared_errors(self.pixels, found, !self.hides)
    }

    /// What a decoder must make of a file without a model.
    pub(super) fn reconstruction(&self) -> Result<Reconstruction, Error> {
        let p = self.pixels;
        let mut image = crate::pixels::new_image(p.width(), p.height(), p.channels(), p.depth())?;
        let mut pixels = PixelsMut::try_from(&mut image)?;
        pixels.copy_from(p)?;
        let all = Blocks::all(&ColorSamples(self.exact).layout());
        self.overlay(&mut pixels, &all);
        Ok(Reconstruction {
            image,
            latents_checksum: self.checksum(),
        })
    }
}
