//! How far the work is, and whether it goes on.

use std::ops::ControlFlow;

use crate::error::Error;

/// Is told how many of how many latents are done, and may stop the work.
pub type Watch<'a> = &'a (dyn Fn(u64, u64) -> ControlFlow<()> + Sync);

pub(crate) fn report(watch: Watch<'_>, done: u64, total: u64) -> Result<(), Error> {
    match watch(done, total) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
}
