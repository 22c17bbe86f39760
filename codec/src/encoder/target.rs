//! The best file of at most so many bytes.

use kiln_models::seam::Level;

use super::job::{Content, Job, Made, Tried};
use crate::Error;

impl Job<'_> {
    /// The highest level whose file fits the budget, by bisection on real files; the whole picture without loss, where that
    /// fits.
    pub(super) fn within(&mut self, budget: u64) -> Result<Made, Error> {
        let levels = self.levels;
        let pass = self.passes.next();
        if self.layers && self.graphics.lossless_within(8.0 * budget as f64, &pass)? {
            let made = self.pack(levels.last(), Content::Lossless)?;
            if made.bytes.len() as u64 <= budget {
                return Ok(made);
            }
        }
        // Only where it fits: a level must not take it for its better picture.
        self.whole = false;
        // One file for the lowest level, then one for each halving of the others.
        self.expected = 1 + u64::from(usize::BITS - (levels.count() - 1).leading_zeros());
        let lowest = levels.require(0)?;
        let first = self.file(lowest)?;
        let least = first.bytes.len() as u64;
        if least > budget {
            return Err(Error::OutOfReach { budget, least });
        }
        // Invariant: the file of `best` fits; sizes grow with the level, but for a few bytes.
        let (mut best, mut over) = (first, levels.count());
        while over - best.asked.index() > 1 {
            // Between two numbers that a byte holds.
            let middle = levels.require(((best.asked.index() + over) / 2) as u8)?;
            let made = self.file(middle)?;
            if made.bytes.len() as u64 <= budget {
                best = made;
            } else {
                over = middle.index();
            }
        }
        match self.search {
            Some(_) => self.refined_within(budget, best),
            None => Ok(best),
        }
    }

    /// Among the files of a search at the level that fits without one, and around it, the one of the least error within
    /// the budget: a search moves bits as well as error.
    fn refined_within(&mut self, budget: u64, fitting: Made) -> Result<Made, Error> {
        let level = fitting.asked;
        let first = self.refined(level)?;
        let mut best = (first.start_squared_error, fitting);
        let fits = |t: &Tried| t.made.bytes.len() as u64 <= budget;
        let next = match fits(&first) {
            true => level.number().checked_add(1),
            false => level.number().checked_sub(1),
        };
        let second = next
            .and_then(|n| self.levels.get(n))
            .map(|level: Level| self.refined(level))
            .transpose()?;
        for tried in std::iter::once(first).chain(second) {
            if fits(&tried) && tried.squared_error < best.0 {
                best = (tried.squared_error, tried.made);
            }
        }
        Ok(best.1)
    }
}
