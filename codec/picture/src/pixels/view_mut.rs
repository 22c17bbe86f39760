//! Pixels to write.

use std::fmt;

use kiln_container::{ColorKind, Depth};

use super::rows::{Layout, RowsMut};
use super::sample::{Samples, SamplesMut};
use super::{Channels, Pixels, PixelsError, Sample};

/// A picture in memory that somebody else owns: what a decoder writes.
///
/// The buffer decides what comes out, whatever the file holds:
///
/// - 8 or 16 bits: colour is rounded once, from the networks' floats to the buffer's depth; alpha to the nearest value.
/// - Grey files go to RGB with three equal samples. Files in colour do not go to grey.
/// - Alpha is opaque where the file has none. Where the buffer has none, the file's is left out, and pixels show the
///   colours they have beneath it.
///
/// Samples between the end of a row and the start of the next stay as they are.
///
/// ```
/// use kiln_picture::pixels::{Channels, PixelsMut};
///
/// // A frame buffer of 640 x 480 pixels whose rows are padded to 4096 bytes.
/// let mut buffer = vec![0_u8; 480 * 4096];
/// let screen = PixelsMut::with_stride(&mut buffer, 640, 480, 4096, Channels::Rgba)?;
/// assert_eq!(screen.stride(), 4096);
///
/// let mut image = image::DynamicImage::new_rgb16(640, 480);
/// let same_size = PixelsMut::try_from(&mut image)?;
/// assert_eq!(same_size.channels(), Channels::Rgb);
/// # Ok::<(), kiln_picture::pixels::PixelsError>(())
/// ```
pub struct PixelsMut<'a> {
    width: u32,
    height: u32,
    channels: Channels,
    samples: SamplesMut<'a>,
}

impl<'a> PixelsMut<'a> {
    /// A picture whose rows follow each other without gaps. What `samples` holds behind the last row is left alone.
    ///
    /// # Errors
    /// A side is 0, or `samples` is too short.
    pub fn new<S: Sample>(
        samples: &'a mut [S],
        width: u32,
        height: u32,
        channels: Channels,
    ) -> Result<Self, PixelsError> {
        Self::build(samples, width, height, None, channels)
    }

    /// A picture whose rows start `stride` samples apart (samples, not bytes). The last row may end with its last
    /// pixel.
    ///
    /// # Errors
    /// A side is 0, `stride` is shorter than a row, or `samples` is too short.
    pub fn with_stride<S: Sample>(
        samples: &'a mut [S],
        width: u32,
        height: u32,
        stride: usize,
        channels: Channels,
    ) -> Result<Self, PixelsError> {
        Self::build(samples, width, height, Some(stride), channels)
    }

    fn build<S: Sample>(
        samples: &'a mut [S],
        width: u32,
        height: u32,
        stride: Option<usize>,
        channels: Channels,
    ) -> Result<Self, PixelsError> {
        let layout = Layout::new(width, height, channels, stride)?;
        let samples = S::wrap_mut(RowsMut::new(samples, layout)?);
        Ok(Self {
            width,
            height,
            channels,
            samples,
        })
    }

    /// Number of columns, 1 or more.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Number of rows, 1 or more.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// What a pixel is made of.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// Bits per sample.
    pub fn depth(&self) -> Depth {
        match self.samples {
            SamplesMut::Eight(_) => Depth::Eight,
            SamplesMut::Sixteen(_) => Depth::Sixteen,
        }
    }

    /// Samples from the start of a row to the start of the next.
    pub fn stride(&self) -> usize {
        self.as_pixels().stride()
    }

    /// The same pixels to read.
    pub fn as_pixels(&self) -> Pixels<'_> {
        let samples = match &self.samples {
            SamplesMut::Eight(rows) => Samples::Eight(rows.as_rows()),
            SamplesMut::Sixteen(rows) => Samples::Sixteen(rows.as_rows()),
        };
        Pixels::of_rows(self.width, self.height, self.channels, samples)
    }

    /// The same view for a shorter time, for a call that takes it by value.
    pub fn reborrow(&mut self) -> PixelsMut<'_> {
        let samples = match &mut self.samples {
            SamplesMut::Eight(rows) => SamplesMut::Eight(rows.reborrow()),
            SamplesMut::Sixteen(rows) => SamplesMut::Sixteen(rows.reborrow()),
        };
        PixelsMut { samples, ..*self }
    }

    /// The rows from the top, each of width times [`Channels::count`] samples; `None` if samples are of the other
    /// depth.
    pub fn rows_mut<S: Sample>(&mut self) -> Option<impl ExactSizeIterator<Item = &mut [S]>> {
        S::unwrap_mut(&mut self.samples).map(RowsMut::into_iter)
    }

    /// One row, counted from the top; `None` below the last one, and if samples are of the other depth.
    pub fn row_mut<S: Sample>(&mut self, y: u32) -> Option<&mut [S]> {
        let inside = y < self.height;
        S::unwrap_mut(&mut self.samples)
            .filter(|_| inside)
            .map(|rows| rows.into_row(y as usize))
    }

    /// Fails unless a picture of this size and kind can be decoded into these pixels.
    ///
    /// # Errors
    /// [`PixelsError::Size`] and [`PixelsError::NoColor`].
    pub fn check_fit(&self, width: u32, height: u32, color: ColorKind) -> Result<(), PixelsError> {
        if (self.width, self.height) != (width, height) {
            return Err(PixelsError::Size {
                width: self.width,
                height: self.height,
                picture_width: width,
                picture_height: height,
            });
        }
        self.check_color(color)
    }

    /// Fails unless colours of this kind can be written to these pixels. For the networks' side of them.
    ///
    /// # Errors
    /// [`PixelsError::NoColor`].
    #[doc(hidden)]
    pub fn check_color(&self, color: ColorKind) -> Result<(), PixelsError> {
        match (self.channels.color(), color) {
            (ColorKind::Grey, ColorKind::Rgb) => Err(PixelsError::NoColor(self.channels)),
            _ => Ok(()),
        }
    }

    /// Makes every pixel opaque. Where there is no alpha, every pixel is.
    pub fn set_opaque(&mut self) {
        fn set<S: Sample>(rows: RowsMut<'_, S>, channels: usize) {
            for row in rows.into_iter() {
                for alpha in row.iter_mut().skip(channels - 1).step_by(channels) {
                    *alpha = S::MAX;
                }
            }
        }
        if !self.channels.has_alpha() {
            return;
        }
        let count = self.channels.count();
        match &mut self.samples {
            SamplesMut::Eight(rows) => set(rows.reborrow(), count),
            SamplesMut::Sixteen(rows) => set(rows.reborrow(), count),
        }
    }

    pub(super) fn samples_mut(&mut self) -> SamplesMut<'_> {
        self.reborrow().samples
    }
}

impl fmt::Debug for PixelsMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PixelsMut")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("channels", &self.channels)
            .field("depth", &self.depth())
            .field("stride", &self.stride())
            .finish_non_exhaustive()
    }
}
