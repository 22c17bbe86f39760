//! Wrong usage that clap cannot see, reported with the same exit code.

/// The arguments make no sense together; whoever typed them must change them. Exit code 2.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);
