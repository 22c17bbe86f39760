//! The `.kiln` file format, version 1: parsing and writing under finite limits.
//!
//! This crate knows the bytes of a file and nothing of pictures or networks: it reads from `&[u8]`, writes to
//! `Vec<u8>`, does no I/O, uses no floats and forbids unsafe code. Everything in a file is untrusted: sizes are
//! held against [`Limits`] as soon as they are read, checksums are verified before a value is believed, and
//! box and chunk bytes are borrowed from the input, never copied.
//!
//! `FORMAT.md` beside this crate is the normative description. Each value has exactly one encoding, so that
//! `parse(write(c)) == c` for every container and `write(parse(b)) == b` for every accepted file.
//!
//! ```
//! use std::borrow::Cow;
//! use kiln_container::{
//!     Alpha, Boxes, ColorKind, Container, Depth, Frame, Header, Limits, expected_chunks, peek,
//! };
//!
//! let header = Header {
//!     architecture: 1,
//!     decoder_set: [0x11; 8],
//!     width: 768,
//!     height: 512,
//!     color: ColorKind::Rgb,
//!     alpha: Alpha::None,
//!     depth: Depth::Eight,
//! };
//! assert_eq!(expected_chunks(header.width, header.height), 2);
//!
//! let z = [1_u8, 2, 3];
//! let y = [4_u8, 5, 6, 7];
//! let frame = Frame {
//!     level: 32,
//!     symbols_crc: 0x1234_5678,
//!     chunks: vec![Cow::Borrowed(&z[..]), Cow::Borrowed(&y[..])],
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
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod header;
mod layout;
mod limits;
mod seal;
mod varint;

pub use boxes::{ANCILLARY, BOX_ALPHA, BOX_EXIF, BOX_ICC, BOX_XMP, Boxes, OtherBox, box_name};
pub use container::Container;
pub use error::{Feature, ParseError, WriteError};
pub use frame::{Frame, LATENT_STEP, MAX_LEVEL, STRIPE_ROWS, expected_chunks};
pub use header::{Alpha, ColorKind, Depth, Header, MAGIC, MAX_PEEK_BYTES, MAX_SIDE, VERSION, peek};
pub use limits::Limits;
#[doc(hidden)]
pub use seal::reseal;
