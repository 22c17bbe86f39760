//! Until when integers are looked for.

use std::time::Instant;

use crate::{Error, Next, Status, Watch};

/// What ends the search, beside having tried everything.
pub(crate) struct Pace<'a> {
    /// The time is up; what was found so far is used.
    pub until: Option<Instant>,
    /// Is asked all the time.
    pub watch: &'a dyn Watch,
    /// What it is told.
    pub status: Status,
}

impl Pace<'_> {
    /// Whether there is time for more.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the caller cancels.
    pub(super) fn goes_on(&self) -> Result<bool, Error> {
        match self.watch.update(&self.status) {
            Next::GoOn => Ok(self.until.is_none_or(|until| Instant::now() < until)),
            Next::Finish => Ok(false),
            Next::Cancel => Err(Error::Stopped),
        }
    }
}
