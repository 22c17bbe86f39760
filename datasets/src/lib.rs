//! Pictures to measure on: the bundled Kodak set, checked by hash, and any folder of pictures.
//!
//! A [`Dataset`] is a sorted list of names and paths. It reads no pixels. Only [`fetch()`] opens a connection, to fetch what
//! a [`Recipe`] lists.
//!
//! ```
//! use kiln_datasets::Dataset;
//!
//! let kodak = Dataset::kodak(&kiln_datasets::kodak_folder()?)?;
//! assert_eq!(kodak.len(), 24);
//! assert_eq!(kodak.iter().next().map(|item| item.name.as_str()), Some("kodim01"));
//! # Ok::<(), kiln_datasets::DatasetError>(())
//! ```
#![forbid(unsafe_code)]

mod archive;
mod dataset;
mod disk;
mod error;
mod fetch;
mod manifest;
pub mod recipe;
mod root;

pub use dataset::{Dataset, Item, PICTURE_EXTENSIONS};
pub use error::DatasetError;
pub use fetch::{Report, fetch};
pub use recipe::Recipe;
pub use root::{ROOT_VARIABLE, kodak_folder};
