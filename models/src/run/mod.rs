//! Running networks: tiles, and all that encoder and decoder share whatever the architecture is.

mod codec;
pub(crate) mod tiles;

#[cfg(test)]
pub(crate) use codec::Placed;
pub(crate) use codec::{encode_known, open};
