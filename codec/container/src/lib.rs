//! The `.kiln` file format, version 1: parsing and writing under finite limits.
//!
//! This crate knows the bytes of a file and nothing of pictures or networks: how many streams a frame has, and what
//! they hold, is the architecture's. It uses no floats and forbids unsafe code. Everything in a file is untrusted:
//! sizes are held against [`Limits`] as soon as they are read, and checksums are verified before a frame or a box is
//! handed out.
//!
//! | | a whole file in memory | frame by frame |
//! |---|---|---|
//! | read | [`Container::parse`], which borrows from the bytes | [`Reader`] |
//! | write | [`Container::write`] | [`Writer`] |
//!
//! `FORMAT.md` beside this crate is the normative description. Each value has exactly one encoding, so that
//! `parse(write(c)) == c` for every container and `write(parse(b)) == b` for every accepted file.
//!
//! ```
//! use kiln_container::{
//!     Alpha, Boxes, ColorKind, Container, Depth, Frame, FrameKind, Header, Limits, peek,
//! };
//!
//! let header = Header {
//!     architecture: 4,
//!     decoder_set: [0x11; 8],
//!     width: 768,
//!     height: 512,
//!     color: ColorKind::Rgb,
//!     alpha: Alpha::None,
//!     depth: Depth::Eight,
//!     portable: true,
//!     sequence: None,
//! };
//! let frame = Frame {
//!     kind: FrameKind::Intra,
//!     level: 32,
//!     symbols_crc: 0x1234_5678,
//!     graphics: None,
//!     alpha: None,
//!     streams: vec![vec![1, 2, 3].into(), vec![4, 5, 6, 7].into()],
//! };
//! let container = Container { header, boxes: Boxes::default(), frames: vec![frame] };
//! let bytes = container.write()?;
//!
//! assert_eq!(peek(&bytes)?, header);
//! assert_eq!(Container::parse(&bytes, &Limits::default())?, container);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod boxes;
mod container;
mod cursor;
mod error;
mod fields;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod header;
mod index;
mod limits;
mod reader;
mod seal;
mod sequence;
mod source;
mod stream;
mod varint;
mod walk;
mod writer;

pub use boxes::{
    ANCILLARY, BOX_CHROMATICITIES, BOX_CICP, BOX_DENSITY, BOX_DEVICE, BOX_EXIF, BOX_EXTENDED_XMP,
    BOX_GAMMA, BOX_ICC, BOX_IPTC, BOX_TEXT, BOX_XMP, Boxes, MAX_DEVICE_BYTES, OtherBox, box_name,
};
pub use container::Container;
pub use error::{Feature, ParseError, ReadError, WriteError, WriterError};
pub use frame::{Frame, FrameKind, MAX_LEVEL};
pub use header::{Alpha, ColorKind, Depth, Header, MAGIC, MAX_PEEK_BYTES, MAX_SIDE, VERSION, peek};
pub use index::{Index, KeyFrame};
pub use limits::Limits;
pub use reader::Reader;
#[doc(hidden)]
pub use seal::reseal;
pub use sequence::{Rate, Sequence};
pub use writer::Writer;
