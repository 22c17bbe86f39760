//! What can be done with symbols, one coder each.

mod estimate;
mod follow;
mod limited;
mod reader;
mod recorder;
mod replay;
mod tally;
mod writer;

pub use estimate::Estimate;
pub use follow::Follow;
pub use limited::Limited;
pub use reader::Reader;
pub use recorder::{Record, Recorder};
pub use replay::Replay;
pub use tally::Tally;
pub use writer::Writer;
