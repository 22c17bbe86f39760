//! The picture that is fitted.

use crate::Error;

/// A picture in memory.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Colour channels, 1 or 3.
    pub channels: usize,
    /// Samples in 0..=1, one plane of `height * width` after the other.
    pub samples: &'a [f32],
    /// By pixel, how much its error counts, in 1/255; 0 where another layer draws it. `None`: all count fully.
    pub weights: Option<&'a [u8]>,
}

impl Image<'_> {
    /// Number of pixels.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Whether sizes belong together and samples are numbers.
    ///
    /// # Errors
    /// [`Error::Image`] if not.
    pub fn check(&self) -> Result<(), Error> {
        let err = |what| Err(Error::Image(what));
        if self.height == 0 || self.width == 0 {
            return err("the picture has no pixels");
        }
        if !matches!(self.channels, 1 | 3) {
            return err("a picture to fit has 1 or 3 channels");
        }
        let pixels = self.height.checked_mul(self.width);
        if pixels.and_then(|p| p.checked_mul(self.channels)) != Some(self.samples.len()) {
            return err("the number of samples does not belong to the picture's size");
        }
        if self.weights.is_some_and(|w| Some(w.len()) != pixels) {
            return err("the number of weights does not belong to the picture's size");
        }
        if !self.samples.iter().all(|s| s.is_finite()) {
            return err("a sample is not a number");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_do_not_fit_their_buffers_are_refused() {
        let samples = [0.5; 12];
        let weights = [255; 4];
        let good = Image {
            height: 2,
            width: 2,
            channels: 3,
            samples: &samples,
            weights: Some(&weights),
        };
        assert_eq!(good.check(), Ok(()));
        let refused = [
            Image { height: 0, ..good },
            Image {
                channels: 2,
                ..good
            },
            Image { width: 3, ..good },
            Image {
                samples: &samples[1..],
                ..good
            },
            Image {
                weights: Some(&weights[1..]),
                ..good
            },
            Image {
                samples: &[f32::NAN; 12],
                ..good
            },
            Image {
                height: usize::MAX,
                ..good
            },
        ];
        for image in refused {
            assert!(image.check().is_err(), "{image:?}");
        }
    }
}
