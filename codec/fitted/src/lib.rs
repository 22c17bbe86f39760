//! The decoder of pictures whose networks travel in the file, in integers.
mod shape;
mod standin;

pub use shape::{GROUPS, Grid, Group, NEIGHBOURS, Role, Shape, Tensor, WITH_FEATURES};
pub use standin::*;
