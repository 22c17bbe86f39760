//! Pictures in and out: image files, alpha, and the metadata that travels along. All of this is the crate
//! `kiln-picture`'s, and is here for programs that use `kiln` alone.

pub use kiln_picture::{
    Density, DensityUnit, Format, LoadOptions, Loaded, Metadata, Picture, PictureError,
    StoreOptions, Text, Warning, alpha, load, store,
};
