//! The image file formats that are read or written, and how others are told apart.

use super::PictureError;
use std::fmt;
use std::path::Path;

/// An image file format that can be read, and with a few exceptions written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Lossless, every kind of picture and metadata.
    Png,
    /// Lossy, 8 bit, no alpha.
    Jpeg,
    /// Read lossy and lossless, written lossless; 8 bit, at most 16384 pixels a side. Grey comes back as RGB.
    WebP,
    /// PBM, PGM, PPM and PAM: bare pixels with 8 or 16 bit, no metadata.
    Pnm,
    /// Read only.
    Bmp,
    /// Read only: stills, and the first frames of animations.
    Gif,
    /// Read only.
    Qoi,
    /// Read only.
    Tga,
    /// Read only: integers of 8 or 16 bits, grey or RGB.
    Tiff,
}

impl Format {
    pub(super) const KNOWN_NAMES: &str = "png, jpg, jpeg, webp, pnm, pbm, ppm, pgm, pam";

    /// The format for a file extension or a name given by the user, in any case: `png`, `jpg`, `jpeg`, `webp`,
    /// `pnm`, `pbm`, `ppm`, `pgm`, `pam`, and those that are only read: `bmp`, `gif`, `qoi`, `tga`, `tif` and `tiff`.
    ///
    /// # Errors
    /// [`PictureError::UnknownFormat`] for anything else.
    pub fn from_name(name: &str) -> Result<Self, PictureError> {
        match name.to_ascii_lowercase().as_str() {
            "png" => Ok(Self::Png),
            "jpg" | "jpeg" => Ok(Self::Jpeg),
            "webp" => Ok(Self::WebP),
            "pnm" | "pbm" | "ppm" | "pgm" | "pam" => Ok(Self::Pnm),
            "bmp" => Ok(Self::Bmp),
            "gif" => Ok(Self::Gif),
            "qoi" => Ok(Self::Qoi),
            "tga" => Ok(Self::Tga),
            "tif" | "tiff" => Ok(Self::Tiff),
            _ => Err(PictureError::UnknownFormat {
                name: name.to_owned(),
            }),
        }
    }

    /// The format that the extension of `path` stands for. For output: [`load`](super::load) goes by content.
    ///
    /// # Errors
    /// [`PictureError::UnknownFormat`], with an empty name where there is no extension.
    pub fn from_path(path: &Path) -> Result<Self, PictureError> {
        let extension = path.extension().unwrap_or_default();
        Self::from_name(&extension.to_string_lossy())
    }

    /// What people call the format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Pnm => "PNM",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::Qoi => "QOI",
            Self::Tga => "TGA",
            Self::Tiff => "TIFF",
        }
    }

    /// The format of the file that starts with `bytes`.
    pub(super) fn sniff(bytes: &[u8]) -> Result<Self, PictureError> {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => Ok(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Ok(Self::Jpeg),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Ok(Self::WebP),
            [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace() || *space == b'#' => {
                Ok(Self::Pnm)
            }
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Self::Gif),
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Ok(Self::Tiff),
            [b'B', b'M', rest @ ..] if is_bmp(rest) => Ok(Self::Bmp),
            [b'q', b'o', b'i', b'f', ..] => Ok(Self::Qoi),
            // It has no signature in front: everything else comes first.
            _ if foreign_name(bytes).is_none() && is_tga(bytes) => Ok(Self::Tga),
            _ => Err(PictureError::Unsupported(match foreign_name(bytes) {
                Some(name) => format!("this looks like {name}; only {READ} are read"),
                None => format!("not a picture in a known format; only {READ} are read"),
            })),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All formats, in an error for a file in none of them.
const READ: &str = "PNG, JPEG, WebP, PNM, GIF, TIFF, BMP, QOI and TGA";

/// Whether what follows the signature of a BMP file is its header: the length of the second header is one of a few.
fn is_bmp(rest: &[u8]) -> bool {
    matches!(
        rest.get(12..16),
        Some([12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])
    )
}

/// Whether this is a TGA file: by its footer, or by a header whose every field is possible.
fn is_tga(bytes: &[u8]) -> bool {
    let Some(
        &[
            _,
            map,
            kind,
            _,
            _,
            l0,
            l1,
            entry,
            _,
            _,
            _,
            _,
            w0,
            w1,
            h0,
            h1,
            depth,
            flags,
        ],
    ) = bytes.first_chunk::<18>()
    else {
        return false;
    };
    let has_size = (w0 | w1) != 0 && (h0 | h1) != 0;
    let has_kind = match (map, kind) {
        (1, 1 | 9) => depth == 8 && (l0 | l1) != 0 && matches!(entry, 15 | 16 | 24 | 32),
        (0, 2 | 10) => matches!(depth, 15 | 16 | 24 | 32),
        (0, 3 | 11) => matches!(depth, 8 | 16),
        _ => false,
    };
    // The two highest bits have no meaning any more.
    let is_header = has_size && has_kind && flags & 0xC0 == 0 && (map != 0 || (l0 | l1) == 0);
    is_header || (has_size && has_kind && bytes.ends_with(b"TRUEVISION-XFILE.\0"))
}

/// What a file of none of our formats most likely is.
fn foreign_name(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: &[(&[u8], &str)] = &[
        (b"\x9BKLN", "a kiln file (decode it, do not encode it)"),
        (b"GIF8", "a GIF file"),
        (b"II+\0", "a BigTIFF file"),
        (b"MM\0+", "a BigTIFF file"),
        (b"BM", "a BMP file of a kind that is not known"),
        (b"PF", "a PFM file (floating-point pixels)"),
        (b"Pf", "a PFM file (floating-point pixels)"),
        (
            b"\x76\x2F\x31\x01",
            "an OpenEXR file (floating-point pixels)",
        ),
        (b"#?RADIANCE", "a Radiance HDR file (floating-point pixels)"),
        (b"\xFF\x0A", "a JPEG XL file"),
        (b"\0\0\0\x0CJXL ", "a JPEG XL file"),
        (b"\0\0\0\x0CjP  ", "a JPEG 2000 file"),
        (b"\xFF\x4F\xFF\x51", "a JPEG 2000 file"),
        (b"8BPS", "a Photoshop file"),
        (b"\0\0\x01\0", "an icon file (ICO)"),
        (b"farbfeld", "a farbfeld file"),
        (b"DDS ", "a DDS file"),
        (b"%PDF", "a PDF file"),
        (b"<svg", "an SVG file"),
        (b"<?xml", "an XML or SVG file"),
    ];
    let known = SIGNATURES
        .iter()
        .find(|(signature, _)| bytes.starts_with(signature));
    if let Some((_, name)) = known {
        return Some(name);
    }
    // ISO media files: the brand after `ftyp` says which.
    match bytes.get(4..12)? {
        b"ftypavif" | b"ftypavis" => Some("an AVIF file"),
        [b'f', b't', b'y', b'p', b'h' | b'm', b'e' | b'i', ..] => Some("a HEIF file"),
        [b'f', b't', b'y', b'p', ..] => Some("a video file"),
        _ => None,
    }
}
