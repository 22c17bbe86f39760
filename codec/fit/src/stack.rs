//! Channels of a picture at some size, row by row, with room around them.

use rayon::prelude::*;

use crate::kernels::Aligned;
use crate::kernels::lanes::MOST_LANES;

/// Columns before the first one of every row: a multiple of every vector, and more than a filter reaches.
pub(crate) const MARGIN: usize = 16;

/// Pixels that one thread works on at a time, about. It is fixed, so that sums are the same for any number of threads.
const PART: usize = 8192;

/// Sizes of a [`Stack`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Rows of numbers in a row of the picture.
    pub channels: usize,
}

impl Form {
    /// Columns that vectors touch: the width, rounded up.
    #[inline(always)]
    pub(crate) fn span(&self) -> usize {
        self.width.next_multiple_of(MOST_LANES)
    }

    /// Numbers of one channel of a row, with margins on both sides.
    #[inline(always)]
    pub(crate) fn stride(&self) -> usize {
        self.span() + 2 * MARGIN
    }

    /// Numbers of a row.
    #[inline(always)]
    pub(crate) fn row_len(&self) -> usize {
        self.stride() * self.channels
    }

    /// Where a channel of a row begins, its margin left out.
    #[inline(always)]
    pub(crate) fn at(&self, row: usize, channel: usize) -> usize {
        (row * self.channels + channel) * self.stride() + MARGIN
    }

    /// Rows that one thread works on at a time; even.
    pub(crate) fn rows_at_once(&self) -> usize {
        PART.div_ceil(self.width).max(4).next_multiple_of(2)
    }

    /// One channel of a row of some rows.
    #[inline(always)]
    pub(crate) fn of<'a>(&self, rows: &'a [f32], row: usize, channel: usize) -> &'a [f32] {
        &rows[self.at(row, channel)..][..self.span()]
    }

    /// One channel of a row of some rows.
    #[inline(always)]
    pub(crate) fn of_mut<'a>(
        &self,
        rows: &'a mut [f32],
        row: usize,
        channel: usize,
    ) -> &'a mut [f32] {
        &mut rows[self.at(row, channel)..][..self.span()]
    }

    /// Repeats the first and the last number of a row in the margins beside it, `reach` times.
    pub(crate) fn replicate(&self, rows: &mut [f32], row: usize, channel: usize, reach: usize) {
        let start = self.at(row, channel);
        let end = start + self.width;
        let (left, right) = (rows[start], rows[end - 1]);
        rows[start - reach..start].fill(left);
        rows[end..end + reach].fill(right);
    }
}

/// Channels of a picture, row by row; in a row, channel by channel.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Its sizes.
    pub form: Form,
    above: usize,
    data: Aligned,
}

impl Stack {
    /// Zeros.
    pub(crate) fn new(form: Form) -> Self {
        Self::with_rows_above(form, 0)
    }

    /// Zeros, with rows of zeros above the first one.
    pub(crate) fn with_rows_above(form: Form, above: usize) -> Self {
        Self {
            form,
            above,
            data: Aligned::new((form.height + above) * form.row_len()),
        }
    }

    /// One channel of a row.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize, channel: usize) -> &[f32] {
        self.form.of(&self.data, row + self.above, channel)
    }

    /// One channel of a row.
    #[inline(always)]
    pub(crate) fn row_mut(&mut self, row: usize, channel: usize) -> &mut [f32] {
        self.form.of_mut(&mut self.data, row + self.above, channel)
    }

    /// One channel of a row from `columns` to the left on, as long as a row and twice as many columns.
    #[inline(always)]
    pub(crate) fn around(&self, row: usize, channel: usize, columns: usize) -> &[f32] {
        let start = self.form.at(row + self.above, channel) - columns;
        &self.data[start..][..self.form.span() + 2 * columns]
    }

    /// All numbers, rows above and margins too.
    #[inline(always)]
    pub(crate) fn all(&self) -> &[f32] {
        &self.data
    }

    /// Where the first number of a row is in [`Stack::all`].
    #[inline(always)]
    pub(crate) fn at(&self, row: usize, channel: usize) -> usize {
        self.form.at(row + self.above, channel)
    }

    /// All rows.
    pub(crate) fn rows_mut(&mut self) -> &mut [f32] {
        let above = self.above * self.form.row_len();
        &mut self.data[above..]
    }

    /// Parts of [`Form::rows_at_once`] rows, with the number of their first row.
    pub(crate) fn parts_mut(&mut self) -> impl IndexedParallelIterator<Item = (usize, &mut [f32])> {
        let rows = self.form.rows_at_once();
        let len = rows * self.form.row_len();
        let parts = self.rows_mut().par_chunks_mut(len).enumerate();
        parts.map(move |(i, part)| (i * rows, part))
    }

    /// Sets every number to 0.
    pub(crate) fn clear(&mut self) {
        self.data.fill(0.0);
    }
}
