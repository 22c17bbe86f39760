//! Rows of samples at equal distances in one buffer.

use super::{Channels, PixelsError};

/// The layout of a picture in a buffer: checked once, so that every row lies inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Samples of a row, 1 or more.
    pub(super) row: usize,
    /// Samples from the start of a row to the start of the next, at least `row`.
    pub(super) stride: usize,
    /// Samples up to the end of the last row.
    pub(super) length: usize,
}

impl Layout {
    /// `stride`: `None` for rows without gaps.
    pub(super) fn new(
        width: u32,
        height: u32,
        channels: Channels,
        stride: Option<usize>,
    ) -> Result<Self, PixelsError> {
        if width == 0 || height == 0 {
            return Err(PixelsError::Empty { width, height });
        }
        let row = (width as usize).saturating_mul(channels.count());
        let stride = stride.unwrap_or(row);
        if stride < row {
            return Err(PixelsError::Stride { stride, least: row });
        }
        let length = (height as usize - 1)
            .checked_mul(stride)
            .and_then(|before| before.checked_add(row))
            .ok_or(PixelsError::TooLarge {
                width,
                height,
                channels,
                stride,
            })?;
        Ok(Self {
            row,
            stride,
            length,
        })
    }

    /// Fails when a buffer of `length` samples does not hold all rows.
    pub(super) fn check(&self, length: usize) -> Result<(), PixelsError> {
        if length < self.length {
            return Err(PixelsError::Buffer {
                length,
                least: self.length,
            });
        }
        Ok(())
    }
}

/// Rows to read.
#[derive(Clone, Copy)]
pub struct Rows<'a, S> {
    samples: &'a [S],
    layout: Layout,
}

impl<'a, S> Rows<'a, S> {
    pub(super) fn new(samples: &'a [S], layout: Layout) -> Result<Self, PixelsError> {
        layout.check(samples.len())?;
        let samples = &samples[..layout.length];
        Ok(Self { samples, layout })
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// The row with this number, which has to be below the height.
    pub(super) fn row(&self, number: usize) -> &'a [S] {
        &self.samples[number * self.layout.stride..][..self.layout.row]
    }

    /// All samples, if there are no gaps.
    pub(super) fn as_slice(&self) -> Option<&'a [S]> {
        (self.layout.stride == self.layout.row).then_some(self.samples)
    }

    /// All rows from the top.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &'a [S]> + Clone + use<'a, S> {
        let row = self.layout.row;
        let strides = self.samples.chunks(self.layout.stride);
        strides.map(move |samples| &samples[..row])
    }
}

/// Rows to write.
pub struct RowsMut<'a, S> {
    samples: &'a mut [S],
    layout: Layout,
}

impl<'a, S> RowsMut<'a, S> {
    pub(super) fn new(samples: &'a mut [S], layout: Layout) -> Result<Self, PixelsError> {
        layout.check(samples.len())?;
        let samples = &mut samples[..layout.length];
        Ok(Self { samples, layout })
    }

    pub(super) fn reborrow(&mut self) -> RowsMut<'_, S> {
        RowsMut {
            samples: self.samples,
            layout: self.layout,
        }
    }

    pub(super) fn as_rows(&self) -> Rows<'_, S> {
        Rows {
            samples: self.samples,
            layout: self.layout,
        }
    }

    /// The row with this number, which has to be below the height.
    pub(super) fn into_row(self, number: usize) -> &'a mut [S] {
        &mut self.samples[number * self.layout.stride..][..self.layout.row]
    }

    /// All rows from the top.
    pub(super) fn into_iter(self) -> impl ExactSizeIterator<Item = &'a mut [S]> + use<'a, S> {
        let row = self.layout.row;
        let strides = self.samples.chunks_mut(self.layout.stride);
        strides.map(move |samples| &mut samples[..row])
    }
}
