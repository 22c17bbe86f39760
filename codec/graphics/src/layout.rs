//! Sizes, blocks and strips.

use std::ops::Range;

use crate::error::Error;

/// Width and height of a block.
pub const BLOCK: u32 = 16;

/// Pixels that a strip has at most, if one row of blocks has not more already.
const STRIP_PIXELS: u64 = 1 << 20;

/// How many samples a pixel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Grey, or an alpha channel.
    One,
    /// Red, green and blue.
    Three,
}

impl Channels {
    /// 1 or 3.
    pub fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Three => 3,
        }
    }
}

/// How many bits a sample has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Samples of 0 to 255.
    Eight,
    /// Samples of 0 to 65535.
    Sixteen,
}

impl Depth {
    /// The largest sample: 255 or 65535.
    pub fn largest(self) -> u16 {
        match self {
            Self::Eight => 255,
            Self::Sixteen => u16::MAX,
        }
    }
}

/// What is known of a picture from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Samples of a pixel.
    pub channels: Channels,
    /// Bits of a sample.
    pub depth: Depth,
}

impl Layout {
    /// Blocks in a row.
    pub(crate) fn columns(&self) -> usize {
        self.width.div_ceil(BLOCK) as usize
    }

    /// Rows of blocks.
    pub(crate) fn block_rows(&self) -> usize {
        self.height.div_ceil(BLOCK) as usize
    }

    /// How many strips there are: as few as have not more than 2^20 pixels on average, but whole rows of blocks.
    pub(crate) fn strips(&self) -> usize {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let strips = pixels.div_ceil(STRIP_PIXELS).min(self.block_rows() as u64);
        strips as usize
    }

    /// The rows of blocks of a strip.
    pub(crate) fn strip(&self, number: usize) -> Range<usize> {
        let (rows, strips) = (self.block_rows() as u64, self.strips() as u64);
        let start = |number: u64| (number * rows / strips) as usize;
        start(number as u64)..start(number as u64 + 1)
    }

    /// The rows of pixels of a strip.
    pub(crate) fn strip_rows(&self, number: usize) -> Range<u32> {
        let Range { start, end } = self.strip(number);
        start as u32 * BLOCK..(end as u32).saturating_mul(BLOCK).min(self.height)
    }

    /// The strips that have marked blocks: no others are coded.
    pub(crate) fn marked_strips(&self, blocks: &Blocks) -> Vec<usize> {
        let is_marked = |&number: &usize| {
            self.strip(number)
                .any(|row| blocks.row(row).contains(&true))
        };
        (0..self.strips()).filter(is_marked).collect()
    }
}

/// Which blocks of 16 x 16 pixels are coded. The last column and row of blocks end with the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    columns: usize,
    rows: usize,
    marks: Vec<bool>,
}

impl Blocks {
    /// No block is marked.
    pub fn none(layout: &Layout) -> Self {
        Self::filled(layout, false)
    }

    /// All blocks are marked.
    pub fn all(layout: &Layout) -> Self {
        Self::filled(layout, true)
    }

    fn filled(layout: &Layout, mark: bool) -> Self {
        let (columns, rows) = (layout.columns(), layout.block_rows());
        Self {
            columns,
            rows,
            marks: vec![mark; columns * rows],
        }
    }

    /// Blocks in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Rows of blocks.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// # Errors
    /// [`Error::Blocks`] if these are not the blocks of a picture of this layout.
    pub(crate) fn check(&self, layout: &Layout) -> Result<(), Error> {
        if (self.columns, self.rows()) == (layout.columns(), layout.block_rows()) {
            return Ok(());
        }
        Err(Error::Blocks {
            columns: self.columns,
            rows: self.rows(),
            width: layout.width,
            height: layout.height,
        })
    }

    /// Whether a block is marked; one outside of the picture is not.
    pub fn get(&self, column: usize, row: usize) -> bool {
        self.row(row).get(column).copied().unwrap_or(false)
    }

    /// Marks a block, or takes its mark away. One outside of the picture has none.
    pub fn set(&mut self, column: usize, row: usize, mark: bool) {
        if column < self.columns
            && row < self.rows
            && let Some(place) = self.marks.get_mut(row * self.columns + column)
        {
            *place = mark;
        }
    }

    /// Whether all blocks are marked.
    pub fn is_all(&self) -> bool {
        self.marks.iter().all(|&mark| mark)
    }

    /// How many blocks are marked.
    pub fn count(&self) -> usize {
        self.marks.iter().filter(|&&mark| mark).count()
    }

    /// Marks of all blocks, row by row.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        self.marks.iter().copied()
    }

    /// Marks of a row of blocks; none if there is no such row.
    pub fn row(&self, row: usize) -> &[bool] {
        let mut rows = self.marks.chunks(self.columns.max(1));
        rows.nth(row).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_hold_every_row_once() {
        for (width, height) in [(1, 1), (5000, 17), (1, 70_000), (100_000, 33), (3840, 2160)] {
            let layout = Layout {
                width,
                height,
                channels: Channels::One,
                depth: Depth::Eight,
            };
            let mut next = 0;
            for number in 0..layout.strips() {
                let rows = layout.strip_rows(number);
                assert!(rows.start == next && !rows.is_empty());
                assert!(
                    rows.len() as u64 * u64::from(width) <= STRIP_PIXELS + 16 * u64::from(width)
                );
                next = rows.end;
            }
            assert_eq!(next, height);
        }
    }

    #[test]
    fn blocks_outside_of_the_picture_are_not_marked() {
        let layout = Layout {
            width: 40,
            height: 20,
            channels: Channels::One,
            depth: Depth::Eight,
        };
        let mut blocks = Blocks::all(&layout);
        assert_eq!((blocks.columns(), blocks.rows(), blocks.count()), (3, 2, 6));
        for (column, row) in [(3, 0), (0, 2), (usize::MAX, 0), (0, usize::MAX)] {
            blocks.set(column, row, true);
            assert!(!blocks.get(column, row));
        }
        blocks.set(2, 1, false);
        assert_eq!(
            blocks.iter().collect::<Vec<_>>(),
            [true, true, true, true, true, false]
        );
    }
}
