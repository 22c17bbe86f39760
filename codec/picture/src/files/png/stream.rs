//! The compressed stream of the pixels: whether it is whole.
//!
//! The decoder stops at the last pixel and does not look at what ends the stream, its checksum above all.

use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that are unpacked at once.
const SCRATCH: usize = 1 << 15;

/// Unpacks a stream as it comes, and forgets what comes out.
pub(super) struct Stream {
    inflate: Decompress,
    scratch: Vec<u8>,
    /// Most bytes that the pixels can take.
    most: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Broken,
}

impl Stream {
    /// A stream of a picture that takes `most` bytes unpacked.
    pub(super) fn new(most: u64) -> Self {
        Self {
            inflate: Decompress::new(true),
            scratch: vec![0; SCRATCH],
            most,
            state: State::Open,
        }
    }

    pub(super) fn feed(&mut self, mut data: &[u8]) {
        while self.state == State::Open {
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let flush = FlushDecompress::None;
            let status = self.inflate.decompress(data, &mut self.scratch, flush);
            let taken = (self.inflate.total_in() - read) as usize;
            data = data.get(taken..).unwrap_or_default();
            self.state = match status {
                _ if self.inflate.total_out() > self.most => State::Broken,
                Ok(Status::StreamEnd) => State::Ended,
                Ok(_) => State::Open,
                Err(_) => State::Broken,
            };
            if taken == 0 && self.inflate.total_out() == written {
                return;
            }
        }
    }

    /// Whether the stream has come to its end, and its checksum is right.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Ended
    }
}
