//! The files that travel inside the library: a part of the conformance set.

/// A file and the picture that it decoded to when it was made.
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) kiln: &'static [u8],
    pub(crate) png: &'static [u8],
}

macro_rules! file {
    ($name:literal) => {
        File {
            name: $name,
            kiln: include_bytes!(concat!("../../conformance/", $name, ".kiln")),
            png: include_bytes!(concat!("../../conformance/", $name, ".png")),
        }
    };
}

/// Low, middle and top qualities, alpha, grey of 16 bits, several stripes, several tiles.
pub(crate) const FILES: [File; 7] = [
    file!("rgb-9"),
    file!("rgb-36"),
    file!("rgb-63"),
    file!("rgba-45"),
    file!("grey16-55"),
    file!("tall-26"),
    file!("wide-33"),
];

macro_rules! fitted {
    ($name:literal) => {
        File {
            name: $name,
            kiln: include_bytes!(concat!("../../conformance/fitted/", $name, ".kiln")),
            png: include_bytes!(concat!("../../conformance/fitted/", $name, ".png")),
        }
    };
}

/// Files with networks of their own: both ends of the rates, alpha, grey of 16 bits.
pub(crate) const FITTED: [File; 4] = [
    fitted!("rgb-9"),
    fitted!("rgb-45"),
    fitted!("rgba-45"),
    fitted!("grey16-55"),
];
