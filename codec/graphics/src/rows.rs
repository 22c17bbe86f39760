//! The current row of something and the two above it, with room at both sides.

/// Places beside a row that may be looked at.
pub(crate) const PAD: usize = 4;

/// Rows 0 (current), 1 (above) and 2. Place `x` of the picture is at `x + PAD`.
pub(crate) struct Rows<T>([Vec<T>; 3]);

impl<T: Copy> Rows<T> {
    /// Rows of `width` places that all hold `first`.
    pub(crate) fn new(width: usize, first: T) -> Self {
        let row = vec![first; width + 2 * PAD];
        Self([row.clone(), row.clone(), row])
    }

    /// Current row, the one above, and the one above that.
    #[inline(always)]
    pub(crate) fn all(&mut self) -> (&mut [T], &[T], &[T]) {
        let [cur, up, top] = &mut self.0;
        (cur, up, top)
    }

    /// Before a row: what lies left of it is what lies above its first place.
    pub(crate) fn begin(&mut self) {
        let first = self.0[1][PAD];
        self.0[0][..PAD].fill(first);
    }

    /// After a row: both sides repeat its ends, and it becomes the row above.
    pub(crate) fn end(&mut self) {
        let row = &mut self.0[0];
        let (first, last) = (PAD, row.len() - PAD);
        let (left, right) = (row[first], row[last - 1]);
        row[..first].fill(left);
        row[last..].fill(right);
        self.0.rotate_right(1);
    }
}
