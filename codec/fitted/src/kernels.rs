//! The loops over many places at once.

mod plain;

pub(crate) use plain::{Features, arm, dense, mix, wide};
