//! Which files of a folder a command is for.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use image::ImageFormat;
use kiln::picture::Format;

/// First bytes of a kiln file, as `FORMAT.md` states them.
const SIGNATURE: &[u8] = b"\x9bKLN";
/// Most bytes that are looked at to know a file by its content.
const HEAD: u64 = 32;
/// Extensions of pictures beside those that [`Format`] knows.
const OTHER_EXTENSIONS: [&str; 4] = ["apng", "dib", "jfif", "jpe"];

/// What a command reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pictures.
    Picture,
    /// kiln files.
    Kiln,
}

impl Kind {
    /// Whether the name of a file says that it is of this kind.
    pub fn is_named(self, path: &Path) -> bool {
        let extension = path.extension().unwrap_or_default();
        let is = |known: &str| extension.eq_ignore_ascii_case(known);
        match self {
            Self::Picture => {
                Format::from_path(path).is_ok() || OTHER_EXTENSIONS.into_iter().any(is)
            }
            Self::Kiln => is("kiln"),
        }
    }

    /// Whether a file is of this kind by its name, or by its first bytes.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_of(self, path: &Path) -> io::Result<bool> {
        if self.is_named(path) {
            return Ok(true);
        }
        let mut head = Vec::new();
        File::open(path)?.take(HEAD).read_to_end(&mut head)?;
        Ok(match self {
            Self::Picture => is_picture(&head),
            Self::Kiln => is_kiln(&head),
        })
    }

    /// Files of this kind, in words.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Picture => "pictures that kiln reads",
            Self::Kiln => "kiln files",
        }
    }
}

/// Whether a file that starts with these bytes is a kiln file.
pub fn is_kiln(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
}

/// Whether a file that starts with these bytes is a picture. Formats whose mark is two letters, such as BMP, are known
/// by their names alone: texts begin with those too.
fn is_picture(head: &[u8]) -> bool {
    use ImageFormat::{Gif, Jpeg, Png, Qoi, Tiff, WebP};
    image::guess_format(head)
        .is_ok_and(|format| [Gif, Jpeg, Png, Qoi, Tiff, WebP].contains(&format))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_or_contents_tell() {
        let folder = tempfile::tempdir().unwrap();
        let png = b"\x89PNG\r\n\x1a\n and more";
        let cases: [(&str, &[u8], bool, bool); 10] = [
            ("a.PNG", b"no picture, but it should be one", true, false),
            ("b.tif", b"", true, false),
            ("b.JFIF", b"", true, false),
            ("c", png, true, false),
            ("d.txt", png, true, false),
            ("e.txt", b"BMW is a maker of cars", false, false),
            ("f.txt", b"P5 is a number of a page", false, false),
            ("g.kiln", b"", false, true),
            ("h", b"\x9bKLN and more", false, true),
            ("png", b"a name without an extension", false, false),
        ];
        for (name, content, picture, kiln) in cases {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            let found = [Kind::Picture, Kind::Kiln].map(|kind| kind.is_of(&path).unwrap());
            assert_eq!(found, [picture, kiln], "{name}");
        }
        assert!(Kind::Kiln.is_of(&folder.path().join("missing")).is_err());
    }
}
