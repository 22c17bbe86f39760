//! Pixels to read.

use std::fmt;

use kiln_container::Depth;

use super::rows::{Layout, Rows};
use super::sample::Samples;
use super::{Channels, PixelsError, Sample};

/// A picture in memory that somebody else owns: what an encoder reads.
///
/// Rows run from the top, pixels from the left, samples in the order that [`Channels`] names. Samples are `u8` or
/// `u16`, and the type says the depth. `TryFrom` makes views of `&image::DynamicImage` and `&image::ImageBuffer`
/// without a copy.
///
/// ```
/// use kiln_picture::pixels::{Channels, Pixels};
///
/// let (width, height) = (640, 480);
/// let samples = vec![0_u8; 640 * 480 * 3];
/// let picture = Pixels::new(&samples, width, height, Channels::Rgb)?;
/// assert_eq!((picture.width(), picture.height()), (640, 480));
///
/// // The part of 100 x 50 pixels whose upper left pixel is at column 20 and row 10.
/// let stride = 640 * 3;
/// let part = Pixels::with_stride(&samples[10 * stride + 20 * 3..], 100, 50, stride, Channels::Rgb)?;
/// assert_eq!(part.height(), 50);
///
/// let screenshot = image::RgbaImage::new(8, 8);
/// assert_eq!(Pixels::try_from(&screenshot)?.channels(), Channels::Rgba);
/// # Ok::<(), kiln_picture::pixels::PixelsError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    width: u32,
    height: u32,
    channels: Channels,
    samples: Samples<'a>,
}

impl<'a> Pixels<'a> {
    /// A picture whose rows follow each other without gaps. What `samples` holds behind the last row is not looked at.
    ///
    /// # Errors
    /// A side is 0, or `samples` is too short.
    pub fn new<S: Sample>(
        samples: &'a [S],
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
        samples: &'a [S],
        width: u32,
        height: u32,
        stride: usize,
        channels: Channels,
    ) -> Result<Self, PixelsError> {
        Self::build(samples, width, height, Some(stride), channels)
    }

    fn build<S: Sample>(
        samples: &'a [S],
        width: u32,
        height: u32,
        stride: Option<usize>,
        channels: Channels,
    ) -> Result<Self, PixelsError> {
        let layout = Layout::new(width, height, channels, stride)?;
        let samples = S::wrap(Rows::new(samples, layout)?);
        Ok(Self {
            width,
            height,
            channels,
            samples,
        })
    }

    /// A view whose rows are known to be of this size.
    pub(super) fn of_rows(
        width: u32,
        height: u32,
        channels: Channels,
        samples: Samples<'a>,
    ) -> Self {
        Self {
            width,
            height,
            channels,
            samples,
        }
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
            Samples::Eight(_) => Depth::Eight,
            Samples::Sixteen(_) => Depth::Sixteen,
        }
    }

    /// Samples from the start of a row to the start of the next.
    pub fn stride(&self) -> usize {
        match self.samples {
            Samples::Eight(rows) => rows.layout().stride,
            Samples::Sixteen(rows) => rows.layout().stride,
        }
    }

    /// The rows from the top, each of width times [`Channels::count`] samples; `None` if samples are of the other
    /// depth.
    ///
    /// ```
    /// use kiln_picture::pixels::{Channels, Pixels};
    ///
    /// let padded = [1_u16, 2, 0, 3, 4];
    /// let picture = Pixels::with_stride(&padded, 2, 2, 3, Channels::Grey)?;
    /// let rows: Vec<&[u16]> = picture.rows().into_iter().flatten().collect();
    /// assert_eq!(rows, [[1, 2], [3, 4]]);
    /// assert!(picture.rows::<u8>().is_none());
    /// # Ok::<(), kiln_picture::pixels::PixelsError>(())
    /// ```
    pub fn rows<S: Sample>(
        &self,
    ) -> Option<impl ExactSizeIterator<Item = &'a [S]> + Clone + use<'a, S>> {
        S::unwrap(self.samples).map(|rows| rows.iter())
    }

    /// One row, counted from the top; `None` below the last one, and if samples are of the other depth.
    pub fn row<S: Sample>(&self, y: u32) -> Option<&'a [S]> {
        S::unwrap(self.samples)
            .filter(|_| y < self.height)
            .map(|rows| rows.row(y as usize))
    }

    /// All samples, if rows follow each other without gaps; `None` also if samples are of the other depth.
    pub fn as_slice<S: Sample>(&self) -> Option<&'a [S]> {
        S::unwrap(self.samples).and_then(|rows| rows.as_slice())
    }

    /// Whether every pixel is opaque: there is no alpha, or it is at its largest value everywhere.
    pub fn is_opaque(&self) -> bool {
        fn all_largest<S: Sample + PartialEq>(rows: Rows<'_, S>, channels: usize) -> bool {
            rows.iter().all(|row| {
                row.iter()
                    .skip(channels - 1)
                    .step_by(channels)
                    .all(|a| *a == S::MAX)
            })
        }
        let count = self.channels.count();
        !self.channels.has_alpha()
            || match self.samples {
                Samples::Eight(rows) => all_largest(rows, count),
                Samples::Sixteen(rows) => all_largest(rows, count),
            }
    }

    pub(super) fn samples(&self) -> Samples<'a> {
        self.samples
    }
}

/// Equal pictures of one kind; the gaps between rows do not count.
impl PartialEq for Pixels<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.width, self.height, self.channels) == (other.width, other.height, other.channels)
            && match (self.samples, other.samples) {
                (Samples::Eight(a), Samples::Eight(b)) => a.iter().eq(b.iter()),
                (Samples::Sixteen(a), Samples::Sixteen(b)) => a.iter().eq(b.iter()),
                _ => false,
            }
    }
}

impl Eq for Pixels<'_> {}

impl fmt::Debug for Pixels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pixels")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("channels", &self.channels)
            .field("depth", &self.depth())
            .field("stride", &self.stride())
            .finish_non_exhaustive()
    }
}
